import VarveFormat

/// Goes through the rows of a table in order, with the numbers that its packs have in the merged run.
struct RowCursor {
  private let table: IndexTable
  /// By pack: its number in the merged run, or `RowCursor.leftOut`.
  private let numbers: [UInt32]
  private var shard = -1
  private var next: UnsafeRawPointer
  private var left = 0
  private var key: UInt64 = 0

  static let leftOut = UInt32.max

  init(_ table: IndexTable, numbers: [UInt32]) {
    self.table = table
    self.numbers = numbers
    next = table.packRows
  }

  /// The first 64 bits of the next row's address, or nil at the end.
  ///
  /// - Throws: `.damaged` when the rows do not ascend, or a shard is not what it was.
  mutating func nextKey() throws -> UInt64? {
    while left == 0 {
      shard += 1
      guard shard < table.shardCount else { return nil }
      if case .run(let run) = table.content { try run.verify(shard: shard) }
      next = table.shards[shard].rows
      left = table.shards[shard].rowCount
    }
    let found = UInt64(bigEndian: next.loadUnaligned(as: UInt64.self))
    guard found >= key else { throw table.fail("its rows do not ascend") }
    key = found
    return found
  }

  /// Takes the next row, which `nextKey` has seen.
  ///
  /// - Returns: nil when the row's pack is left out.
  /// - Throws: `.damaged` when the row's pack does not exist.
  mutating func take() throws -> IndexRow? {
    let row = IndexRow(loading: next)
    next += IndexRow.byteCount
    left -= 1
    let pack = Int(row.location.pack)
    guard pack < numbers.count else { throw table.fail("there is no pack \(pack)") }
    let number = numbers[pack]
    guard number != Self.leftOut else { return nil }
    return IndexRow(
      address: row.address,
      location: IndexLocation(pack: number, block: row.location.block, slot: row.location.slot))
  }
}
