// How the state of backups follows from what is known; a pure function.
//
//   source      by complete live snapshots of its profile and name, where records can be opened; else by this
//               host's journal. A failure counts until a newer snapshot exists, whoever made it. Where several hosts have profiles
//               of one name, those of its own host (ProfileOwners).
//   run         a start without an end is under way until it is older than `unfinishedAfter`, or a later run has begun.
//   check       verifies when it read data and found no damage. Damage counts until a later check that was as thorough
//               found none.
//   drill       by the log's receipts and this host's journal, whichever is newer; due by its schedule, overdue a quarter of the period later, at least an hour
//               and at most two days.

public import VarveFormat
import VarveRepository

public struct StatusJudge: Sendable {
  /// A run that began longer ago and has no end was killed, or hangs.
  public static let unfinishedAfter: Int64 = 24 * 3600
  /// Facts that are older than that mean that the repository does not answer.
  public static let factsAge: Int64 = 900

  let configuration: Configuration
  /// By the names of repositories; those that are missing have not been read yet.
  let facts: [String: RepositoryFacts]
  /// Oldest first.
  let journal: [RunRecord]
  let now: Timestamp
  /// In the place of what the configuration says, for every source.
  let maximumAge: Int64?

  public init(
    _ configuration: Configuration, facts: [String: RepositoryFacts], journal: [RunRecord],
    now: Timestamp, maximumAge: Int64? = nil
  ) {
    self.configuration = configuration
    self.facts = facts
    self.journal = journal.sorted { $0.started < $1.started }
    self.now = now
    self.maximumAge = maximumAge
  }

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
    let newest = newestSnapshots()
    for profile in chosen {
      for source in profile.sources {
        for repository in profile.repositories {
          report.sources.append(
            self.source(
              source, profile, repository,
              newest[Place(profile.name, source.name, repository)] ?? Newest()))
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

  private struct Newest {
    var snapshot: RepositoryFacts.Snapshot?
    var count = 0

    mutating func take(_ snapshot: RepositoryFacts.Snapshot) {
      count += 1
      // Of equal times the later entry.
      guard let known = self.snapshot else {
        self.snapshot = snapshot
        return
      }
      if (snapshot.heading.time, snapshot.entry) >= (known.heading.time, known.entry) {
        self.snapshot = snapshot
      }
    }
  }

  private func newestSnapshots() -> [Place: Newest] {
    var found: [Place: Newest] = [:]
    for (name, facts) in facts {
      let all = facts.snapshots ?? []
      let owners = ProfileOwners(configuration.profiles.values, all.lazy.map(\.heading))
      for snapshot in all where !snapshot.heading.isPartial && owners.include(snapshot.heading) {
        guard let profile = snapshot.profile, let source = snapshot.source else { continue }
        found[Place(profile, source, name), default: Newest()].take(snapshot)
      }
    }
    return found
  }

  // MARK: Sources

  private func source(
    _ source: Source, _ profile: Profile, _ repository: String, _ newest: Newest
  ) -> SourceStatus {
    var status = SourceStatus(
      profile: profile.name, source: source.name, repository: repository)
    status.maximumAge = maximumAge ?? source.maximumAge ?? profile.maximumAge
    let runs = journal.filter {
      $0.activity == .backup && $0.name == profile.name && $0.repository == repository
    }
    // Runs that had to do with this source: it may have been added to the profile after others.
    let ended = runs.compactMap { run in
      Self.outcome(of: source.name, in: run).map { (run: run, outcome: $0) }
    }
    if facts[repository]?.snapshots != nil {
      status.take(newest.snapshot, count: newest.count)
    } else {
      status.evidence = .journal
      if let made = ended.last(where: { $0.outcome.result != .failure }) {
        status.newest = made.run.started
        status.snapshot = made.outcome.snapshot
        status.files = made.outcome.files
        status.bytes = made.outcome.bytes
      }
    }
    status.lastRun = ended.last?.run.started
    status.lastResult = ended.last?.outcome.result
    judgeRun(
      of: &status, ended.last?.outcome, unfinished: runs.last { $0.result == .started }, runs)
    judgeAge(of: &status)
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
      // Somebody may have made a snapshot since.
      let isSuperseded = status.newest.map { $0 > time } ?? false
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
    let seconds = now.seconds - unfinished.started.seconds
    if seconds > Self.unfinishedAfter {
      status.problems.append(
        StatusProblem(.unfinished, "the run begun \(ago(unfinished.started)) has no end"))
    } else {
      status.runningSince = unfinished.started
    }
  }

  func judgeAge(of status: inout SourceStatus) {
    guard let age = status.age(at: now) else {
      status.problems.append(
        StatusProblem(
          .never,
          status.evidence == .snapshots
            ? "there is no snapshot" : "no run on this host has made a snapshot"))
      return
    }
    guard let limit = status.maximumAge, age > limit else { return }
    status.problems.append(
      StatusProblem(
        .stale,
        "the newest snapshot is \(HumanText.span(age)) old, and \(HumanText.span(limit)) are allowed"
      ))
  }

  func ago(_ time: Timestamp) -> String {
    "\(HumanText.span(max(0, now.seconds - time.seconds))) ago"
  }
}

extension SourceStatus {
  mutating func take(_ newest: RepositoryFacts.Snapshot?, count: Int) {
    self.newest = newest?.heading.time
    snapshot = newest?.id
    files = newest?.heading.files
    bytes = newest?.heading.bytes
    snapshotCount = count
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
