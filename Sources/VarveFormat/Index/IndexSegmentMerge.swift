extension IndexSegmentView {
  /// The plaintext of one segment that has the packs and rows of all `views`.
  ///
  /// Rows are merged in order, without sorting; where segments list one chunk in several packs, the row
  /// with the lowest pack name stays. 82 bytes a row of memory, 105 while the filter is built.
  ///
  /// - Throws: `.damaged` when a view is not valid or two describe one pack differently. O(rows · views).
  public static func merging(_ views: [IndexSegmentView]) throws -> [UInt8] {
    var packs: [Digest: (pack: IndexPack, blocks: [IndexBlock])] = [:]
    for view in views {
      for index in 0..<view.packCount {
        let pack = try view.pack(at: index)
        let blocks = try view.blocks(ofPack: index).map { try view.block(at: $0) }
        if let known = packs[pack.name], known.pack != pack || known.blocks != blocks {
          throw view.fail("pack \(pack.name) is not what another segment says")
        }
        packs[pack.name] = (pack, blocks)
      }
    }
    let sorted = packs.values.sorted { $0.pack.name < $1.pack.name }
    let numbers = Dictionary(
      uniqueKeysWithValues: sorted.enumerated().map { ($1.pack.name, UInt32($0)) })

    var runs: [MergeRun] = []
    for view in views where view.rowCount > 0 {
      let map = try (0..<view.packCount).map { numbers[try view.pack(at: $0).name] ?? 0 }
      runs.append(try MergeRun(view: view, numbers: map))
    }
    return IndexSegmentEncoder.encode(
      packs: sorted.map(\.pack), blocks: sorted.map(\.blocks), rows: try merged(&runs))
  }

  private static func merged(_ runs: inout [MergeRun]) throws -> [IndexRow] {
    var rows: [IndexRow] = []
    rows.reserveCapacity(runs.reduce(0) { $0 + $1.view.rowCount })
    while !runs.isEmpty {
      var least = 0
      for index in runs.indices.dropFirst() where runs[index].head < runs[least].head {
        least = index
      }
      let row = runs[least].head
      if rows.last?.address != row.address { rows.append(row) }
      if try !runs[least].advance() { runs.remove(at: least) }
    }
    return rows
  }
}

/// A segment being merged: its next row, with the pack's number in the merged segment.
private struct MergeRun {
  let view: IndexSegmentView
  private let numbers: [UInt32]
  private var next = 0
  private(set) var head: IndexRow

  init(view: IndexSegmentView, numbers: [UInt32]) throws {
    self.view = view
    self.numbers = numbers
    head = view.row(at: 0)
    head = try renumbered(head)
  }

  /// - Returns: false at the end.
  mutating func advance() throws -> Bool {
    next += 1
    guard next < view.rowCount else { return false }
    let row = try renumbered(view.row(at: next))
    guard head.address < row.address else { throw view.fail("its rows do not ascend") }
    head = row
    return true
  }

  private func renumbered(_ row: IndexRow) throws -> IndexRow {
    _ = try view.block(row.location)
    guard Int(row.location.slot) < PackLimits.slotsPerBlock else { throw view.fail("a slot") }
    return IndexRow(
      address: row.address,
      location: IndexLocation(
        pack: numbers[Int(row.location.pack)], block: row.location.block,
        slot: row.location.slot))
  }
}
