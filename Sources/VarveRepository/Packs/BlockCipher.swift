package import VarveCrypto
package import VarveFormat

/// Seals and opens the blocks of one pack (docs/format.md, section 7). One thread at a time.
///
/// Ordinals are the nonces: the content key is new for each pack, so none is used twice. In a pack of version 2 each
/// block has a key of its own besides, which costs it four compressions of SHA-256 and a key schedule.
package final class BlockCipher {
  package static let tagLength = 16

  private let cipher: AES256GCM
  /// Nil where all blocks have one key.
  private let keys: BlockKeys?
  /// The ordinal whose key `cipher` has.
  private var keyed: UInt32 = 0
  private var binding: BlockBinding

  /// - Parameters:
  ///   - contentKey: the pack's content key, 32 bytes.
  ///   - repository: the repository's id.
  package init(
    contentKey: borrowing SecretBytes, repository: Digest, type: PackType,
    version: PackVersion = .newest
  ) throws {
    switch version {
    case .oneKey:
      keys = nil
      cipher = try AES256GCM(
        key: HKDF.derive(
          ikm: contentKey, salt: repository.bytes, info: Array("varve v1 block key".utf8), count: 32
        ))
    case .blockKeys:
      let keys = BlockKeys(contentKey: contentKey, repository: repository)
      cipher = try keys.withKey(keyed) { try AES256GCM(key: SecretBytes(copying: $0)) }
      self.keys = keys
    }
    binding = BlockBinding(repository: repository, type: type)
  }

  /// Writes the sealed block, `frame.count + tagLength` bytes, to `output`.
  package func seal(
    _ frame: UnsafeRawBufferPointer, ordinal: UInt32, into output: UnsafeMutableRawBufferPointer
  ) throws {
    try select(ordinal)
    try binding.nonce.withUnsafeBytes { nonce in
      try binding.associatedData.withUnsafeBytes { data in
        try cipher.seal(nonce: nonce, aad: data, plaintext: frame, into: output)
      }
    }
  }

  /// Writes the frame, `sealed.count - tagLength` bytes, to `output`.
  ///
  /// - Throws: `.damaged` when the block is not what was sealed at that place of that pack.
  package func open(
    _ sealed: UnsafeRawBufferPointer, ordinal: UInt32, into output: UnsafeMutableRawBufferPointer
  ) throws {
    guard sealed.count > Self.tagLength else {
      throw VarveError(.damaged, "a block is too short to be one")
    }
    try select(ordinal)
    try binding.nonce.withUnsafeBytes { nonce in
      try binding.associatedData.withUnsafeBytes { data in
        try cipher.open(nonce: nonce, aad: data, ciphertext: sealed, into: output)
      }
    }
  }

  private func select(_ ordinal: UInt32) throws {
    binding.select(ordinal)
    // A block that was just sealed is opened next.
    guard let keys, ordinal != keyed else { return }
    try keys.withKey(ordinal) { try cipher.setKey($0) }
    keyed = ordinal
  }
}
