// Copying, as `varve copy` does it. For each snapshot, unless the target has it:
//
//     its tree, bottom-up, with the target's proof key (`TreeRewriter`): nodes above others have other ids there
//     chunks of files that the target has not: read in the order of the source's packs, verified by their addresses, and sealed
//         anew (`ChunkTransfer`); a block that is wanted whole keeps its frame
//     its link table, cut by the target's own chunker
//     a new record
// and, after some snapshots or some time, all of that durable, then the log entries that name it (I1)
//
// The address of a chunk is the digest of its plaintext, so what the target has of any snapshot is not stored again. Where
// files are cut depends on the repository that first saved them, though: chunks of longer files are shared with other copies, not
// with what the target has saved itself.
//
// A copy is recognised by the log: its entry names as `original` the snapshot from which it comes, or, where that is a copy itself,
// the one from which that comes. While one large snapshot is being copied, a partial one is committed at intervals: its tree is
// empty, its record lists what was taken over as `unfinished`, and its `parent` is what the copy's `original` will be.

internal import Synchronization
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Copies snapshots from one repository into another. The source is only read.
public struct Copy {
  private static let attemptLimit = 8

  let source: UnlockedRepository
  let target: UnlockedRepository
  let options: CopyOptions
  let observer: (any CopyObserver)?
  let cancellation: CancellationFlag

  /// - Throws: `.forbidden` when the source's role cannot read, or the target's not store; `.usage` when both are one
  ///   repository.
  public init(
    from source: UnlockedRepository, to target: UnlockedRepository,
    options: CopyOptions = CopyOptions(), observer: (any CopyObserver)? = nil,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try source.require(.owner, .reader, to: "read what is stored")
    try target.require(.owner, .writer, to: "store snapshots")
    guard source.config.id != target.config.id else {
      throw VarveError(
        .usage, "source and target are the same repository",
        hint: "name the source with --from-repo and the target with --repo")
    }
    self.source = source
    self.target = target
    self.options = options
    self.observer = observer
    self.cancellation = cancellation
  }

  /// Copies `snapshots`, in that order. One that cannot be read in full is not copied; the others are.
  ///
  /// - Returns: what was done; `failed` has the snapshots that could not be copied.
  /// - Throws: `.interrupted`; `.io` and what else the target throws. What was committed until then stays.
  public func run(_ snapshots: [Digest]) throws -> CopyReport {
    let began = MonotonicClock.nanoseconds
    var report = CopyReport()
    report.dryRun = options.dryRun
    observer?.progress.snapshotsTotal.store(UInt64(snapshots.count), ordering: .relaxed)
    var left = snapshots.withoutRepeats()
    for _ in 0..<Self.attemptLimit {
      let session = try CopySession(self)
      let result = Result { try session.run(left) }
      session.end(&report)
      do {
        try result.get()
        if options.copiesHolds { try CopyHolds(self).extend(&report) }
        report.duration = MonotonicClock.nanoseconds - began
        return report
      } catch is SessionIsInvalid {
        // Somebody pruned the target: what was taken for stored may be gone soon.
        try target.log.refresh()
      } catch is SourceHasChanged {
        // Somebody pruned the source: packs may have been replaced by others. Its log has been read on.
      }
      let done = Set(
        report.copied.map(\.source) + report.present + report.failed + report.gone)
      left = left.filter { !done.contains($0) }
    }
    throw VarveError(
      .io, "data that this copy relied on was pruned while it ran",
      hint: "run it again when no 'prune --now' is at work; it goes on where it stopped")
  }
}

/// The source is not what it was when its index was opened: it must be opened again.
struct SourceHasChanged: Error {}

/// By what copies are recognised.
struct CopyOrigins {
  private struct Key: Hashable {
    let origin: Digest
    let isPartial: Bool
  }

  private var keys: Set<Key> = []

  /// - Parameter target: the log state of the repository into which is copied.
  init(_ target: LogState) {
    for row in target.snapshotsInOrder {
      insert(row.id, isPartial: row.isPartial)
      if let original = row.original { insert(original, isPartial: row.isPartial) }
    }
  }

  mutating func insert(_ origin: Digest, isPartial: Bool) {
    keys.insert(Key(origin: origin, isPartial: isPartial))
  }

  /// Whether the target has the snapshot, or a copy of it.
  func contains(_ origin: Digest, isPartial: Bool) -> Bool {
    keys.contains(Key(origin: origin, isPartial: isPartial))
  }

  /// What a copy of a snapshot names as its original: the snapshot, or what it is a copy of itself.
  static func origin(of row: LogState.Snapshot, in source: LogState) -> Digest {
    guard let original = row.original, source.snapshots[original] == nil,
      source.forgotten[original] == nil
    else { return row.id }
    return original
  }
}
