import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct HMACTests {
  @Test func vectors() throws {
    for record in try VectorFile.records("hmac-sha256.txt") {
      let code = try record.bytes("key").withUnsafeBytes { HMACSHA256(key: $0) }
      let expected = try Digest(record.bytes("code"))
      let message = try record.bytes("message")
      // Twice: a code must not change the key's state.
      #expect(code.authenticate(message) == expected, "\(record)")
      #expect(code.authenticate(message) == expected, "\(record)")
    }
  }

  /// RFC 2104, section 2, word for word.
  private static func definition(key: [UInt8], _ message: [UInt8]) -> Digest {
    var block = key.count > 64 ? SHA256.digest(key).bytes : key
    block += [UInt8](repeating: 0, count: 64 - block.count)
    let inner = SHA256.digest(block.map { $0 ^ 0x36 } + message)
    return SHA256.digest(block.map { $0 ^ 0x5c } + inner.bytes)
  }

  @Test(arguments: [0, 1, 31, 32, 63, 64, 65, 200])
  func keysOfAnyLength(_ length: Int) {
    let key = (0..<length).map { UInt8($0) }
    let code = key.withUnsafeBytes { HMACSHA256(key: $0) }
    for count in [0, 1, 55, 56, 64, 119, 120, 300] {
      let message = [UInt8](repeating: 0x5a, count: count)
      #expect(code.authenticate(message) == Self.definition(key: key, message))
    }
  }

  @Test func otherForms() {
    let key = SHA256.digest([1])
    let digest = SHA256.digest([2])
    let code = HMACSHA256(key: key)
    let label = Array("varve v1 entry".utf8)
    func expected(_ message: [UInt8]) -> Digest { Self.definition(key: key.bytes, message) }

    #expect(code.authenticate("varve v1 entry", digest) == expected(label + digest.bytes))
    #expect(code.authenticate("varve v1 entry", 7) == expected(label + [7]))
    #expect(code.authenticate(byte: 3) == expected([3]))
    label.withUnsafeBytes { label in
      digest.bytes.withUnsafeBytes { digest in
        #expect(code.authenticate(label, digest) == expected([UInt8](label) + [UInt8](digest)))
      }
    }
    let secret = HMACSHA256(key: SecretBytes(copying: key.bytes))
    #expect(secret.authenticate([5]) == expected([5]))
  }
}
