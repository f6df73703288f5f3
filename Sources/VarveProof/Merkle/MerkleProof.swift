public import VarveFormat

/// Verification of Merkle proofs from untrusted bytes (RFC 9162, sections 2.1.3.2 and 2.1.4.2,
/// which state RFC 6962's trees as loops). O(log n); no proof makes it trap.
public enum MerkleProof {
  /// Whether `proof` shows that leaf `index` of the tree `head` has `leafHash`.
  public static func verifyInclusion(
    of leafHash: Digest, index: UInt64, in head: TreeHead, proof: [Digest]
  ) -> Bool {
    guard index < head.size else { return false }
    var node = index
    var last = head.size - 1
    var root = leafHash
    for sibling in proof {
      guard last > 0 else { return false }
      if node & 1 == 1 || node == last {
        root = MerkleHash.node(sibling, root)
        skipLevelsWithoutSibling(&node, &last)
      } else {
        root = MerkleHash.node(root, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && root == head.root
  }

  /// Whether `proof` shows that the tree `older` is a prefix of the tree `newer`.
  public static func verifyConsistency(
    from older: TreeHead, to newer: TreeHead, proof: [Digest]
  ) -> Bool {
    guard older.size <= newer.size else { return false }
    if older.size == newer.size { return proof.isEmpty && older.root == newer.root }
    if older.size == 0 { return proof.isEmpty && older.root == MerkleHash.emptyRoot }
    var node = older.size - 1
    var last = newer.size - 1
    let complete = UInt64(node.trailingOneBitCount)
    node >>= complete
    last >>= complete
    var path = proof[...]
    // A complete older tree is itself the node that the proof starts from.
    guard let start = node == 0 ? older.root : path.popFirst() else { return false }
    var olderRoot = start
    var newerRoot = start
    for sibling in path {
      guard last > 0 else { return false }
      if node & 1 == 1 || node == last {
        olderRoot = MerkleHash.node(sibling, olderRoot)
        newerRoot = MerkleHash.node(sibling, newerRoot)
        skipLevelsWithoutSibling(&node, &last)
      } else {
        newerRoot = MerkleHash.node(newerRoot, sibling)
      }
      node >>= 1
      last >>= 1
    }
    return last == 0 && olderRoot == older.root && newerRoot == newer.root
  }

  /// At the right edge of the tree a node without a right sibling moves up unchanged.
  private static func skipLevelsWithoutSibling(_ node: inout UInt64, _ last: inout UInt64) {
    guard node & 1 == 0 else { return }
    let levels = node == 0 ? 64 : UInt64(node.trailingZeroBitCount)
    node >>= levels
    last >>= levels
  }
}

extension UInt64 {
  var trailingOneBitCount: Int { (~self).trailingZeroBitCount }
}
