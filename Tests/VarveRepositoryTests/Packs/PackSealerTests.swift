import Testing
import VarveCrypto
import VarveFormat
import VarveRepository

/// Verification of what was just sealed, with the faults of bad memory and bad codecs put in.
@Suite struct PackSealerTests {
  private static func cipher() throws -> BlockCipher {
    try BlockCipher(
      contentKey: SecureRandom.secret(32), repository: SHA256.digest([1]), type: .data)
  }

  /// A payload, and its frame sealed as block 5.
  private static func sealed(
    level: CompressionLevel, _ cipher: BlockCipher
  ) throws -> (payload: [UInt8], sealed: [UInt8]) {
    var bytes = [UInt8](repeating: 0, count: 1)
    for number in 0..<30_000 { bytes.append(UInt8(truncatingIfNeeded: number / 7 * 31)) }
    let payload = Array(bytes.dropFirst())
    let compressor = try BlockCompressor(level: level)
    let sealed = try bytes.withUnsafeMutableBytes { bytes in
      let frame = try compressor.frame(
        payloadWithHeadroom: UnsafeMutableRawBufferPointer(rebasing: bytes[1...]))
      var sealed = [UInt8](repeating: 0, count: frame.count + BlockCipher.tagLength)
      try sealed.withUnsafeMutableBytes { try cipher.seal(frame, ordinal: 5, into: $0) }
      return sealed
    }
    return (payload, sealed)
  }

  private static func verify(
    _ sealed: [UInt8], ordinal: UInt32 = 5, _ cipher: BlockCipher, _ payload: [UInt8]
  ) throws {
    try sealed.withUnsafeBytes { sealed in
      try payload.withUnsafeBytes {
        try PackSealer().verify(sealed, ordinal: ordinal, cipher: cipher, decodesTo: $0)
      }
    }
  }

  @Test(arguments: [CompressionLevel.off, .fastest, .auto, .better])
  func findsEveryDifference(_ level: CompressionLevel) throws {
    let cipher = try Self.cipher()
    let (payload, sealed) = try Self.sealed(level: level, cipher)
    try Self.verify(sealed, cipher, payload)
    #expect(sealed.count < payload.count || level == .off)

    func expectDamage(_ sealed: [UInt8], ordinal: UInt32 = 5, _ payload: [UInt8]) {
      #expect(throws: VarveError.self) {
        try Self.verify(sealed, ordinal: ordinal, cipher, payload)
      }
    }
    for place in [0, 1, sealed.count / 2, sealed.count - 17, sealed.count - 1] {
      var flipped = sealed
      flipped[place] ^= 0x10
      expectDamage(flipped, payload)
    }
    for place in [0, payload.count / 2, payload.count - 1] {
      var flipped = payload
      flipped[place] ^= 1
      expectDamage(sealed, flipped)
    }
    expectDamage(sealed, payload + [0])
    expectDamage(sealed, Array(payload.dropLast()))
    expectDamage(sealed, ordinal: 6, payload)
    expectDamage(Array(sealed.dropLast()), payload)
    expectDamage([], payload)
  }
}
