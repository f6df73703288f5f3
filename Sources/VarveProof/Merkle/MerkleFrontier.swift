public import VarveFormat

/// The right edge of a growing Merkle tree: enough to append leaves and to know the root.
///
/// Holds the hashes of the complete subtrees that make up the tree, largest first, one for each bit
/// set in `size`: at most 64 × 32 bytes whatever the size. Appending takes one node hash on
/// average, the head at most 63.
public struct MerkleFrontier: Sendable {
  public private(set) var size: UInt64 = 0
  /// Roots of the complete subtrees, largest first.
  public private(set) var hashes: [Digest] = []

  public init() {}

  /// Continues a tree of `size` leaves.
  ///
  /// - Throws: `VarveError.Code.damaged` unless there is one hash for each bit set in `size`.
  public init(size: UInt64, hashes: [Digest]) throws {
    guard hashes.count == size.nonzeroBitCount else {
      throw VarveError(.damaged, "a Merkle frontier of size \(size) has \(hashes.count) hashes")
    }
    self.size = size
    self.hashes = hashes
  }

  public mutating func append(leafHash: Digest) {
    var hash = leafHash
    // Each trailing one bit of the size is a complete subtree that the new leaf completes a larger
    // one with.
    for _ in 0..<(~size).trailingZeroBitCount { hash = MerkleHash.node(hashes.removeLast(), hash) }
    hashes.append(hash)
    size += 1
  }

  public mutating func append(entry: some Collection<UInt8>) {
    append(leafHash: MerkleHash.leaf(entry))
  }

  public var root: Digest {
    guard var hash = hashes.last else { return MerkleHash.emptyRoot }
    for left in hashes.dropLast().reversed() { hash = MerkleHash.node(left, hash) }
    return hash
  }

  public var head: TreeHead { TreeHead(size: size, root: root) }

  /// Back to the empty tree; keeps the storage.
  public mutating func removeAll() {
    size = 0
    hashes.removeAll(keepingCapacity: true)
  }
}
