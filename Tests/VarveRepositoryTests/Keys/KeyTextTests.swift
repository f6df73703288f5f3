import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveTestSupport

@Suite struct KeyTextTests {
  static let repository = Digest(0x0102_0304_0506_0708, 9, 10, 11)
  static let secret = Array(UInt8(0)..<32)

  static func text(_ kind: KeyText.Kind) -> String {
    KeyText(kind: kind, repository: repository, secret: SecretBytes(copying: secret)).line()
      .withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
  }

  static func parse(_ text: String) throws -> (KeyText.Kind, [UInt8], Bool) {
    let key = try KeyText(parsing: SecretBytes(copying: Array(text.utf8)))
    return (
      key.kind, key.secret.withUnsafeBytes { Array($0) }, key.belongs(to: repository)
    )
  }

  /// Computed with Python's hashlib and base64.
  @Test func spelling() {
    #expect(
      Self.text(.keyFile)
        == "VARVE-KEY-1-JMAQEA-YEAUDA-OCAAAE-BAGBAF-AYDQQC-IKBMGA-2DQPCA-IREEYU-CULBOG-AZDINR"
        + "-YHI6D5-BG2GKD")
  }

  @Test(arguments: [KeyText.Kind.keyFile, .recovery]) func keysReadBack(_ kind: KeyText.Kind) throws
  {
    let line = Self.text(kind)
    #expect(line.utf8.count == 12 + 72 + 11)
    let file = KeyText(
      kind: kind, repository: Self.repository, secret: SecretBytes(copying: Self.secret)
    ).fileText(repository: Self.repository).withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    #expect(file.hasSuffix(line + "\n"))
    #expect(file.contains(Self.repository.hex))
    for text in [
      line, line + "\n", line + "\r\n", file, line.lowercased(), "# comment\n\n  \(line)  \n\n#\n",
      line.replacing("-", with: ""), line.replacing("-", with: " - "), "\n\n" + line,
    ] {
      let (parsedKind, secret, belongs) = try Self.parse(text)
      #expect(parsedKind == kind)
      #expect(secret == Self.secret)
      #expect(belongs)
    }
  }

  @Test func otherTextsAreRefused() {
    let line = Self.text(.keyFile)
    for text in [
      "", "\n", "# \(line)", line + "\n" + line, String(line.dropLast()), line + "A",
      line.replacing("VARVE-KEY-1", with: "VARVE-KEY-2"), "password",
      line.replacing("JMAQEA", with: "JMAQE1"), line.replacing("JMAQEA", with: "AMAQEA"),
      String(repeating: line + "\n", count: 1000), "\u{0}\u{0}" + line,
    ] {
      #expect(throws: VarveError(.wrongPassword, ""), "\(text.prefix(100))") {
        try Self.parse(text)
      }
    }
  }

  @Test func everyChangedCharacterIsNoticed() throws {
    let line = Array(Self.text(.recovery).utf8)
    for index in line.indices where line[index] != UInt8(ascii: "-") {
      var changed = line
      changed[index] = line[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
      #expect(throws: VarveError(.wrongPassword, ""), "character \(index)") {
        try Self.parse(String(decoding: changed, as: UTF8.self))
      }
    }
  }
}
