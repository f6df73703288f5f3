public import VarveFormat
import VarveRepository

extension StatusReport {
  /// Of one repository without a configuration: each host with the paths that it saves together is a source.
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
    sources = Self.groups(of: facts.snapshots ?? []).map { name, newest, count in
      var status = SourceStatus(profile: nil, source: name, repository: settings.name)
      status.maximumAge = maximumAge
      status.take(newest, count: count)
      judge.judgeAge(of: &status)
      return status
    }
    // A repository that can be read and has nothing in it backs nothing up.
    if sources.isEmpty, facts.snapshots != nil {
      var status = SourceStatus(profile: nil, source: "any", repository: settings.name)
      judge.judgeAge(of: &status)
      sources = [status]
    }
  }

  private static func groups(
    of snapshots: [RepositoryFacts.Snapshot]
  ) -> [(name: String, newest: RepositoryFacts.Snapshot?, count: Int)] {
    var groups: [String: [RepositoryFacts.Snapshot]] = [:]
    for snapshot in snapshots {
      let paths = snapshot.heading.paths.sorted { $0.lexicographicallyPrecedes($1) }
      let name =
        ByteText.printable(snapshot.heading.host) + ":"
        + paths.map { ByteText.printable($0) }.joined(separator: ",")
      groups[name, default: []].append(snapshot)
    }
    return groups.sorted { $0.key < $1.key }.map { name, all in
      let complete = all.filter { !$0.heading.isPartial }
      let newest = complete.max {
        ($0.heading.time, $0.entry) < ($1.heading.time, $1.entry)
      }
      return (name, newest, complete.count)
    }
  }
}
