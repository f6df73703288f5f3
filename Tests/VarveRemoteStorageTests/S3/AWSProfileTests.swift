import Testing
import VarveFormat
import VarveRemoteStorage
import VarveTestSupport

@Suite struct AWSProfileTests {
  @Test func bothFiles() throws {
    let config = """
      # comment
      [default]
      region = eu-west-1
      aws_access_key_id=config
      [profile  work  ]
      region=us-west-2 ; where the bucket is
      s3 =
        addressing_style = path
        region = nested
      endpoint_url = https://s3.example.org
      [sso-session work]
      region = other
      """
    let credentials = """
      [default]\r
      AWS_ACCESS_KEY_ID = AKID\r
      aws_secret_access_key = a/b+c=d\r
      [work]
          aws_access_key_id = WORK
          aws_secret_access_key = x#y
      """
    let standard = try #require(
      AWSProfile.read("default", config: config, credentials: credentials))
    #expect(standard["region"] == "eu-west-1")
    #expect(standard["aws_access_key_id"] == "AKID")
    #expect(standard["aws_secret_access_key"] == "a/b+c=d")
    let work = try #require(AWSProfile.read("work", config: config, credentials: credentials))
    #expect(work["region"] == "us-west-2")
    #expect(work["endpoint_url"] == "https://s3.example.org")
    #expect(work["addressing_style"] == nil)
    #expect(work["aws_access_key_id"] == "WORK")
    #expect(work["aws_secret_access_key"] == "x#y")
    #expect(AWSProfile.read("nobody", config: config, credentials: credentials) == nil)
    #expect(AWSProfile.read("default", config: nil, credentials: nil) == nil)
    #expect(AWSProfile.read("work", config: config, credentials: nil)?["aws_access_key_id"] == nil)
  }

  @Test func namesInQuotationMarks() {
    let config = "[profile \"my name\"]\nregion = x\n[profile 'b']\nregion=y"
    #expect(AWSProfile.read("my name", config: config, credentials: nil)?["region"] == "x")
    #expect(AWSProfile.read("b", config: config, credentials: nil)?["region"] == "y")
  }

  @Test(arguments: [
    "", "=", "[", "[]", "]", "[default", "[default]x", "[default]\n=\n", "[default]\n= x",
    "region=x",
    "[default]\n[", "\u{0}", "[default]\nregion", "  [default]", "\r\r\n\n", "[default]\nregion=#",
  ])
  func oddTexts(_ text: String) {
    #expect(AWSProfile.read("default", config: text, credentials: text)?["region"] == nil)
  }

  @Test func randomTexts() {
    var random = SeededGenerator(seed: 5)
    let pieces = [
      "[", "]", "default", "profile ", "=", "\n", "\r", " ", "\t", "#", ";", "region", "ü", "\"",
    ]
    for _ in 0..<3_000 {
      let text = (0..<Int.random(in: 0..<30, using: &random))
        .map { _ in pieces[Int.random(in: 0..<pieces.count, using: &random)] }.joined()
      _ = AWSProfile.read("default", config: text, credentials: text)
    }
  }

  @Test func jsonInAnySpelling() throws {
    let text = """
      \n{ "a" : "x\\u0041\\ud83d\\uddfb\\/\\n\\"" ,\t"b":null,"c":{"d":[1,-2.5E+3,true,{}],"a":"no"},"a2":[],
      "e":""}\r\n
      """
    let strings = try #require(JSONStrings(Array(text.utf8)))
    #expect(strings["a"] == "xA🗻/\n\"")
    #expect(strings["b"] == nil)
    #expect(strings["e"] == "")
    #expect(JSONStrings(Array("{}".utf8))?.members == [:])
    #expect(JSONStrings(Array("{\"a\":\"x\",\"a\":1}".utf8))?["a"] == nil)
  }

  @Test(arguments: [
    "", "{", "}", "[]", "\"a\"", "{\"a\"}", "{\"a\":}", "{\"a\":\"x}", "{\"a\":\"x\",}", "{a:1}",
    "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\udc00\"}", "{\"a\":\"\\ud83d\\u0041\"}", "{\"a\":\"\\u00\"}",
    "{\"a\":\"\\", "{\"a\":\"\\x\"}", "{\"a\":\"\n\"}", "{\"a\":1}x", "{\"a\":[1}",
    "{\"a\":[[[[[[[[[[[[[[[[[1",
  ])
  func whatIsNoJSONObject(_ text: String) { #expect(JSONStrings(Array(text.utf8)) == nil) }

  @Test func damagedJSON() {
    var random = SeededGenerator(seed: 6)
    let good = Array(
      "{\"Code\":\"Success\",\"a\":[{\"b\":-1.5},\"\\u00e4\"],\"Token\":\"x\\\\y\"}".utf8)
    for _ in 0..<20_000 {
      var bytes = good
      for _ in 0..<Int.random(in: 1...3, using: &random) {
        bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(
          in: 0...255, using: &random)
      }
      _ = JSONStrings(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
    }
  }
}
