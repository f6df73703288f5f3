internal import VarveFormat
internal import VarveRepository

/// What earlier runs have made of damaged snapshots: live snapshots that name an `original`.
///
/// A record is opened (a read, 100 µs) when a snapshot is asked about that it may be a repair of: one of the same source,
/// earlier in the log. Each is opened once, however many snapshots are asked about; once more where one of them is from
/// before entries named sources. Memory: about 300 bytes for each that names an original.
final class EarlierRepairs {
  /// What a repair makes anew of a record.
  private struct Content: Equatable {
    let tree: SnapshotRecord.Tree
    let links: [Digest]
    let unfinished: [Digest]

    init(_ record: SnapshotRecord) {
      tree = record.tree
      links = record.links
      unfinished = record.unfinished
    }
  }

  private struct Repair {
    let snapshot: LogState.Snapshot
    let content: Content
  }

  private let unlocked: UnlockedRepository
  private let cancellation: CancellationFlag
  /// By the original.
  private var repairs: [Digest: [Repair]] = [:]
  /// The log entries of a source whose records have been opened; nil stands for every source.
  private var opened: [Digest?: Range<UInt64>] = [:]

  init(_ unlocked: UnlockedRepository, _ cancellation: CancellationFlag) {
    self.unlocked = unlocked
    self.cancellation = cancellation
  }

  /// A live snapshot that is already what `old` would become: the first one in the log.
  ///
  /// - Parameter record: what `old` would become, with the `original` that it names.
  /// - Throws: as `UnlockedRepository.snapshotRecord`, but for records that cannot be read: they are no repairs; `.interrupted`.
  func snapshot(
    like record: SnapshotRecord, of old: LogState.Snapshot, in state: LogState
  ) throws -> Digest? {
    guard let original = record.original else { return nil }
    try open(after: old, state)
    let wanted = Content(record)
    return repairs[original]?.filter {
      $0.snapshot.entry > old.entry && Self.hasSource(of: old, $0.snapshot)
        && state.snapshots[$0.snapshot.id] != nil && $0.content == wanted
    }.min { $0.snapshot.entry < $1.snapshot.entry }?.snapshot.id
  }

  private static func hasSource(of old: LogState.Snapshot, _ other: LogState.Snapshot) -> Bool {
    old.source == nil || other.source == old.source
  }

  /// Opens the records that may be repairs of `old` and have not been opened yet.
  private func open(after old: LogState.Snapshot, _ state: LogState) throws {
    let done = opened[old.source] ?? state.size..<state.size
    let wanted = min(old.entry + 1, done.lowerBound)..<max(state.size, done.upperBound)
    guard wanted != done else { return }
    let new = state.snapshotsInOrder.filter {
      wanted.contains($0.entry) && !done.contains($0.entry) && Self.hasSource(of: old, $0)
    }
    try unlocked.prefetch(new.map { ObjectName.snapshot($0.id) })
    for snapshot in new {
      try cancellation.check()
      guard let record = try record(of: snapshot.id), let original = record.original else {
        continue
      }
      repairs[original, default: []].append(Repair(snapshot: snapshot, content: Content(record)))
    }
    opened[old.source] = wanted
  }

  /// Nil where it cannot be read.
  private func record(of snapshot: Digest) throws -> SnapshotRecord? {
    do {
      return try unlocked.snapshotRecord(snapshot)
    } catch let error as VarveError where error.isOfObject {
      return nil
    }
  }
}
