import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct KeyDerivationTests {
  @Test func hkdfVectors() throws {
    for record in try VectorFile.records("hkdf-sha256.txt") {
      let input = SecretBytes(copying: try record.bytes("ikm"))
      let salt = try record.bytes("salt")
      let info = try record.bytes("info")
      let count = try record.integer("count")
      let expected = try record.bytes("okm")
      let secret = HKDF.derive(ikm: input, salt: salt, info: info, count: count)
      #expect(secret.array == expected, "\(record)")
      let bytes = HKDF.deriveBytes(ikm: input, salt: salt, info: info, count: count)
      #expect(bytes == expected, "\(record)")
      let expansion = HKDFExpansion(ikm: input, salt: salt)
      for _ in 0..<2 {
        let key = info.withUnsafeBytes { expansion.withKey(info: $0) { Array($0) } }
        #expect(key.prefix(count).elementsEqual(expected.prefix(32)), "\(record)")
      }
    }
  }

  @Test func scryptVectors() throws {
    for record in try VectorFile.records("scrypt.txt") {
      let key = try Scrypt.derive(
        password: SecretBytes(copying: record.bytes("password")), salt: record.bytes("salt"),
        n: record.integer("n"), r: record.integer("r"), p: record.integer("p"), count: 64)
      #expect(try key.array == record.bytes("key"), "\(record)")
    }
  }

  @Test(arguments: [
    (0, 8, 1, 32), (1, 8, 1, 32), (-2, 8, 1, 32), (3, 8, 1, 32), (1 << 21, 8, 1, 32),
    (.max, 8, 1, 32), (.min, 8, 1, 32), (1024, 0, 1, 32), (1024, 9, 1, 32), (1024, .max, 1, 32),
    (1024, 8, 0, 32), (1024, 8, 17, 32), (1024, 8, .min, 32), (1024, 8, 1, 0), (1024, 8, 1, -1),
    (1024, 8, 1, .max),
  ])
  func scryptRefusesHostileParameters(n: Int, r: Int, p: Int, count: Int) {
    #expect(throws: VarveError(.damaged, "")) {
      _ = try Scrypt.derive(
        password: SecretBytes(copying: [1]), salt: [], n: n, r: r, p: p, count: count)
    }
  }

  @Test func gearWords() throws {
    for record in try VectorFile.records("gear-words.txt") {
      let words = GearKeySchedule.words(
        chunkerKey: SecretBytes(copying: try record.bytes("key")))
      #expect(words.count == 256)
      let word = words[try record.integer("index")]
      let bytes = withUnsafeBytes(of: word.littleEndian) { [UInt8]($0) }
      #expect(try bytes == record.bytes("word"), "\(record)")
    }
  }
}
