public import VarveFormat
internal import VarveStorage

/// Brings forgotten snapshots back, as long as what they need has not been swept.
public struct Undo: Sendable {
  private let unlocked: UnlockedRepository
  private let workers: Int
  private let cancellation: CancellationFlag

  /// - Parameter workers: threads; nil for one a processor.
  /// - Throws: `.forbidden` for other roles than the owner.
  public init(
    _ unlocked: UnlockedRepository, workers: Int? = nil,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "bring back what was forgotten")
    self.unlocked = unlocked
    self.workers = workers ?? WorkerThreads.processorCount
    self.cancellation = cancellation
  }

  /// Forgotten snapshots whose records are still there, newest first.
  ///
  /// - Throws: `.io`.
  public static func candidates(_ unlocked: UnlockedRepository) throws -> [LogState.Forgotten] {
    let state = unlocked.log.state
    var stored: Set<String> = []
    try unlocked.storage.list(ObjectName.snapshotPrefix) { name, _ in stored.insert(name) }
    let swept = try sweptObjects(unlocked, state)
    return state.forgotten.values.filter {
      let name = ObjectName.snapshot($0.snapshot.id)
      return stored.contains(name) && !swept.contains(name)
    }.sorted { $0.entry > $1.entry }
  }

  /// Objects that may be deleted at any moment, or are deleted.
  private static func sweptObjects(
    _ unlocked: UnlockedRepository, _ state: LogState
  ) throws -> Set<String> {
    var swept: Set<String> = []
    for condemnation in state.condemnations.values {
      guard case .swept = condemnation.status else { continue }
      for object in try condemnation.objects.objects(in: unlocked.storage) {
        swept.insert(object.name)
      }
    }
    return swept
  }

  /// Makes `snapshots` live again, and rescinds every open condemn entry since the first of them was forgotten: what
  /// they need was not condemned before.
  ///
  /// - Returns: the condemn entries that are rescinded.
  /// - Throws: `.notFound` for a snapshot that was never forgotten, or of which something was swept; `.missing` and
  ///   `.damaged` when something that it needs is lost for another reason.
  public func run(_ snapshots: [Digest]) throws -> [UInt64] {
    struct LogHasGrown: Error {}
    while true {
      try cancellation.check()
      try unlocked.log.refresh()
      let state = unlocked.log.state
      var first = UInt64.max
      for snapshot in snapshots {
        guard let forgotten = state.forgotten[snapshot] else {
          throw VarveError(
            .notFound, "the snapshot \(snapshot) was not forgotten",
            hint: "'varve recover' lists those that can be brought back")
        }
        first = min(first, forgotten.entry)
      }
      let entries = state.openCondemnations.map(\.entry).filter { $0 > first }
      do {
        try requireWhole(snapshots, state, entries)
      } catch let error as VarveError where error.code == .missing {
        // What others sweep meanwhile may be needed no more, as what they repack is.
        try unlocked.log.refresh()
        guard unlocked.log.state.size > state.size else { throw error }
        continue
      }
      do {
        try unlocked.log.append { current in
          guard current.size == state.size else { throw LogHasGrown() }
          return stride(from: 0, to: snapshots.count, by: LogStatement.Undo.limit).map { start in
            let end = min(start + LogStatement.Undo.limit, snapshots.count)
            return .undo(
              .init(
                snapshots: Array(snapshots[start..<end]), condemned: start == 0 ? entries : []))
          }
        }
        return entries
      } catch is LogHasGrown {
        continue
      }
    }
  }

  /// Requires that everything the snapshots need would be live.
  private func requireWhole(
    _ snapshots: [Digest], _ state: LogState, _ entries: [UInt64]
  ) throws {
    var after = state
    after.fold(entries, as: .rescinded(by: state.size))
    do {
      // A record that was swept may still be there, and all that its snapshot needs be live.
      let swept = try Self.sweptObjects(unlocked, state)
      for snapshot in snapshots where swept.contains(ObjectName.snapshot(snapshot)) {
        throw VarveError(.missing, "the record of the snapshot \(snapshot) was swept")
      }
      let repository = try IndexedRepository(unlocked, at: after, to: "bring snapshots back")
      let live = LiveChunks(
        workers: workers, progress: PruneProgress(), cancellation: cancellation)
      try live.add(snapshots, in: repository)
    } catch let error as VarveError where error.code == .missing || error.code == .damaged {
      try requireUnswept(snapshots, state)
      throw VarveError(
        error.code, "what the snapshots need is damaged or missing",
        hint:
          "run 'varve check' to see what is affected, and 'varve repair index' to save what is left",
        cause: error)
    }
  }

  /// Requires that nothing was swept since the snapshots were forgotten: it explains what is not there.
  ///
  /// - Throws: `.notFound`.
  private func requireUnswept(_ snapshots: [Digest], _ state: LogState) throws {
    for snapshot in snapshots {
      guard let forgotten = state.forgotten[snapshot] else { continue }
      let sweep = state.condemnations.values.compactMap { condemnation -> UInt64? in
        guard condemnation.entry > forgotten.entry, case .swept(let entry) = condemnation.status
        else { return nil }
        return entry
      }.max()
      guard let sweep else { continue }
      throw VarveError(
        .notFound,
        "the snapshot \(snapshot.hex.prefix(8)) cannot be brought back: log entry \(sweep) swept what "
          + "it needs",
        hint: "'varve recover' lists those that can be brought back")
    }
  }
}
