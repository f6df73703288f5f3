// A run of a profile, in this order:
//
//     lock       this host's, of the profile; what a run that was killed has left in the staging directory is removed
//     journal    a run is begun, for each of the profile's repositories; `start` is notified
//     open       each repository; one that cannot be opened fails, the others go on
//     before     hooks; the first that fails stops the run
//     metadata   a command that fails stops the run
//     capture    source by source: a database is copied and checked, then each repository gets its snapshot; whether anything
//                is left of the source, and whether its change is suspicious, is judged
//     after      hooks: all of them, whatever happened since the first of `before`
//     receipt    `run`, into each log; then the retention of the sources that were saved and are not in doubt
//     on-…       hooks, on success or on failure, once for all repositories: the worst counts
//     tell       notifications, of alarms first; pings once for all repositories
//     journal    the run has ended
//
// A source that fails does not keep the others from being saved. Killed anywhere the run leaves whole snapshots, a journal
// that says that it was begun, and copies that the next run removes.

import Glibc
import Varve
import VarveFormat
import VarveRepository

/// Runs a profile: one set of snapshots in each of its repositories.
public struct ProfileRun {
  public struct Options: Sendable {
    /// Read, compare and check, but store and remember nothing; without hooks, notifications and retention.
    public var dryRun = false

    public init() {}
  }

  let profile: Profile
  let surroundings: RunSurroundings
  let options: Options
  private let notifier: Notifier

  public init(_ profile: Profile, _ surroundings: RunSurroundings, options: Options = Options()) {
    self.profile = profile
    self.surroundings = surroundings
    self.options = options
    notifier = Notifier(
      targets: profile.notify.compactMap { surroundings.configuration.notifications[$0] },
      host: profile.host, cancellation: surroundings.cancellation)
  }

  /// Runs it.
  ///
  /// - Returns: what came of it, for each of the profile's repositories.
  /// - Throws: `.refused` when another process of this host runs the profile or restores it; `.interrupted`, after what has
  ///   to be done in the end is done. All else that goes wrong is in the records.
  public func run() throws -> [RunRecord] {
    let lock = try RunLock(surroundings.client, profile: profile.name, for: .run)
    defer { _ = lock }
    let targets = profile.repositories.map { RunTarget(profile, $0, surroundings) }
    begin(targets)
    var interruption: (any Error)?
    do {
      let base = (surroundings.client.cache ?? surroundings.client.state) + "/staging"
      let staging = try StagingDirectory(
        in: base, name: "run-" + RunJournal.fileName(of: profile.name))
      try work(targets, staging)
    } catch let error as VarveError where error.code == .interrupted {
      for target in targets { fail(target, error) }
      interruption = error
    } catch {
      surroundings.warn("\(profile.name): \((error as? VarveError)?.message ?? "\(error)")")
      for target in targets { fail(target, error) }
    }
    for target in targets where surroundings.cancellation.isCancelled {
      // Also what was not ended by it: a command that a shutdown has ended says only that it failed.
      target.record.isInterrupted = target.worstResult == .failure
    }
    finish(targets)
    if let interruption { throw interruption }
    return targets.map(\.record)
  }

  // MARK: Beginning and end

  private func begin(_ targets: [RunTarget]) {
    var killed: Set<Int64> = []
    for target in targets {
      if let previous = target.previous, previous.result == .started {
        let text = "the run that began at \(previous.started.zonedSeconds) did not come to an end"
        target.add(message: text)
        if killed.insert(previous.started.seconds).inserted {
          surroundings.warn("\(profile.name): \(text)")
        }
      }
      guard !options.dryRun else { continue }
      surroundings.remember(target.record.withResult(.started))
    }
    if !options.dryRun { tell(.start, targets) }
  }

  private func fail(_ target: RunTarget, _ error: any Error) {
    target.add(message: (error as? VarveError)?.message ?? "\(error)")
    target.raise(to: .failure)
  }

  private func finish(_ targets: [RunTarget]) {
    for target in targets {
      target.raise(to: .success)
      for source in target.record.sources { target.raise(to: source.result) }
    }
    if !options.dryRun { runOutcomeHooks(targets) }
    for target in targets {
      target.record.ended = WallClock.now()
      // Durable before anybody is told of it.
      if !options.dryRun { surroundings.remember(target.record) }
    }
    guard !options.dryRun else { return }
    tell(.alarm, targets.filter { $0.record.sources.contains { $0.alarm != nil } })
    tell(nil, targets)
  }

  /// - Parameter event: nil for what the results say.
  private func tell(_ event: NotificationTarget.Event?, _ targets: [RunTarget]) {
    guard !profile.notify.isEmpty else { return }
    let parts = targets.map { Notifier.Part(record: $0.record, previous: $0.previous) }
    for failure in notifier.send(event, aboutAll: parts) { surroundings.warn(failure) }
  }

  // MARK: Between

  private func work(_ targets: [RunTarget], _ staging: StagingDirectory) throws {
    for target in targets {
      try target.open()
      if let failure = target.failure {
        surroundings.warn("\(profile.name), \(target.record.repository): \(failure.message)")
      }
    }
    guard targets.contains(where: { $0.repository != nil }) else { return }
    let hooks = HookRun(profile, surroundings)
    var failure: (any Error)?
    do {
      if !options.dryRun { try hooks.run(profile.hooks.before, .before) }
      try capture(targets, staging, hooks)
    } catch {
      failure = error
    }
    if !options.dryRun {
      let result: RunRecord.Result =
        failure == nil
        ? targets.map(\.worstResult).max { $0.rank < $1.rank } ?? .success : .failure
      // A service that does not come up again is worse than a file that was not saved.
      for message in hooks.runAll(profile.hooks.after, .after, result: result) {
        surroundings.warn("\(profile.name): \(message)")
        for target in targets {
          target.add(message: message)
          target.raise(to: .failure)
        }
      }
      for target in targets where target.repository != nil {
        leaveReceipt(target, hasFailed: failure != nil)
      }
    }
    if let failure { throw failure }
    guard !options.dryRun else { return }
    for target in targets where target.repository != nil {
      try RunRetention(profile, surroundings).apply(to: target)
    }
  }

  /// Once, whatever the number of repositories: what says that all is well must not take back that something is not.
  private func runOutcomeHooks(_ targets: [RunTarget]) {
    let worst = targets.map(\.record).max { $0.result.rank < $1.result.rank }
    guard let worst else { return }
    let (commands, event): ([CommandSpecification], HookRun.Event) =
      worst.result == .success
      ? (profile.hooks.onSuccess, .success) : (profile.hooks.onFailure, .failure)
    let failures = HookRun(profile, surroundings).runAll(
      commands, event, result: worst.result,
      environment: [
        "VARVE_REPOSITORY_NAME": worst.repository, "VARVE_MESSAGE": worst.message ?? "",
      ])
    for message in failures {
      surroundings.warn("\(profile.name): \(message)")
      for target in targets { target.add(message: message) }
    }
  }

  private func leaveReceipt(_ target: RunTarget, hasFailed: Bool) {
    let sources = target.record.sources
    func sum(_ path: KeyPath<SourceOutcome, Int64>) -> Int64 {
      sources.reduce(0) { $0 &+ $1[keyPath: path] }
    }
    func count(_ result: RunRecord.Result) -> Int64 {
      Int64(sources.count { $0.result == result })
    }
    let worst = target.worstResult
    let receipt = LogStatement.Receipt(
      activity: .run,
      result: hasFailed || worst == .failure ? .failed : worst == .incomplete ? .incomplete : .ok,
      started: target.record.started,
      counts: [
        "bytes": sum(\.bytes), "bytesAdded": sum(\.bytesAdded), "bytesStored": sum(\.bytesStored),
        "files": sum(\.files), "sources": Int64(profile.sources.count),
        "sourcesFailed": count(.failure), "sourcesIncomplete": count(.incomplete),
      ], scope: "profile", snapshots: sources.compactMap(\.snapshot))
    if let failure = target.repository?.leave(receipt) {
      let text = "there is no receipt of the run in the log: \(failure.message)"
      target.add(message: text)
      surroundings.warn(text)
    }
  }
}

extension RunTarget {
  /// So far.
  var worstResult: RunRecord.Result {
    (record.sources.map(\.result) + [record.result]).max { $0.rank < $1.rank } ?? record.result
  }
}

extension RunRecord {
  func withResult(_ result: Result) -> RunRecord {
    var record = self
    record.result = result
    return record
  }
}

extension RunRecord.Result {
  /// How bad it is.
  var rank: Int {
    switch self {
    case .started: 0
    case .success: 1
    case .incomplete: 2
    case .failure: 3
    }
  }
}
