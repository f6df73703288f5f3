public import VarveFormat

/// A whole Merkle tree in memory: roots of earlier sizes, proofs and tiles without any other input.
///
/// Keeps the hash of every complete subtree whose size is a power of two, 64 bytes an entry: a log
/// of 10^5 entries takes 6.4 MB. Appending takes one node hash on average; the root at any size and
/// each proof take O(log n) hashes.
public struct MerkleTree: Sendable {
  // levels[k][i] is the hash of leaves i·2^k ..< (i+1)·2^k.
  package private(set) var levels: [[Digest]] = []

  public init() {}

  /// A tree that was taken apart into its `levels` before; its hashes are not computed again.
  ///
  /// - Returns: nil unless each level has half the hashes of the one below it, rounded down, and the last
  ///   has one.
  package init?(levels: [[Digest]]) {
    guard levels.isEmpty || levels.last?.count == 1,
      zip(levels, levels.dropFirst()).allSatisfy({ $0.count / 2 == $1.count })
    else { return nil }
    self.levels = levels
  }

  public var size: UInt64 { UInt64(levels.first?.count ?? 0) }

  public var head: TreeHead { TreeHead(size: size, root: hash(of: 0..<size)) }

  public mutating func append(leafHash: Digest) {
    var hash = leafHash
    var level = 0
    while true {
      if level == levels.count { levels.append([]) }
      levels[level].append(hash)
      let count = levels[level].count
      guard count.isMultiple(of: 2) else { return }
      hash = MerkleHash.node(levels[level][count - 2], hash)
      level += 1
    }
  }

  public mutating func append(entry: some Collection<UInt8>) {
    append(leafHash: MerkleHash.leaf(entry))
  }

  /// The root that the tree had at `size`, or nil when it has never been so large.
  public func root(atSize size: UInt64) -> Digest? {
    size <= self.size ? hash(of: 0..<size) : nil
  }

  /// The hash of leaf `index`, or nil beyond the end.
  public func leafHash(_ index: UInt64) -> Digest? {
    index < size ? levels[0][Int(index)] : nil
  }

  /// The audit path of leaf `index` in the tree of the first `size` leaves, leaf to root
  /// (RFC 6962, section 2.1.1), or nil unless `index < size <= self.size`.
  public func inclusionProof(index: UInt64, size: UInt64) -> [Digest]? {
    guard index < size, size <= self.size else { return nil }
    var path: [Digest] = []
    var range = 0..<size
    while range.count > 1 {
      let middle = range.lowerBound + UInt64(range.count).splitPoint
      if index < middle {
        path.append(hash(of: middle..<range.upperBound))
        range = range.lowerBound..<middle
      } else {
        path.append(hash(of: range.lowerBound..<middle))
        range = middle..<range.upperBound
      }
    }
    return path.reversed()
  }

  /// The proof that the tree of the first `from` leaves is a prefix of that of the first `to`
  /// (RFC 6962, section 2.1.2), or nil unless `from <= to <= self.size`. Empty when `from` is 0 or
  /// equals `to`.
  public func consistencyProof(from: UInt64, to: UInt64) -> [Digest]? {
    guard from <= to, to <= size else { return nil }
    guard from > 0, from < to else { return [] }
    var proof: [Digest] = []
    var range = 0..<to
    // Whether `range` starts with leaf 0: the verifier then knows the hash at `from` already.
    var startsTree = true
    while from < range.upperBound {
      let middle = range.lowerBound + UInt64(range.count).splitPoint
      if from <= middle {
        proof.append(hash(of: middle..<range.upperBound))
        range = range.lowerBound..<middle
      } else {
        proof.append(hash(of: range.lowerBound..<middle))
        range = middle..<range.upperBound
        startsTree = false
      }
    }
    if !startsTree { proof.append(hash(of: range)) }
    return proof.reversed()
  }

  /// The hashes of `tile` in the tree of this size, or nil when it is not complete enough.
  public func hashes(of tile: Tile) -> [Digest]? {
    guard case .hashes(let level) = tile.kind, level * 8 < levels.count else { return nil }
    let complete = levels[level * 8]
    guard let start = Int(exactly: tile.index).map({ $0.multipliedReportingOverflow(by: 256) }),
      !start.overflow, complete.count - tile.width >= start.partialValue
    else { return nil }
    return Array(complete[start.partialValue..<start.partialValue + tile.width])
  }

  /// The Merkle tree hash over a range of leaves that RFC 6962's recursion arrives at: one that
  /// starts at a multiple of the smallest power of two that is not less than its length.
  private func hash(of range: Range<UInt64>) -> Digest {
    let count = UInt64(range.count)
    guard count > 0 else { return MerkleHash.emptyRoot }
    if count.nonzeroBitCount == 1 {
      let level = count.trailingZeroBitCount
      return levels[level][Int(range.lowerBound >> UInt64(level))]
    }
    let middle = range.lowerBound + count.splitPoint
    return MerkleHash.node(hash(of: range.lowerBound..<middle), hash(of: middle..<range.upperBound))
  }
}
