import Testing
import VarveFormat
import VarveTestSupport

@Suite struct TextEncodingTests {
  /// RFC 4648, section 10.
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func base64(_ plain: String, _ encoded: String) {
    #expect(Base64.encode(Array(plain.utf8)) == encoded)
    #expect(Base64.decode(encoded) == Array(plain.utf8))
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "Zm9v=", "=", "====", "Z===", "Zg==Zg==",
    " Zm9v", "Zm9v\n", "Zm-_", "Zm9\u{e9}",
  ])
  func otherBase64IsRefused(_ text: String) { #expect(Base64.decode(text) == nil) }

  /// RFC 4648, section 10, without the padding.
  @Test(arguments: [
    ("", ""), ("f", "MY"), ("fo", "MZXQ"), ("foo", "MZXW6"), ("foob", "MZXW6YQ"),
    ("fooba", "MZXW6YTB"), ("foobar", "MZXW6YTBOI"),
  ])
  func base32(_ plain: String, _ encoded: String) {
    var text = [UInt8](repeating: 0, count: Base32.encodedCount(plain.utf8.count))
    Array(plain.utf8).withUnsafeBytes { plain in
      text.withUnsafeMutableBytes { Base32.encode(plain, into: $0) }
    }
    #expect(String(decoding: text, as: UTF8.self) == encoded)
    #expect(Self.decodeBase32(encoded) == Array(plain.utf8))
  }

  static func decodeBase32(_ text: String) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: text.utf8.count)
    let count = Array(text.utf8).withUnsafeBytes { text in
      bytes.withUnsafeMutableBytes { Base32.decode(text, into: $0) }
    }
    return count.map { Array(bytes[..<$0]) }
  }

  @Test(arguments: ["M", "my", "MZ", "M1", "MY======", "MZXW6Y", "M Y", "MZX"])
  func otherBase32IsRefused(_ text: String) { #expect(Self.decodeBase32(text) == nil) }

  @Test(arguments: [
    ("plain", "plain"), ("é", "é"), ("a\\b", #"a\\b"#), ("", ""), ("\u{0}\n", "\u{0}\n"),
    (#"\xff"#, #"\\xff"#),
  ])
  func textStandsForItself(_ plain: String, _ escaped: String) {
    #expect(EscapedBytes.text(Array(plain.utf8)) == escaped)
    #expect(EscapedBytes.bytes(escaped) == Array(plain.utf8))
  }

  @Test(arguments: [
    ([0xff], #"\xff"#), ([0x61, 0x80, 0x62], #"a\x80b"#), ([0xe2, 0x82], #"\xe2\x82"#),
    ([0xe2, 0x82, 0x41], #"\xe2\x82A"#), ([0xc0, 0xaf], #"\xc0\xaf"#),
    ([0xed, 0xa0, 0x80], #"\xed\xa0\x80"#), ([0xf4, 0x90, 0x80, 0x80], #"\xf4\x90\x80\x80"#),
    ([0xc3, 0xa9, 0xff, 0x5c], #"é\xff\\"#), ([0xf0, 0x9d, 0x84, 0x9e, 0xf0], "𝄞\\xf0"),
  ])
  func otherBytesAreEscaped(_ bytes: [UInt8], _ escaped: String) {
    #expect(EscapedBytes.text(bytes) == escaped)
    #expect(EscapedBytes.bytes(escaped) == bytes)
  }

  @Test(arguments: [
    #"\"#, #"\x"#, #"\xf"#, #"\xfg"#, #"\xFF"#, #"\n"#, #"\x41"#, #"\xc3\xa9"#, #"a\"#, #"\x5c"#,
  ])
  func otherNotationsAreRefused(_ text: String) { #expect(EscapedBytes.bytes(text) == nil) }

  @Test func anyBytesReadBack() {
    var generator = SeededGenerator(seed: 5)
    for round in 0..<2000 {
      let alphabet: [UInt8] = [
        0x5c, 0x78, 0x66, 0xc3, 0xa9, 0xe2, 0x82, 0xac, 0xf0, 0x9d, 0x84, 0x9e,
      ]
      let bytes: [UInt8] = (0..<round % 40).map { _ in
        round.isMultiple(of: 2)
          ? UInt8.random(in: 0...255, using: &generator)
          : alphabet.randomElement(using: &generator) ?? 0
      }
      #expect(EscapedBytes.bytes(EscapedBytes.text(bytes)) == bytes)
      #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
  }
}
