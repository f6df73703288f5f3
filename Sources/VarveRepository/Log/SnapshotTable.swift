public import VarveFormat

/// The live snapshots of a log state, by id and in the order of their entries.
///
/// 208 bytes in `rows` and 64 in `places` a snapshot; 10^5 snapshots take 28 MB, and their tags. Forgotten ones stay
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

  /// - Returns: the snapshot, if it was live.
  @discardableResult
  mutating func remove(_ id: Digest) -> LogState.Snapshot? {
    guard let place = places.removeValue(forKey: id) else { return nil }
    let snapshot = rows[place]
    if rows.count > 64, rows.count > 2 * places.count { replaceRows(inOrder) }
    return snapshot
  }

  /// Brings back a snapshot that was removed, to its old place. O(n) unless its row is still there.
  mutating func restore(_ snapshot: LogState.Snapshot) {
    var low = 0
    var high = rows.count
    while low < high {
      let middle = (low + high) / 2
      if rows[middle].entry < snapshot.entry { low = middle + 1 } else { high = middle }
    }
    if low < rows.count, rows[low].id == snapshot.id {
      places[snapshot.id] = low
    } else {
      var rows = rows
      rows.insert(snapshot, at: low)
      places[snapshot.id] = low
      replaceRows(rows.filter { places[$0.id] != nil })
    }
  }

  private mutating func replaceRows(_ live: [LogState.Snapshot]) {
    rows = live
    for (index, row) in rows.enumerated() { places[row.id] = index }
  }
}
