// Pruning, as docs/design.md, section 1 has it:
//
//     mark       the chunks that live snapshots need
//     plan       which packs nothing needs, which are worth copying, what else is garbage; shown before it is done
//     sweep      condemn entries older than the grace period: a sweep entry, then deletion
//     copy       what is used of the packs that go; new index segments without them      <- all durable (I1)
//     verify     that every needed chunk is in a pack that stays, copies included
//     commit     a repack entry, then the condemn entry (I6), on top of the state that the plan was made for
//                another author was first: what its snapshots need is taken out of the plan, then again
//     sweep      without a grace period: what has just been condemned, too
//
// Room is made before any is taken, so that a full disk is no trap. Until the commit nothing that was live when the plan
// was made has changed, and there are more objects. After it the condemned packs serve nobody,
// whatever happens. Deletion can stop anywhere: the next prune finds what was swept and is there still.

internal import Synchronization
internal import VarveCrypto
public import VarveFormat
internal import VarveStorage

/// Frees what no snapshot needs. Needs an owner's credential; backups may run meanwhile.
public struct Prune: Sendable {
  /// Plans that are made before giving up on a repository in which others never stop deleting.
  private static let attemptLimit = 8

  let unlocked: UnlockedRepository
  let options: PruneOptions
  let progress: PruneProgress
  let cancellation: CancellationFlag

  /// - Throws: `.forbidden` for other roles than the owner.
  public init(
    _ unlocked: UnlockedRepository, options: PruneOptions = PruneOptions(),
    progress: PruneProgress = PruneProgress(),
    cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    try unlocked.require(.owner, to: "prune")
    self.unlocked = unlocked
    self.options = options
    self.progress = progress
    self.cancellation = cancellation
  }

  var workers: Int { options.workers ?? WorkerThreads.processorCount }

  /// What would be done now. Changes nothing.
  ///
  /// - Parameter forgotten: snapshots that are taken for forgotten, though they are live.
  /// - Throws: `.missing` or `.damaged` when a snapshot is not whole; `.interrupted`; `.io`.
  public func plan(supposingForgotten forgotten: [Digest] = []) throws -> PrunePlan {
    try unlocked.log.refresh()
    return try unlocked.onNewestState { _ in
      try PruneWork(self, marker: nil, supposingForgotten: forgotten).plan
    }
  }

  /// Plans and does it.
  ///
  /// - Parameter planned: told of the plan, and again when it had to be made anew; may throw to stop.
  /// - Throws: as `plan`, and `.damaged` when something that is needed cannot be copied. Nothing is condemned then.
  public func run(planned: (PrunePlan) throws -> Void = { _ in }) throws -> PruneReport {
    let marker = SessionMarker(unlocked.storage)
    try marker.beat()
    defer { marker.remove() }
    var deleted = PruneReport.Deleted()
    for _ in 0..<Self.attemptLimit {
      try unlocked.log.refresh()
      let size = unlocked.log.state.size
      do {
        let work = try PruneWork(self, marker: marker)
        try planned(work.plan)
        let report = try work.run(&deleted)
        try RetentionExtension.run(unlocked, cancellation)
        return report
      } catch is PlanIsOutdated {
        continue
      } catch let error as VarveError where error.code == .missing {
        // Another prune may have swept it.
        try unlocked.log.refresh()
        guard unlocked.log.state.size > size else { throw error }
      }
    }
    throw VarveError(
      .io, "others kept deleting from the repository while it was pruned",
      hint: "run 'varve prune' again when no other prune is at work")
  }

  /// Something was condemned, brought back or repacked since the plan was made.
  struct PlanIsOutdated: Error {}

  static let act = "prune"

  /// The last second of the year 9999.
  static let endOfTime: Int64 = 253_402_300_799

  /// Short index segments that are left alone.
  static let shortSegmentLimit = 64

  /// Condemn entries whose grace is over.
  func sweepable(_ state: LogState) -> [LogState.Condemnation] {
    let now = WallClock.now().seconds
    return state.openCondemnations.filter {
      options.grace == 0 || now - $0.time.seconds >= options.grace
    }
  }
}

extension ObjectReference {
  /// The digest in the name.
  var digest: Digest? { ObjectName.digest(of: name) }
}

extension LogState {
  /// What a plan to delete depends on beside snapshots.
  struct Deletions: Equatable {
    let newest: UInt64?
    let statuses: [UInt64: Condemnation.Status]
    let repacks: Int
    let losses: Int
  }

  var deletions: Deletions {
    Deletions(
      newest: newestCondemnation, statuses: condemnations.mapValues(\.status),
      repacks: repacks.count, losses: losses.count)
  }

  /// Whether an entry names the object as live.
  func names(_ object: ObjectReference, _ live: LiveObjects) -> Bool {
    switch ObjectClass(object.name) {
    case .pack(let digest): live.packs[digest] != nil
    case .index(let digest): live.indexSegments[digest] != nil
    case .snapshot(let digest): snapshots[digest] != nil
    default: true
    }
  }
}
