import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What a status is computed from, for tests: one profile with sources in one repository.
struct StatusBench {
  static let now = Timestamp(seconds: 1_800_000_000)
  static let hour: Int64 = 3600

  var configuration = Configuration()
  var facts: [String: RepositoryFacts]
  var journal: [RunRecord] = []
  private var nextEntry: UInt64 = 1

  init(sources: [String] = ["data"], maximumAge: Int64? = 24 * hour) {
    var profile = Profile(name: "web")
    profile.repositories = ["main"]
    profile.maximumAge = maximumAge
    profile.sources = sources.map { Source(name: $0, origin: .path("/srv/\($0)")) }
    configuration.profiles["web"] = profile
    configuration.repositories["main"] = RepositorySettings(name: "main", location: "/repo")
    var read = RepositoryFacts(.read, read: Self.now)
    read.snapshots = []
    facts = ["main": read]
  }

  static func ago(_ seconds: Int64) -> Timestamp { Timestamp(seconds: now.seconds - seconds) }

  mutating func snapshot(
    _ source: String = "data", ago: Int64, isPartial: Bool = false, profile: String = "web",
    host: String = "h"
  ) {
    var generator = SeededGenerator(seed: nextEntry)
    let record = SnapshotRecord(
      time: Self.ago(ago), host: Array(host.utf8), user: [], uid: 0, gid: 0,
      paths: [Array("/srv/\(source)".utf8)], meta: ["profile": profile, "source": source],
      tree: SnapshotRecord.Tree(id: .zero, root: .zero, entries: 0), isPartial: isPartial,
      program: "test")
    facts["main"]?.snapshots?.append(
      RepositoryFacts.Snapshot(
        id: generator.digest(), entry: nextEntry, heading: SnapshotHeading(record)))
    nextEntry += 1
  }

  mutating func run(
    _ result: RunRecord.Result, ago: Int64, _ outcomes: [SourceOutcome]? = nil,
    message: String? = nil
  ) {
    var record = RunRecord(
      id: "\(journal.count)", activity: .backup, name: "web", repository: "main",
      started: Self.ago(ago), result: result)
    if result != .started { record.ended = Timestamp(seconds: record.started.seconds + 60) }
    record.message = message
    record.sources =
      outcomes ?? (result == .started ? [] : [SourceOutcome(source: "data", result: result)])
    journal.append(record)
  }

  mutating func drill(_ result: RunRecord.Result, ago: Int64) {
    var record = RunRecord(
      id: "d\(journal.count)", activity: .drill, name: "web", repository: "main",
      started: Self.ago(ago), result: result)
    record.detail = "monthly"
    if result != .started { record.ended = Timestamp(seconds: record.started.seconds + 240) }
    journal.append(record)
  }

  func report(
    at now: Timestamp = StatusBench.now, maximumAge: Int64? = nil
  ) -> StatusReport {
    StatusJudge(
      configuration, facts: facts, journal: journal, now: now, maximumAge: maximumAge
    ).report()
  }

  var source: SourceStatus { report().sources[0] }
  var repository: RepositoryStatus { report().repositories[0] }
}
