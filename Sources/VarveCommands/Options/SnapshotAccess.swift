import Varve
import VarveFormat
import VarveRepository

/// Finds the snapshots that the user names, among those that the filter options let through.
struct SnapshotAccess {
  private let search: SnapshotSearch
  private let isFiltered: Bool
  private let console: Console

  /// - Throws: `.usage` for an empty path, `.io` when a path is relative and the working directory is not known.
  init(
    _ repository: UnlockedRepository, _ filter: SnapshotFilterOptions, on console: Console
  ) throws {
    search = SnapshotSearch(repository, filter: try filter.filter()) {
      console.warning($0.complaint)
    }
    isFiltered = !filter.isEmpty
    self.console = console
  }

  /// The one snapshot that `text` names: `latest`, `latest~N`, an id or the beginning of one; behind
  /// a colon a path in it.
  func snapshot(named text: [UInt8]) throws -> ChosenSnapshot {
    try search.find(try SnapshotSelector(parsing: text))
  }

  /// The ids of the snapshots named as wholes, each once; without names those of all that the filter lets through or
  /// that cannot be read and may be meant, oldest first.
  func ids(named texts: [[UInt8]]) throws -> [Digest] {
    let ids = try search.ids(of: try texts.map { try SnapshotSelector(parsing: $0) })
    warn(ofNone: ids.isEmpty, named: texts)
    return ids
  }

  /// The same, with their records.
  func choice(named texts: [[UInt8]]) throws -> SnapshotChoice {
    let choice = try search.choose(try texts.map { try SnapshotSelector(parsing: $0) })
    warn(ofNone: choice.snapshots.isEmpty && choice.unreadable.isEmpty, named: texts)
    return choice
  }

  private func warn(ofNone isEmpty: Bool, named texts: [[UInt8]]) {
    if isEmpty && isFiltered && texts.isEmpty { console.warnThatNothingMatches() }
  }
}

extension SnapshotChoice {
  /// Names those that cannot be read and gives the others, with which the command goes on; it ends with `finish`.
  func readable(on console: Console) -> [ChosenSnapshot] {
    for snapshot in unreadable { console.warning(snapshot.complaint) }
    return snapshots
  }

  /// - Throws: `.damaged` when some could not be read.
  func finish() throws {
    guard !unreadable.isEmpty else { return }
    throw VarveError(
      .damaged,
      "\(HumanText.count(unreadable.count, "snapshot")) cannot be read, and "
        + "\(unreadable.count == 1 ? "was" : "were") left out",
      hint:
        "run 'varve check' to see what is damaged; 'varve forget' with an id parts with a snapshot that is lost"
    )
  }
}

extension UnreadableSnapshot {
  /// `the snapshot 79766175 of 2026-03-01 12:00:00 cannot be read: …`.
  var complaint: String {
    let time = EntryText.shortTime(WallClock.local(seconds: time.seconds))
    return "the snapshot \(id.hex.prefix(8)) of \(time) cannot be read: "
      + ByteText.printable(error.description)
  }
}

extension ChosenSnapshot {
  /// For headings: `79766175 of 2026-03-01 12:00:00 on host (paths)`.
  var title: String {
    let time = EntryText.shortTime(WallClock.local(seconds: record.time.seconds))
    let paths = record.paths.map(ByteText.printable).joined(separator: ", ")
    return "\(id.hex.prefix(8)) of \(time) on \(ByteText.printable(record.host)) (\(paths))"
  }
}
