import VarveCrypto
public import VarveFormat

/// What a `snapshot` entry says of the snapshot's tree (docs/format.md, section 12): to whoever has no key it tells
/// nothing, and who is shown the salt can verify that it is of this tree.
///
/// ```
/// tree := SHA-256("varve v1 tree" 0x00 salt:bytes(32) u64(entries) root:digest)
/// ```
public enum TreeCommitment {
  /// - Parameters:
  ///   - salt: 32 random bytes, new for each tree; the snapshot record keeps them.
  ///   - entries: of the root directory.
  ///   - root: its proof root.
  public static func digest(salt: Digest, entries: UInt64, root: Digest) -> Digest {
    var writer = ByteWriter(reservingCapacity: 86)
    writer.ascii("varve v1 tree")
    writer.u8(0)
    writer.digest(salt)
    writer.u64(entries)
    writer.digest(root)
    return SHA256.digest(writer.bytes)
  }
}
