package import VarveFormat

/// A set of digests in open addressing: 32 bytes an element at a load of at most 3/4, so 43 to 86 bytes each.
///
/// Digests are uniform already: the first word picks the place. The zero digest marks an empty place and
/// can not be a member (no content is known that has it).
package struct DigestSet: ~Copyable {
  private var table: UnsafeMutablePointer<Digest>
  private var mask: Int
  package private(set) var count = 0

  package init(minimumCapacity: Int = 64) {
    var capacity = 64
    while capacity * 3 / 4 < minimumCapacity { capacity *= 2 }
    table = Self.allocate(capacity)
    mask = capacity - 1
  }

  deinit { table.deallocate() }

  private static func allocate(_ capacity: Int) -> UnsafeMutablePointer<Digest> {
    let table = UnsafeMutablePointer<Digest>.allocate(capacity: capacity)
    table.initialize(repeating: .zero, count: capacity)
    return table
  }

  package func contains(_ digest: Digest) -> Bool {
    table[place(of: digest)] != .zero
  }

  /// Adds `digest`. Amortised O(1).
  ///
  /// - Returns: whether it was not a member before.
  package mutating func insert(_ digest: Digest) -> Bool {
    var index = place(of: digest)
    if table[index] != .zero { return false }
    if isFull {
      grow()
      index = place(of: digest)
    }
    table[index] = digest
    count += 1
    return true
  }

  /// Whether the next element makes the table grow.
  package var isFull: Bool { (count + 1) * 4 > (mask + 1) * 3 }

  /// Removes what `condition` is true of. When more than a quarter is left the table grows, so that the next
  /// call is as far away as this one was. O(capacity).
  package mutating func removeAll(where condition: (Digest) throws -> Bool) rethrows {
    var kept = DigestSet()
    for index in 0...mask where table[index] != .zero {
      if try !condition(table[index]) { _ = kept.insert(table[index]) }
    }
    if kept.count * 4 > mask + 1 { while kept.mask <= mask { kept.grow() } }
    self = kept
  }

  private func place(of digest: Digest) -> Int {
    var index = Int(truncatingIfNeeded: digest.prefix64) & mask
    while true {
      let found = table[index]
      if found == digest || found == .zero { return index }
      index = (index + 1) & mask
    }
  }

  private mutating func grow() {
    let old = table
    let oldCapacity = mask + 1
    table = Self.allocate(oldCapacity * 2)
    mask = oldCapacity * 2 - 1
    for index in 0..<oldCapacity where old[index] != .zero {
      table[place(of: old[index])] = old[index]
    }
    old.deallocate()
  }
}
