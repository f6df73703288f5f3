import Testing
import VarveFormat
import VarveTestSupport

@Suite struct JSONTextTests {
  private static func read(_ text: String) -> JSONValue? { try? JSONText.value(Array(text.utf8)) }

  @Test(arguments: [
    (" { \"b\" : [ 1 , -2 ] ,\n\"a\":null}\t", #"{"a":null,"b":[1,-2]}"#),
    (#""\u00e4\ud83d\ude00\/\n""#, #""ä😀/\n""#), ("0", "0"), ("[]", "[]"),
    ("[true,false]", "[true,false]"), ("9007199254740991", "9007199254740991"),
  ])
  func whatOthersWrite(text: String, canonical: String) throws {
    #expect(Self.read(text)?.canonicalText == canonical)
  }

  @Test(arguments: [
    "", "{", "[1,]", "{\"a\":1,\"a\":2}", "01", "1.5", "1e3", "-", "\"\u{1}\"", #""\ud800""#,
    #""\udc00""#, #""\x""#, #""\u12""#, "nul", "1 2", "9007199254740992", "{1:2}",
    String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
  ])
  func whatIsNone(text: String) { #expect(Self.read(text) == nil) }

  @Test func canonicalJSONIsReadAsItIs() throws {
    var random = SeededGenerator(seed: 7)
    for _ in 0..<300 {
      let value = Self.random(&random, depth: 0)
      #expect(try JSONText.value(value.canonicalBytes()) == value)
    }
  }

  @Test func bytesOfAnyKindEndInAnError() {
    var random = SeededGenerator(seed: 8)
    let alphabet = Array("{}[]\",:\\u0d8-1tfn ".utf8) + [0xff, 0x00]
    for _ in 0..<20_000 {
      let count = Int.random(in: 0..<20, using: &random)
      let bytes = (0..<count).map { _ in alphabet.randomElement(using: &random)! }
      _ = try? JSONText.value(bytes)
    }
  }

  private static func random(_ random: inout SeededGenerator, depth: Int) -> JSONValue {
    switch Int.random(in: 0..<(depth < 3 ? 6 : 4), using: &random) {
    case 0: return .null
    case 1: return .bool(Bool.random(using: &random))
    case 2:
      return .integer(
        Int64.random(in: -JSONValue.integerLimit...JSONValue.integerLimit, using: &random))
    case 3: return .string(["", "ä\n\u{1}\"\\", "x😀"].randomElement(using: &random)!)
    case 4: return .array((0..<3).map { _ in self.random(&random, depth: depth + 1) })
    default:
      return .object(["a": self.random(&random, depth: depth + 1), "ß": .null])
    }
  }
}
