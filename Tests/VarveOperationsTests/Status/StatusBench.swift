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
  private var entries: [EntryTimes.Entry] = []

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

  /// - Parameter logged: how long ago its entry says that it was made; nil for an entry whose time is not known.
  mutating func snapshot(
    _ source: String = "data", ago: Int64, logged: Int64? = nil, isPartial: Bool = false,
    profile: String = "web", host: String = "h"
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
    if let logged { entry(ago: logged) } else { nextEntry += 1 }
  }

  /// An entry of the log, whatever it says.
  @discardableResult
  mutating func entry(ago: Int64) -> UInt64 {
    entries.append(EntryTimes.Entry(nextEntry, Self.ago(ago)))
    facts["main"]?.entryTimes = EntryTimes(entries)
    nextEntry += 1
    return nextEntry - 1
  }

  mutating func check(
    _ scope: String, ago: Int64, isDamaged: Bool = false, hasReadAllPacks: Bool = false,
    isWriters: Bool = false
  ) {
    let entry = entry(ago: ago)
    facts["main"]?.checks.append(
      RepositoryFacts.Check(
        time: Self.ago(ago), isDamaged: isDamaged, scope: scope, entry: entry,
        hasReadAllPacks: hasReadAllPacks, isWriters: isWriters))
  }

  /// What the log says of maintenance.
  mutating func maintenance(
    _ task: MaintenanceTask, _ kind: MaintenanceEntry.Kind, ago: Int64, readsData: Bool = true
  ) {
    let entry = entry(ago: ago)
    facts["main"]?.maintenance.append(
      MaintenanceEntry(task, kind, time: Self.ago(ago), entry: entry, readsData: readsData))
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
