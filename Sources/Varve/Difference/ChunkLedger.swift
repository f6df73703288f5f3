import VarveFormat

/// Which chunks and nodes each side of a comparison refers to, each counted once.
struct ChunkLedger {
  struct Side: OptionSet {
    let rawValue: UInt8
    static let first = Side(rawValue: 1)
    static let second = Side(rawValue: 2)
  }

  private struct Item {
    var length: UInt32
    var sides: Side
    var isNode: Bool
  }

  private var items: [Digest: Item] = [:]

  mutating func add(_ id: Digest, length: Int, isNode: Bool, _ sides: Side) {
    let item = Item(length: UInt32(clamping: length), sides: sides, isNode: isNode)
    items[id, default: item].sides.formUnion(sides)
  }

  /// Adds what only one side has to its totals. O(items).
  func total(into report: inout Difference.Report) {
    for item in items.values {
      if item.sides == .first { ChunkLedger.add(item, to: &report.removed) }
      if item.sides == .second { ChunkLedger.add(item, to: &report.added) }
    }
  }

  private static func add(_ item: Item, to totals: inout Difference.Totals) {
    if item.isNode { totals.treeChunks += 1 } else { totals.dataChunks += 1 }
    totals.bytes += UInt64(item.length)
  }
}
