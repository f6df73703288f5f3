import Varve
import VarveFormat
import VarveRepository

/// Finds the snapshots that the user names, among those that the filter options let through.
struct SnapshotAccess {
  private let search: SnapshotSearch

  init(_ repository: UnlockedRepository, _ filter: SnapshotFilterOptions) {
    search = SnapshotSearch(repository, filter: filter.filter)
  }

  /// The one snapshot that `text` names: `latest`, `latest~N`, an id or the beginning of one; behind
  /// a colon a path in it.
  func snapshot(named text: [UInt8]) throws -> ChosenSnapshot {
    try search.find(try SnapshotSelector(parsing: text))
  }

  /// The id of the one snapshot that `text` names; of a snapshot named by its id no record is read.
  func id(named text: [UInt8]) throws -> Digest {
    try search.id(of: try SnapshotSelector(parsing: text))
  }

  /// The snapshots named, each once; without names all that the filter lets through, oldest first.
  func snapshots(named texts: [[UInt8]]) throws -> [ChosenSnapshot] {
    try search.find(try texts.map { try SnapshotSelector(parsing: $0) })
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
