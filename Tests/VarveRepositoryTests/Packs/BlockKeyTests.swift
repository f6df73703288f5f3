import Testing
import VarveCrypto
import VarveFormat
import VarveRepository

/// Keys of blocks (docs/format.md, section 7): in packs of version 2 each block has its own.
@Suite struct BlockKeyTests {
  private static let repository = SHA256.digest([1])
  private static let frame: [UInt8] = [0] + Array("what is in a block".utf8)

  private static func seal(_ cipher: BlockCipher, ordinal: UInt32) throws -> [UInt8] {
    var sealed = [UInt8](repeating: 0, count: frame.count + BlockCipher.tagLength)
    try frame.withUnsafeBytes { frame in
      try sealed.withUnsafeMutableBytes { try cipher.seal(frame, ordinal: ordinal, into: $0) }
    }
    return sealed
  }

  private static func open(
    _ sealed: [UInt8], _ cipher: BlockCipher, ordinal: UInt32
  ) throws -> [UInt8] {
    var frame = [UInt8](repeating: 0, count: sealed.count - BlockCipher.tagLength)
    try sealed.withUnsafeBytes { sealed in
      try frame.withUnsafeMutableBytes { try cipher.open(sealed, ordinal: ordinal, into: $0) }
    }
    return frame
  }

  /// Opens a block with nothing but its key, as somebody does to whom it was given.
  private static func open(
    _ sealed: [UInt8], key: [UInt8], ordinal: UInt32, _ type: PackType
  ) throws -> [UInt8] {
    var binding = BlockBinding(repository: repository, type: type)
    binding.select(ordinal)
    return try AES256GCM(key: SecretBytes(copying: key)).open(
      nonce: binding.nonce, aad: binding.associatedData, ciphertext: sealed
    ).withUnsafeBytes { Array($0) }
  }

  @Test(arguments: PackVersion.allCases) func blocksOpenInAnyOrder(_ version: PackVersion) throws {
    let key = SecureRandom.secret(32)
    let ordinals: [UInt32] = [0, 1, 1, 0, 7, 65_534, BlockBinding.trailerOrdinal, 2]
    let writer = try BlockCipher(
      contentKey: key, repository: Self.repository, type: .data, version: version)
    let reader = try BlockCipher(
      contentKey: key, repository: Self.repository, type: .data, version: version)
    let sealed = try ordinals.map { try Self.seal(writer, ordinal: $0) }
    for (ordinal, sealed) in zip(ordinals, sealed).reversed() {
      #expect(try Self.open(sealed, reader, ordinal: ordinal) == Self.frame)
      #expect(try Self.open(sealed, writer, ordinal: ordinal) == Self.frame)
      #expect(throws: VarveError(.damaged, "")) {
        try Self.open(sealed, reader, ordinal: ordinal ^ 1)
      }
    }
    for other in PackVersion.allCases where other != version {
      let other = try BlockCipher(
        contentKey: key, repository: Self.repository, type: .data, version: other)
      #expect(throws: VarveError(.damaged, "")) { try Self.open(sealed[0], other, ordinal: 0) }
    }
  }

  @Test func aBlocksKeyOpensThatBlockAndNoOther() throws {
    let contentKey = SecureRandom.secret(32)
    let cipher = try BlockCipher(contentKey: contentKey, repository: Self.repository, type: .data)
    let keys = BlockKeys(contentKey: contentKey, repository: Self.repository)
    for ordinal: UInt32 in [0, 1, 258, 65_534, BlockBinding.trailerOrdinal] {
      let sealed = try Self.seal(cipher, ordinal: ordinal)
      let key = keys.withKey(ordinal) { Array($0) }
      #expect(try Self.open(sealed, key: key, ordinal: ordinal, .data) == Self.frame)
      #expect(throws: VarveError(.damaged, "")) {
        try Self.open(sealed, key: key, ordinal: ordinal, .tree)
      }
      for other in [ordinal ^ 1, ordinal ^ 256] {
        let sealed = try Self.seal(cipher, ordinal: other)
        #expect(throws: VarveError(.damaged, "")) {
          try Self.open(sealed, key: key, ordinal: other, .data)
        }
      }
    }
  }

  @Test(arguments: PackVersion.allCases) func aHeaderIsBoundToItsVersion(
    _ version: PackVersion
  ) throws {
    let dataKey = SecureRandom.secret(32)
    let recipient = PackRecipient(
      repository: Self.repository, publicKey: try X25519.publicKey(of: dataKey))
    let new = try recipient.makeContentKey(.data)
    #expect(new.header.version == .newest)
    let header = PackHeader(
      version: version, type: .data, encapsulation: new.header.encapsulation,
      wrappedKey: new.header.wrappedKey, commitment: new.header.commitment)
    let bytes = header.encode()
    #expect(bytes[8] == UInt8(version.rawValue))
    #expect(try bytes.withUnsafeBytes { try PackHeader(decoding: $0) } == header)
    guard version != .newest else { return }
    #expect(throws: VarveError(.damaged, "")) {
      _ = try header.openContentKey(privateKey: dataKey, repository: Self.repository)
    }
  }
}
