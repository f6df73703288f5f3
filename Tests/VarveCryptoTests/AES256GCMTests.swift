import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct AES256GCMTests {
  @Test func vectors() throws {
    for record in try VectorFile.records("aes-256-gcm.txt") {
      let cipher = try AES256GCM(key: SecretBytes(copying: record.bytes("key")))
      let nonce = try record.bytes("nonce")
      let aad = try record.bytes("aad")
      let plaintext = try record.bytes("plaintext")
      let sealed = try record.bytes("ciphertext") + record.bytes("tag")
      if try record.text("result") == "ok" {
        let made = try plaintext.withUnsafeBytes {
          try cipher.seal(nonce: nonce, aad: aad, plaintext: $0)
        }
        #expect(made == sealed, "\(record)")
        let opened = try cipher.open(nonce: nonce, aad: aad, ciphertext: sealed)
        #expect(opened.array == plaintext, "\(record)")
      } else {
        #expect(try record.text("result") == "damaged")
        #expect(throws: VarveError(.damaged, ""), "\(record)") {
          _ = try cipher.open(nonce: nonce, aad: aad, ciphertext: sealed)
        }
      }
    }
  }

  private static let nonce = [UInt8](repeating: 9, count: 12)
  private static let aad = Array("varve v1 block".utf8)

  private static func seal(_ cipher: AES256GCM, _ plaintext: [UInt8]) throws -> [UInt8] {
    try plaintext.withUnsafeBytes { try cipher.seal(nonce: nonce, aad: aad, plaintext: $0) }
  }

  @Test func oneContextSealsAndOpensInTurn() throws {
    let cipher = try AES256GCM(key: SecretBytes(copying: [UInt8](0..<32)))
    let other = try AES256GCM(key: SecretBytes(copying: [UInt8](0..<32)))
    for count in [0, 1, 15, 16, 17, 4096, 1 << 20] {
      let plaintext = SecureRandom.bytes(count)
      let sealed = try Self.seal(cipher, plaintext)
      let opened = try cipher.open(nonce: Self.nonce, aad: Self.aad, ciphertext: sealed)
      #expect(opened.array == plaintext)
      #expect(throws: VarveError(.damaged, "")) {
        _ = try cipher.open(nonce: Self.nonce, aad: [], ciphertext: sealed)
      }
      #expect(try Self.seal(other, plaintext) == sealed)
    }
  }

  @Test func aContextTakesAnotherKey() throws {
    let (first, second) = ([UInt8](0..<32), [UInt8](32..<64))
    let cipher = try AES256GCM(key: SecretBytes(copying: first))
    let other = try AES256GCM(key: SecretBytes(copying: second))
    let plaintext = SecureRandom.bytes(100)
    let sealed = try (Self.seal(cipher, plaintext), Self.seal(other, plaintext))
    #expect(sealed.0 != sealed.1)
    for _ in 0..<2 {
      try second.withUnsafeBytes { try cipher.setKey($0) }
      #expect(try Self.seal(cipher, plaintext) == sealed.1)
      #expect(throws: VarveError(.damaged, "")) {
        _ = try cipher.open(nonce: Self.nonce, aad: Self.aad, ciphertext: sealed.0)
      }
      try first.withUnsafeBytes { try cipher.setKey($0) }
      let opened = try cipher.open(nonce: Self.nonce, aad: Self.aad, ciphertext: sealed.0)
      #expect(opened.array == plaintext)
    }
    for wrong in [[], Array(first.dropLast()), first + [0]] {
      #expect(throws: VarveError(.damaged, "")) {
        try wrong.withUnsafeBytes { try cipher.setKey($0) }
      }
    }
  }

  @Test func everyFlippedBitIsRefusedAndNothingIsGivenOut() throws {
    let cipher = try AES256GCM(key: SecretBytes(copying: [UInt8](0..<32)))
    let plaintext = [UInt8](repeating: 0xee, count: 40)
    let sealed = try Self.seal(cipher, plaintext)
    for bit in 0..<sealed.count * 8 {
      var forged = sealed
      forged[bit / 8] ^= 1 << UInt8(bit % 8)
      var output = [UInt8](repeating: 0x77, count: plaintext.count)
      #expect(throws: VarveError(.damaged, "")) {
        try Self.nonce.withUnsafeBytes { nonce in
          try Self.aad.withUnsafeBytes { aad in
            try forged.withUnsafeBytes { forged in
              try output.withUnsafeMutableBytes {
                try cipher.open(nonce: nonce, aad: aad, ciphertext: forged, into: $0)
              }
            }
          }
        }
      }
      #expect(output == [UInt8](repeating: 0, count: plaintext.count))
    }
  }

  @Test func inPlace() throws {
    let cipher = try AES256GCM(key: SecretBytes(copying: [UInt8](0..<32)))
    let plaintext = SecureRandom.bytes(1000)
    var buffer = plaintext + [UInt8](repeating: 0, count: 16)
    try Self.nonce.withUnsafeBytes { nonce in
      try Self.aad.withUnsafeBytes { aad in
        try buffer.withUnsafeMutableBytes { buffer in
          let start = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[..<1000])
          try cipher.seal(nonce: nonce, aad: aad, plaintext: start, into: buffer)
        }
      }
    }
    #expect(try buffer == Self.seal(cipher, plaintext))
    try Self.nonce.withUnsafeBytes { nonce in
      try Self.aad.withUnsafeBytes { aad in
        try buffer.withUnsafeMutableBytes { buffer in
          try cipher.open(
            nonce: nonce, aad: aad, ciphertext: UnsafeRawBufferPointer(buffer), into: buffer)
        }
      }
    }
    #expect(Array(buffer[..<1000]) == plaintext)
  }

  @Test func wrongLengths() throws {
    for count in [0, 16, 31, 33] {
      #expect(throws: VarveError(.damaged, "")) {
        _ = try AES256GCM(key: SecretBytes(copying: [UInt8](repeating: 1, count: count)))
      }
    }
    let cipher = try AES256GCM(key: SecretBytes(copying: [UInt8](0..<32)))
    for count in 0..<16 {
      #expect(throws: VarveError(.damaged, "")) {
        let short = [UInt8](repeating: 0, count: count)
        _ = try cipher.open(nonce: Self.nonce, aad: Self.aad, ciphertext: short)
      }
    }
    let sealed = try Self.seal(cipher, [1, 2, 3])
    #expect(throws: VarveError(.damaged, "")) {
      _ = try cipher.open(nonce: [1, 2], aad: Self.aad, ciphertext: sealed)
    }
  }
}
