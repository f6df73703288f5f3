import Testing
import VarveFormat
import VarveRemoteStorage

@Suite struct S3LocationTests {
  @Test func formsThatAreUnderstood() throws {
    for (text, endpoint, bucket, prefix, shown) in [
      (
        "s3:https://s3.example.org/bucket/a/b", "https s3.example.org", "bucket", "a/b/",
        "s3:https://s3.example.org/bucket/a/b"
      ),
      ("s3:http://127.0.0.1:5000/bucket", "http 127.0.0.1 5000", "bucket", "", nil),
      (
        "s3:host:9000/bucket/", "https host 9000", "bucket", "", "s3:https://host:9000/bucket"
      ),
      ("s3:https://[::1]:9/bucket/x", "https [::1] 9", "bucket", "x/", nil),
      ("s3://bucket/a//b c/ü/", "aws", "bucket", "a/b c/ü/", "s3://bucket/a/b c/ü"),
      ("s3://my.bucket", "aws", "my.bucket", "", nil),
    ] as [(String, String, String, String, String?)] {
      let place = try S3Location(text)
      let found =
        switch place.endpoint {
        case .aws: "aws"
        case .service(let isSecure, let host, let port):
          "\(isSecure ? "https" : "http") \(host)\(port.map { " \($0)" } ?? "")"
        }
      #expect(found == endpoint, "\(text)")
      #expect(place.bucket == bucket, "\(text)")
      #expect(place.prefix == prefix, "\(text)")
      #expect(place.description == shown ?? text)
      #expect(try S3Location(place.description) == place)
      #expect(S3Location.isMeant(by: text))
    }
  }

  @Test(arguments: [
    "", "s3", "s3:", "s3:/", "s3://", "s3:///x", "s3:https://", "s3:https:///bucket", "s3:host",
    "s3:host/", "s3:host//x", "s3:host:0/bucket", "s3:host:65536/bucket", "s3:host:x/bucket",
    "s3:host:/bucket", "s3://bu", "s3://b\u{0}ucket", "s3://bücket", "s3://bucket/../x",
    "s3://bucket/./x", "s3://bucket/a\nb", "s3:ho st/bucket", "s3:https://user:word@host/bucket",
    "s3:[::1/bucket", "s3:[::1]x/bucket", "s3:https://host?x/bucket", "s3:ftp://host/bucket",
    "sftp:host/bucket",
  ])
  func formsThatAreNot(_ text: String) throws {
    let error = #expect(throws: VarveError.self) { try S3Location(text) }
    #expect(error?.code == .usage)
    #expect(error?.message.contains("word") == false)
    #expect(error?.hint?.contains("s3:https://host/bucket/prefix") == true)
  }

  @Test func prefixesHaveABound() throws {
    _ = try S3Location("s3://bucket/" + String(repeating: "a", count: 511))
    #expect(throws: VarveError(.usage, "")) {
      try S3Location("s3://bucket/" + String(repeating: "a", count: 512))
    }
  }
}
