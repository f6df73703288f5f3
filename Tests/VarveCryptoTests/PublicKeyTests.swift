import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct PublicKeyTests {
  @Test func x25519Vectors() throws {
    for record in try VectorFile.records("x25519.txt") {
      let key = SecretBytes(copying: try record.bytes("private"))
      #expect(try X25519.publicKey(of: key) == record.bytes("public"), "\(record)")
    }
    #expect(throws: VarveError(.damaged, "")) {
      _ = try X25519.publicKey(of: SecretBytes(copying: [1, 2, 3]))
    }
  }

  @Test func hpkeVectors() throws {
    for record in try VectorFile.records("hpke.txt") {
      let key = Secret(try record.bytes("private"))
      #expect(try X25519.publicKey(of: key.bytes) == record.bytes("public"), "\(record)")
      func open() throws -> [UInt8] {
        try HPKE.open(
          privateKey: key.bytes, encapsulation: record.bytes("encapsulation"),
          info: record.bytes("info"), aad: record.bytes("aad"),
          ciphertext: record.bytes("ciphertext")
        ).array
      }
      if try record.text("result") == "ok" {
        #expect(try open() == record.bytes("plaintext"), "\(record)")
      } else {
        #expect(try record.text("result") == "damaged")
        #expect(throws: VarveError(.damaged, ""), "\(record)") { _ = try open() }
      }
    }
  }

  @Test(arguments: [0, 1, 32, 100_000])
  func hpkeRoundTrip(count: Int) throws {
    let key = SecureRandom.secret(32)
    let publicKey = try X25519.publicKey(of: key)
    let plaintext = SecureRandom.bytes(count)
    let secret = SecretBytes(copying: plaintext)
    let first = try HPKE.seal(to: publicKey, info: [1], aad: [2], plaintext: secret)
    let second = try plaintext.withUnsafeBytes {
      try HPKE.seal(to: publicKey, info: [1], aad: [2], plaintext: $0)
    }
    #expect(first.encapsulation.count == HPKE.encapsulationByteCount)
    #expect(first.ciphertext.count == count + HPKE.tagByteCount)
    #expect(first.encapsulation != second.encapsulation)
    for sealed in [first, second] {
      let opened = try HPKE.open(
        privateKey: key, encapsulation: sealed.encapsulation, info: [1], aad: [2],
        ciphertext: sealed.ciphertext)
      #expect(opened.array == plaintext)
    }
    let stranger = Secret(SecureRandom.bytes(32))
    #expect(throws: VarveError(.damaged, "")) {
      _ = try HPKE.open(
        privateKey: stranger.bytes, encapsulation: first.encapsulation, info: [1], aad: [2],
        ciphertext: first.ciphertext)
    }
  }

  @Test(arguments: [0, 31, 32, 33])
  func hpkeRefusesBadPublicKeys(count: Int) {
    // 32 zero bytes are a point of small order, from which no secret can come.
    let publicKey = [UInt8](repeating: 0, count: count)
    #expect(throws: VarveError(.damaged, "")) {
      _ = try HPKE.seal(to: publicKey, info: [], aad: [], plaintext: SecureRandom.secret(32))
    }
  }

  @Test func ed25519Vectors() throws {
    for record in try VectorFile.records("ed25519.txt") {
      let key = try Ed25519SigningKey(seed: SecretBytes(copying: record.bytes("seed")))
      let message = try record.bytes("message")
      let signature = try record.bytes("signature")
      let publicKey = try record.bytes("public")
      #expect(key.publicKey == publicKey, "\(record)")
      let made = try key.sign(message)
      #expect(made == signature, "\(record)")
      #expect(Ed25519.verify(signature: signature, message: message, publicKey: publicKey))
      #expect(!Ed25519.verify(signature: signature, message: message + [0], publicKey: publicKey))
      for byte in signature.indices {
        var forged = signature
        forged[byte] ^= 1
        #expect(!Ed25519.verify(signature: forged, message: message, publicKey: publicKey))
      }
    }
  }

  @Test func ed25519WrongLengths() throws {
    let key = try Ed25519SigningKey(seed: SecureRandom.secret(32))
    let signature = try key.sign([1])
    let publicKey = key.publicKey
    #expect(Ed25519.verify(signature: signature, message: [1], publicKey: publicKey))
    for bad in [[], Array(signature.dropLast()), signature + [0]] {
      #expect(!Ed25519.verify(signature: bad, message: [1], publicKey: publicKey))
    }
    for bad in [[], Array(publicKey.dropLast()), publicKey + [0]] {
      #expect(!Ed25519.verify(signature: signature, message: [1], publicKey: bad))
    }
    for count in [0, 31, 33] {
      #expect(throws: VarveError(.damaged, "")) {
        _ = try Ed25519SigningKey(seed: SecureRandom.secret(count))
      }
    }
  }
}
