public import VarveFormat

/// The live snapshots of a log state, by id and in the order of their entries.
///
/// 144 bytes in `rows` and 64 in `places` a snapshot; 10^5 snapshots take 20 MB. Forgotten ones stay
/// in `rows` until they are half of them. Adding, removing and looking up take O(1) amortised.
public struct SnapshotTable: Sendable {
  private var rows: [LogState.Snapshot] = []
  private var places: [Digest: Int] = [:]

  init() {}

  /// - Parameter rows: ascending by entry, each id once.
  /// - Returns: nil when they are not so.
  init?(rows: [LogState.Snapshot]) {
    places.reserveCapacity(rows.count)
    for (index, row) in rows.enumerated() {
      guard index == 0 || rows[index - 1].entry < row.entry,
        places.updateValue(index, forKey: row.id) == nil
      else { return nil }
    }
    self.rows = rows
  }

  public var count: Int { places.count }
  public var isEmpty: Bool { places.isEmpty }

  /// The live snapshot of that id.
  public subscript(id: Digest) -> LogState.Snapshot? { places[id].map { rows[$0] } }

  /// Oldest first. O(n), without sorting.
  public var inOrder: [LogState.Snapshot] {
    rows.count == places.count ? rows : rows.filter { places[$0.id] != nil }
  }

  mutating func add(_ snapshot: LogState.Snapshot) {
    places[snapshot.id] = rows.count
    rows.append(snapshot)
  }

  mutating func remove(_ id: Digest) {
    guard places.removeValue(forKey: id) != nil, rows.count > 64, rows.count > 2 * places.count
    else { return }
    rows = inOrder
    for (index, row) in rows.enumerated() { places[row.id] = index }
  }
}
