import VarveFormat
public import VarveRepository

/// Reads what a status is computed from: repositories and this host's journal.
public struct StatusReader: Sendable {
  private static let threadCount = 8

  public let configuration: Configuration
  private let client: ClientDirectories
  private let isInterrupted: @Sendable () throws -> Void
  private let note: @Sendable (String) -> Void

  public init(
    _ configuration: Configuration, client: ClientDirectories,
    isInterrupted: @escaping @Sendable () throws -> Void,
    note: @escaping @Sendable (String) -> Void
  ) {
    self.configuration = configuration
    self.client = client
    self.isInterrupted = isInterrupted
    self.note = note
  }

  public func opening(_ settings: RepositorySettings) -> RepositoryOpening {
    RepositoryOpening(settings, client: client, isInterrupted: isInterrupted, note: note)
  }

  /// What can be read of a repository; what cannot is said in it, too.
  ///
  /// - Parameter unlocked: called with the repository, where the settings have what unlocks it.
  public func facts(
    _ settings: RepositorySettings, unlocked: (UnlockedRepository) -> Void = { _ in }
  ) -> RepositoryFacts {
    do {
      let opening = opening(settings)
      guard settings.credential != nil else {
        let log = try opening.log()
        return try witnessed(RepositoryFacts(log, read: WallClock.now()), log, settings)
      }
      let repository = try opening.unlockedWithoutCosignatures()
      unlocked(repository)
      return try facts(repository, settings)
    } catch {
      return RepositoryFacts(error, read: WallClock.now())
    }
  }

  /// The same of a repository that is open.
  ///
  /// - Parameter known: what was read of it before; taken over while its log is as long.
  /// - Throws: what reading it throws.
  public func facts(
    _ repository: UnlockedRepository, _ settings: RepositorySettings,
    known: RepositoryFacts? = nil
  ) throws -> RepositoryFacts {
    let now = WallClock.now()
    if var known, known.access == .read, known.logSize == repository.log.state.size {
      known.read = now
      return try witnessed(known, repository.log, settings)
    }
    let profiles = Array(configuration.profiles.values)
    return try witnessed(
      try RepositoryFacts(repository, profiles: profiles, read: now), repository.log, settings)
  }

  private func witnessed(
    _ facts: RepositoryFacts, _ log: Log, _ settings: RepositorySettings
  ) throws -> RepositoryFacts {
    guard let policy = try opening(settings).witnessPolicy() else { return facts }
    var facts = facts
    let requirement = CosignatureRequirement(
      policy: policy, maximumAge: settings.maximumCosignatureAge)
    facts.witnessFailure = nil
    facts.witnessed = try requirement.newestQuorum(log, now: facts.read)?.time
    do {
      try requirement.check(log, now: facts.read)
    } catch let error as VarveError where error.code == .unproved {
      facts.witnessFailure = error.message
    }
    return facts
  }

  /// Requires the cosignatures that the settings do, of a log that was opened without.
  ///
  /// - Throws: `VarveError.Code.unproved` when they are not there; what reading the policy throws.
  public func requireCosignatures(of log: Log, _ settings: RepositorySettings) throws {
    guard let policy = try opening(settings).witnessPolicy() else { return }
    try CosignatureRequirement(policy: policy, maximumAge: settings.maximumCosignatureAge)
      .check(log, now: WallClock.now())
  }

  /// What this host remembers of the runs and drills of the configuration's profiles, and of its repositories' maintenance.
  ///
  /// - Throws: `VarveError.Code.io`.
  public func journal() throws -> [RunRecord] {
    let journal = RunJournal(client: client)
    let work = try configuration.profiles.keys.sorted().flatMap { name in
      try [.backup, .drill].flatMap { try journal.records(activity: $0, name: name) }
    }
    return try work
      + configuration.repositories.keys.sorted().flatMap { name in
        try MaintenanceTask.allCases.flatMap {
          try journal.records(activity: $0.journalActivity, name: name)
        }
      }
  }

  /// The report as of now: every repository is read, several at a time. Blocks its thread.
  ///
  /// - Throws: `VarveError.Code.notFound` for a profile that there is not; `io` for a journal that cannot be read.
  public func report(profiles: [String] = [], maximumAge: Int64? = nil) throws -> StatusReport {
    if let unknown = profiles.first(where: { configuration.profiles[$0] == nil }) {
      throw VarveError(
        .notFound, "the configuration has no profile '\(unknown)'",
        hint: "it has \(configuration.profiles.keys.sorted().joined(separator: ", "))")
    }
    let named = Set(profiles.compactMap { configuration.profiles[$0] }.flatMap(\.repositories))
    let settings = configuration.repositories.values.filter {
      profiles.isEmpty || named.contains($0.name)
    }.sorted { $0.name < $1.name }
    let facts = try ParallelWork.map(settings, threads: Self.threadCount) { self.facts($0) }
    return StatusJudge(
      configuration,
      facts: Dictionary(zip(settings.map(\.name), facts)) { first, _ in first },
      journal: try journal(), now: WallClock.now(), maximumAge: maximumAge
    ).report(profiles: profiles)
  }
}

extension StatusReader {
  /// Audits that this host has made of the configuration's repositories, oldest first.
  ///
  /// - Throws: `VarveError.Code.io`.
  public func audits() throws -> [RunRecord] {
    let journal = RunJournal(client: client)
    return try configuration.repositories.keys.sorted().flatMap {
      try journal.records(activity: .audit, name: $0)
    }.sorted { $0.started < $1.started }
  }

  /// Writes to this host's journal.
  ///
  /// - Throws: `VarveError.Code.io`.
  public func record(_ record: RunRecord) throws { try RunJournal(client: client).append(record) }
}
