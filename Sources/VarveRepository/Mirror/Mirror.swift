// Mirroring, as `varve mirror` does it: objects and log of one repository (the source) into another place (the target), byte by
// byte. Nothing is opened, so no key is needed: the source's log is verified, and it says all that has to be known.
//
// What the target must be: nothing yet, or the same repository at an earlier state. Its `config` must be the source's, each of
// its commits one of the source's (MirrorHistory).
//
//     repeat
//       read the source's log, compare the target's with it, list the target once
//       content objects that are not there, in parallel: read, hashed against their names, put
//     until none failed that the newest log still wants       (somebody may have pruned meanwhile)
//     config, if there is none
//     commits that are not there, in parallel and in any order, but for the first of them; then that one
//     full tiles; the source's checkpoint
//     objects are removed that the source's log says are swept
//
// Whoever reads the target's log asks for one commit after the other, so all that is new becomes visible with the one that comes
// last, and the target goes from one state of the source to the newest at once. That is not only for speed. States
// between them may be beyond recall: what a snapshot needed that was saved, forgotten and swept since the last time is nowhere any
// more, and a log that ended in the middle of that would name it as live.
//
// Killed anywhere, the target is what it was, with more objects that its log does not name yet; the next run finds them. Commits
// beyond a gap count for nothing until the gap is closed.
//
// What is damaged or missing at the source, and not whole at the target, is reported, and the rest is mirrored: the target is then
// whole but for what the source has not. What is whole at the target is never replaced or removed because the source has
// lost it: mirroring the other way brings it back.

internal import VarveFormat
internal import VarveProof
public import VarveStorage

/// Replicates a repository's objects and log as they are.
public struct Mirror: Sendable {
  private static let attemptLimit = 8

  let source: Log
  let target: any StorageBackend
  let options: MirrorOptions
  let observer: (any MirrorObserver)?
  let cancellation: CancellationFlag
  let progress: MirrorProgress

  /// - Parameters:
  ///   - source: the log of the repository that is mirrored; it is only read.
  ///   - target: where the twin is, or is to be.
  public init(
    from source: Log, to target: any StorageBackend, options: MirrorOptions = MirrorOptions(),
    observer: (any MirrorObserver)? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) {
    self.source = source
    self.target = target
    self.options = options
    self.observer = observer
    self.cancellation = cancellation
    progress = observer?.progress ?? MirrorProgress()
  }

  /// Brings the target to the source's newest state.
  ///
  /// - Returns: what was done; `failures` has what could not be brought to the target.
  /// - Throws: `.refused` when the target is another repository, or ahead of the source; `.rollback` when its log is another
  ///   history; `.damaged` when it has a commit that is nobody's; `.interrupted`; `.io` and what else the target
  ///   throws. What is there by then stays, and the next run goes on.
  public func run() throws -> MirrorReport {
    let began = MonotonicClock.nanoseconds
    let config = try MirrorConfig(source: source, target: target)
    var report = MirrorReport(isNew: config.isMissing, dryRun: options.dryRun)
    if config.isMissing && !options.dryRun { try target.create() }
    for attempt in 0..<Self.attemptLimit {
      try cancellation.check()
      // The checkpoint before the log: whatever it signs was there when it was read.
      let checkpoint = try? source.readIfPresent(ObjectName.checkpoint)
      try source.refresh()
      let fold = source.fold
      let history = try MirrorHistory(self, fold)
      if history.isAhead {
        // Somebody may have mirrored a newer state than the one that was just read.
        try source.refresh()
        guard source.head.size > fold.head.size else { throw history.ahead }
        continue
      }
      let plan = try MirrorPlan(fold.state, source: source.storage, target: target)
      if attempt == 0 { report.objectsPresent = plan.presentCount }
      let transfer = MirrorTransfer(self, plan)
      try transfer.run()
      transfer.count(into: &report)
      guard try transfer.failures.isEmpty || isFinal(transfer.failures, fold) else { continue }
      report.failures = transfer.failures
      for failure in report.failures { observer?.failed(failure) }
      report.logSize = fold.head.size
      if !options.dryRun { try config.create(at: target) }
      let commits = MirrorCommits(self, fold, history)
      if try commits.run(&report) {
        try MirrorDerived(self, fold).run(checkpoint: checkpoint ?? nil, &report)
        try MirrorDeletion(self, plan.doomed).run(&report)
      }
      report.duration = MonotonicClock.nanoseconds - began
      return report
    }
    throw VarveError(
      .io, "the source was changed again and again while it was mirrored",
      hint: "run it again when no 'prune --now' is at work; it goes on where it stopped")
  }

  /// Whether objects that cannot be had from the source are wanted by its newest log, too.
  private func isFinal(_ failures: [MirrorReport.Failure], _ fold: LogFold) throws -> Bool {
    try source.refresh()
    let (old, new) = (fold.state, source.state)
    guard new.size > old.size else { return true }
    let credentials = Set(new.liveCredentials.compactMap(\.credential))
    return new.deletions == old.deletions
      && failures.allSatisfy { failure in
        switch ObjectClass(failure.name) {
        case .snapshot(let id): new.snapshots[id] != nil
        case .credential(let id): credentials.contains(id)
        default: true
        }
      }
  }
}

/// The object `config` of a source and its twin.
struct MirrorConfig {
  private let bytes: [UInt8]
  /// Whether the target has none yet.
  let isMissing: Bool

  /// - Throws: `.refused` when the target has another one; `.damaged` when the source's is not what was verified.
  init(source: Log, target: any StorageBackend) throws {
    bytes = try source.configBytes()
    do {
      try Self.requireEqual(target.read(ObjectName.config), bytes, at: target)
      isMissing = false
    } catch let error as VarveError where error.code == .missing {
      isMissing = true
    }
  }

  func create(at target: any StorageBackend) throws {
    guard isMissing, try !target.createExclusively(ObjectName.config, bytes) else { return }
    try Self.requireEqual(target.read(ObjectName.config), bytes, at: target)
  }

  private static func requireEqual(
    _ found: [UInt8], _ bytes: [UInt8], at target: any StorageBackend
  ) throws {
    guard found != bytes else { return }
    throw VarveError(
      .refused, "there is another repository at \(target.location)",
      hint: "name another target; 'varve copy' takes snapshots from one repository into another")
  }
}
