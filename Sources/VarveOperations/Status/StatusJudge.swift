// How the state of backups follows from what is known; a pure function.
//
//   source      by complete live snapshots of its profile and name, where records can be opened; else by this
//               host's journal. A failure counts until a newer snapshot exists, whoever made it. Where several hosts have profiles
//               of one name, those of its own host (ProfileOwners).
//   run         a start without an end is under way until it is older than `unfinishedAfter`, or a later run has begun.
//               The journal is in the order in which runs began.
//   age         by `max-age`; without one by the profile's schedule, as drills are, from the time of the newest snapshot.
//   time        none is later than now, nor than what shows when it was (EntryTimes, BoundedJournal). What is of a time that
//               nobody can tell proves nothing: neither that a limit is kept, nor that a failure is over.
//   check       damage counts until a later check that looked at the same found none; data is verified when all of it was
//               read (CheckCoverage).
//   maintenance by the log's entries, and what failed by this host's journal, too (StatusJudge+Maintenance)
//   drill       by the log's receipts and this host's journal, whichever is newer; due by its schedule, overdue a quarter of the period later, at least an hour
//               and at most two days.

public import VarveFormat
import VarveProof
import VarveRepository

public struct StatusJudge: Sendable {
  /// A run that began longer ago and has no end was killed, or hangs.
  public static let unfinishedAfter: Int64 = 24 * 3600
  /// Facts that are older than that mean that the repository does not answer.
  public static let factsAge: Int64 = 900

  let configuration: Configuration
  /// By the names of repositories; those that are missing have not been read yet.
  let facts: [String: RepositoryFacts]
  let journal: BoundedJournal
  let now: Timestamp
  /// In the place of what the configuration says, for every source.
  let maximumAge: Int64?
  private let bounds: [String: TimeBounds]

  /// - Parameter journal: as it is kept: of each name in the order in which runs began.
  public init(
    _ configuration: Configuration, facts: [String: RepositoryFacts], journal: [RunRecord],
    now: Timestamp, maximumAge: Int64? = nil
  ) {
    self.configuration = configuration
    self.facts = facts
    self.journal = BoundedJournal(journal, now: now)
    self.now = now
    bounds = facts.mapValues { TimeBounds($0.entryTimes, now: now) }
    self.maximumAge = maximumAge
  }

  /// What bounds the times in a repository's log.
  func times(of repository: String) -> TimeBounds {
    bounds[repository] ?? TimeBounds(EntryTimes(), now: now)
  }

  /// Whether a moment has not come, even with the tolerance.
  func isAhead(_ time: Timestamp) -> Bool { TimeWindow(notAfter: now).isAfter(time) }

  /// - Parameter profiles: names; empty for all, and every repository.
  public func report(profiles: [String] = []) -> StatusReport {
    var report = StatusReport(time: now)
    let chosen = configuration.profiles.values.filter {
      profiles.isEmpty || profiles.contains($0.name)
    }.sorted { $0.name < $1.name }
    let named = Set(chosen.flatMap(\.repositories))
    report.repositories = configuration.repositories.values.filter {
      profiles.isEmpty || named.contains($0.name)
    }.sorted { $0.name < $1.name }.map(repository)
    let snapshots = completeSnapshots()
    for profile in chosen {
      for source in profile.sources {
        for repository in profile.repositories {
          report.sources.append(
            self.source(
              source, profile, repository,
              snapshots[Place(profile.name, source.name, repository)] ?? []))
        }
      }
      report.drills += profile.drills.map { drill($0, profile) }
    }
    return report
  }

  private struct Place: Hashable {
    let profile: String
    let source: String
    let repository: String

    init(_ profile: String, _ source: String, _ repository: String) {
      self.profile = profile
      self.source = source
      self.repository = repository
    }
  }

  private func completeSnapshots() -> [Place: [RepositoryFacts.Snapshot]] {
    var found: [Place: [RepositoryFacts.Snapshot]] = [:]
    for (name, facts) in facts {
      let all = facts.snapshots ?? []
      let owners = ProfileOwners(configuration.profiles.values, all.lazy.map(\.heading))
      for snapshot in all where !snapshot.heading.isPartial && owners.include(snapshot.heading) {
        guard let profile = snapshot.profile, let source = snapshot.source else { continue }
        found[Place(profile, source, name), default: []].append(snapshot)
      }
    }
    return found
  }

  // MARK: Sources

  private func source(
    _ source: Source, _ profile: Profile, _ repository: String,
    _ snapshots: [RepositoryFacts.Snapshot]
  ) -> SourceStatus {
    var status = SourceStatus(
      profile: profile.name, source: source.name, repository: repository)
    status.maximumAge = maximumAge ?? source.maximumAge ?? profile.maximumAge
    let runs = journal.records.filter {
      $0.activity == .backup && $0.name == profile.name && $0.repository == repository
    }
    // Runs that had to do with this source: it may have been added to the profile after others.
    let ended = runs.compactMap { run in
      Self.outcome(of: source.name, in: run).map { (run: run, outcome: $0) }
    }
    if facts[repository]?.snapshots != nil {
      let newest = times(of: repository).dated(snapshots) { ($0.entry, $0.heading.time) }.last
      status.take(newest, count: snapshots.count, at: now)
    } else {
      status.evidence = .journal
      if let made = ended.last(where: { $0.outcome.result != .failure }) {
        status.newest = made.run.started
        status.claimed = journal.ahead[made.run.id]?.claimed
        status.isUndated = journal.ahead[made.run.id]?.isUndated ?? false
        status.snapshot = made.outcome.snapshot
        status.files = made.outcome.files
        status.bytes = made.outcome.bytes
      }
    }
    status.lastRun = ended.last?.run.started
    status.lastResult = ended.last?.outcome.result
    judgeRun(
      of: &status, ended.last?.outcome, unfinished: runs.last { $0.result == .started }, runs)
    judgeWhole(of: &status, profile, runs)
    judgeAge(of: &status)
    let maker = ended.last { $0.outcome.snapshot != nil && $0.outcome.snapshot == status.snapshot }
    judgeSchedule(of: &status, profile.schedule, saved: maker?.run.ended)
    status.problems.sort { $0.kind.rank < $1.kind.rank }
    return status
  }

  /// What came of a source in a run that has ended; nil when the run did not get it as its task.
  private static func outcome(of source: String, in run: RunRecord) -> SourceOutcome? {
    guard run.result != .started else { return nil }
    if let outcome = run.sources.first(where: { $0.source == source }) { return outcome }
    // It ended before there were outcomes, as after a hook that failed.
    guard run.result == .failure else { return nil }
    var outcome = SourceOutcome(source: source, result: .failure)
    outcome.message = run.message
    return outcome
  }

  private func judgeRun(
    of status: inout SourceStatus, _ last: SourceOutcome?, unfinished: RunRecord?,
    _ runs: [RunRecord]
  ) {
    if let last, let time = status.lastRun {
      // Somebody may have made a snapshot since; what claims to be of tomorrow does not show that.
      let isSuperseded = status.claimed == nil && status.newest.map { $0 > time } ?? false
      switch last.result {
      case .failure where !isSuperseded || status.evidence == .journal:
        let reason = last.message.map { ": \($0)" } ?? ""
        status.problems.append(
          StatusProblem(.failed, "the last attempt, \(ago(time)), failed\(reason)"))
      case .incomplete where status.newest != nil:
        let reason = last.message.map { ": \($0)" } ?? ""
        status.problems.append(
          StatusProblem(.incomplete, "the last snapshot is not complete\(reason)"))
      default: break
      }
      if let alarm = last.alarm { status.problems.append(StatusProblem(.alarm, alarm)) }
    }
    guard let unfinished, unfinished.id == runs.last?.id else { return }
    if let message = self.unfinished(unfinished.started, "the run") {
      status.problems.append(StatusProblem(.unfinished, message))
    } else {
      status.runningSince = unfinished.started
    }
  }

  /// What is wrong with something that has no end; nil while it may be under way.
  func unfinished(_ started: Timestamp, _ name: String) -> String? {
    if isAhead(started) {
      return
        "\(name) that says it was begun at \(started.utcSeconds), which is to come, has no end"
    }
    guard now.seconds - started.seconds > Self.unfinishedAfter else { return nil }
    return "\(name) begun \(ago(started)) has no end"
  }

  func judgeAge(of status: inout SourceStatus) {
    guard let newest = status.newest, let age = status.age(at: now) else {
      status.problems.append(
        StatusProblem(
          .never,
          status.evidence == .journal
            ? "no run on this host has made a snapshot" : "there is no snapshot"))
      return
    }
    defer { status.problems.sort { $0.kind.rank < $1.kind.rank } }
    if let claimed = status.claimed {
      status.problems.append(
        StatusProblem(
          .future,
          "the newest snapshot says that it is of \(claimed.utcSeconds), which cannot be: it was there "
            + (status.isUndated ? "before now" : "by \(newest.utcSeconds)")))
    }
    guard let limit = status.maximumAge else { return }
    if let claimed = status.claimed, status.isUndated, claimed.seconds - now.seconds > limit {
      status.problems.append(
        StatusProblem(
          .stale,
          "nothing shows how old the newest snapshot is: a clock was ahead when it was made, by more than the "
            + "\(HumanText.span(limit)) that are allowed"))
    } else if age > limit {
      status.problems.append(
        StatusProblem(
          .stale,
          "the newest snapshot is \(HumanText.span(age)) old, and \(HumanText.span(limit)) are allowed"
        ))
    }
  }

  func ago(_ time: Timestamp) -> String {
    "\(HumanText.span(max(0, now.seconds - time.seconds))) ago"
  }
}

extension SourceStatus {
  mutating func take(
    _ newest: Dated<RepositoryFacts.Snapshot>?, count: Int, at now: Timestamp
  ) {
    take(time: newest, at: now)
    snapshot = newest?.item.id
    files = newest?.item.heading.files
    bytes = newest?.item.heading.bytes
    snapshotCount = count
  }

  mutating func take<Item>(time newest: Dated<Item>?, at now: Timestamp) {
    self.newest = newest?.time(at: now)
    claimed = newest.flatMap { $0.isAhead ? $0.claimed : nil }
    isUndated = newest.map { $0.time == nil } ?? false
  }
}

extension StatusProblemKind {
  /// The worst first; of equal level, as they are declared.
  var rank: Int {
    let place =
      Self.allCases.firstIndex(of: self).map {
        Self.allCases.distance(from: Self.allCases.startIndex, to: $0)
      } ?? 0
    return place - 100 * level.rawValue
  }
}
