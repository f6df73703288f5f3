package import VarveCrypto
package import VarveFormat

/// The keys of a pack's blocks, one for each (docs/format.md, section 7). One thread at a time.
///
/// ```
/// K_block(o) := HKDF(CK, RID, "varve v2 block key" 0x00 u32(o), 32)
/// ```
/// From the key of one block neither the content key nor that of another can be found: a proof gives away what
/// an auditor needs to read one file, and no more.
package final class BlockKeys {
  private let expansion: HKDFExpansion
  /// All but the ordinal stays the same.
  private var info: [UInt8]

  /// - Parameters:
  ///   - contentKey: the pack's content key, 32 bytes.
  ///   - repository: the repository's id.
  package init(contentKey: borrowing SecretBytes, repository: Digest) {
    expansion = HKDFExpansion(ikm: contentKey, salt: repository.bytes)
    info = Array("varve v2 block key".utf8) + [0] + [0, 0, 0, 0]
  }

  /// Lends the key of the block with this ordinal to `body`; the bytes are not valid after it.
  package func withKey<Result>(
    _ ordinal: UInt32, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) rethrows -> Result {
    info.withUnsafeMutableBytes {
      $0.storeBytes(of: ordinal.littleEndian, toByteOffset: $0.count - 4, as: UInt32.self)
    }
    return try info.withUnsafeBytes { try expansion.withKey(info: $0, body) }
  }
}
