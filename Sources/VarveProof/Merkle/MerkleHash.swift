import VarveCrypto
public import VarveFormat

/// The hashes of an RFC 6962 Merkle tree (section 2.1): a leaf is SHA-256 of `0x00` and the
/// entry, a node SHA-256 of `0x01` and its two children, and the empty tree's root SHA-256 of
/// nothing.
public enum MerkleHash {
  public static let emptyRoot = SHA256.digest([])

  public static func leaf(_ entry: UnsafeRawBufferPointer) -> Digest {
    SHA256.digest(prefix: 0, entry)
  }

  public static func leaf(_ entry: some Collection<UInt8>) -> Digest {
    if let hash = entry.withContiguousStorageIfAvailable({ leaf(UnsafeRawBufferPointer($0)) }) {
      return hash
    }
    return Array(entry).withUnsafeBytes { leaf($0) }
  }

  public static func node(_ left: Digest, _ right: Digest) -> Digest {
    SHA256.digest(prefix: 1, left, right)
  }
}

/// How many leaves a Merkle tree has, and its root hash.
public struct TreeHead: Hashable, Sendable {
  public let size: UInt64
  public let root: Digest

  public init(size: UInt64, root: Digest) {
    self.size = size
    self.root = root
  }

  public static let empty = TreeHead(size: 0, root: MerkleHash.emptyRoot)
}

extension UInt64 {
  /// The largest power of two that is smaller than this, which is at least 2: where RFC 6962
  /// splits a tree of this size.
  var splitPoint: UInt64 { 1 << UInt64(63 - (self - 1).leadingZeroBitCount) }
}
