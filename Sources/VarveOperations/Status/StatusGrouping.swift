public import VarveFormat
import VarveRepository

extension StatusReport {
  /// Of one repository without a configuration: each host with the paths that it saves together is a source. Where records
  /// cannot be opened, each id that the log has for one is, if its entries were read (`readSnapshotEntries`).
  ///
  /// - Parameters:
  ///   - settings: the repository's; its name is what the report calls it.
  ///   - maximumAge: seconds; nil: any age will do.
  public init(
    of facts: RepositoryFacts, _ settings: RepositorySettings, maximumAge: Int64?, now: Timestamp
  ) {
    self.init(time: now)
    var configuration = Configuration()
    configuration.repositories[settings.name] = settings
    let judge = StatusJudge(
      configuration, facts: [settings.name: facts], journal: [], now: now, maximumAge: maximumAge)
    repositories = judge.report().repositories
    guard case .read = facts.access else { return }
    func source(_ name: String) -> SourceStatus {
      var status = SourceStatus(profile: nil, source: name, repository: settings.name)
      status.maximumAge = maximumAge
      if facts.snapshots == nil { status.evidence = .log }
      return status
    }
    let times = judge.times(of: settings.name)
    if let snapshots = facts.snapshots {
      sources = Self.groups(snapshots, by: Self.name).map { name, all in
        var status = source(name)
        let complete = all.filter { !$0.heading.isPartial }
        status.take(
          times.dated(complete) { ($0.entry, $0.heading.time) }.last, count: complete.count,
          at: now)
        return status
      }
    } else {
      sources = Self.groups(facts.loggedSnapshots ?? [], by: Self.name).map { name, all in
        var status = source(name)
        let complete = all.filter { !$0.isPartial }
        let newest = times.dated(complete) { ($0.entry, $0.taken) }.last
        status.take(time: newest, at: now)
        status.snapshot = newest?.item.id
        status.snapshotCount = complete.count
        return status
      }
    }
    // A repository that can be read and has nothing in it backs nothing up.
    if sources.isEmpty { sources = [source("any")] }
    for index in sources.indices { judge.judgeAge(of: &sources[index]) }
  }

  private static func groups<Snapshot>(
    _ snapshots: [Snapshot], by name: (Snapshot) -> String
  ) -> [(name: String, all: [Snapshot])] {
    Dictionary(grouping: snapshots, by: name).sorted { $0.key < $1.key }
      .map { (name: $0.key, all: $0.value) }
  }

  private static func name(_ snapshot: RepositoryFacts.Snapshot) -> String {
    let paths = snapshot.heading.paths.sorted { $0.lexicographicallyPrecedes($1) }
    return ByteText.printable(snapshot.heading.host) + ":"
      + paths.map { ByteText.printable($0) }.joined(separator: ",")
  }

  private static func name(_ snapshot: RepositoryFacts.LoggedSnapshot) -> String {
    snapshot.source.map { "id \($0.hex.prefix(16))" } ?? "without id"
  }
}
