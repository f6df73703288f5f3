import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Who hears of a repository's maintenance, and what `status` says of it.
@Suite struct MaintenanceNoticeTests {
  private static let hour: Int64 = 3600
  private let bench: RunBench
  private let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }

  init() throws {
    bench = try RunBench()
    schedule(Self.hour)
    bench.configuration.notifications["hook"] = NotificationTarget(
      name: "hook", means: .webhook(url: "http://127.0.0.1:\(server.port)/hook", headers: [:]),
      events: Set(NotificationTarget.Event.allCases))
    bench.configuration.notifications["ping"] = NotificationTarget(
      name: "ping", means: .ping(url: "http://127.0.0.1:\(server.port)/p"),
      events: Set(NotificationTarget.Event.allCases))
  }

  private func schedule(_ seconds: Int64) {
    let schedule = Schedule(text: "every \(seconds)s", kind: .every(seconds))
    bench.configuration.repositories["main"]?.maintenance.forget = schedule
    bench.configuration.repositories["main"]?.maintenance.prune = schedule
    bench.configuration.repositories["main"]?.maintenance.check = schedule
  }

  private func later<Value>(_ seconds: Int64, _ body: () throws -> Value) throws -> Value {
    try ClockShift.$current.withValue(ClockShift(date: seconds)) { try body() }
  }

  /// What webhooks and pings heard since the last time, such as `failure check` and `/p/fail`.
  private var told: [String] {
    defer { server.forgetRequests() }
    return server.requests.map { request in
      guard request.target == "/hook" else { return request.target }
      let text = String(decoding: request.body, as: UTF8.self)
      let event = NotificationTarget.Event.allCases.first {
        text.contains("\"event\":\"\($0.rawValue)\"")
      }
      let activity = RunRecord.Activity.allCases.first {
        text.contains("\"activity\":\"\($0.rawValue)\"")
      }
      return "\(event?.rawValue ?? text) \(activity?.rawValue ?? "")"
    }
  }

  private func damage() throws -> (path: String, bytes: [UInt8]) {
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write([UInt8](repeating: 7, count: 100_000), to: bench.source("tree/file"))
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    let notify = bench.profile.notify
    bench.profile.notify = []
    try bench.run()
    bench.profile.notify = notify
    var packs: [String] = []
    try bench.unlocked.storage.list("packs/") { name, _ in packs.append(name) }
    let path = bench.directory("repository/\(try #require(packs.first))")
    let bytes = try FileBytes.read(path)
    unlink(path)
    return (path, bytes)
  }

  @Test func damageIsToldToTheProfilesThatUseIt() throws {
    bench.profile.notify = ["hook", "ping"]
    let (path, bytes) = try damage()
    let warnings = Mutex<[String]>([])
    let surroundings = RunSurroundings(
      bench.surroundings().configuration, client: bench.client(),
      cancellation: bench.cancellation, note: { _ in },
      warn: { text in warnings.withLock { $0.append(text) } })
    #expect(try surroundings.maintain("main").last?.result == .failure)
    #expect(
      warnings.withLock { $0.filter { $0.hasPrefix("main: check: ") } }.count == 1, "once")
    // Prune finds it, too. A ping that says how the profile is hears of nothing but failures.
    let first = told
    #expect(first.contains("failure check") && first.last == "/p/fail", "\(first)")
    #expect(!first.contains { $0.contains("success") || $0.contains("start") || $0 == "/p" })
    #expect(try later(Self.hour + 60) { try bench.surroundings().maintain("main") }.count == 3)
    #expect(told == [], "it goes on")
    #expect(try later(26 * Self.hour) { try bench.surroundings().maintain("main") }.count == 3)
    #expect(told.contains("failure check"), "the next day")
    try FileBytes.write(bytes, to: path)
    let well = try later(28 * Self.hour) { try bench.surroundings().maintain("main") }
    #expect(well.allSatisfy { $0.result == .success }, "\(well)")
    #expect(told.contains("recovery check"))
  }

  @Test func aRepositoryThatIsAway() throws {
    bench.profile.notify = ["hook"]
    let location = try #require(bench.configuration.repositories["main"]?.location)
    bench.configuration.repositories["main"]?.location = bench.directory("nowhere")
    for _ in 0..<2 {
      let records = try bench.surroundings().maintain("main")
      #expect(records.map(\.result) == [.failure])
      #expect(records.map(\.activity) == [.maintenance])
    }
    #expect(told == ["failure maintenance"])
    #expect(try bench.journal.records(activity: .maintenance, name: "main").count == 2)
    bench.configuration.repositories["main"]?.location = location
    #expect(try bench.surroundings().maintain("main").count == 3)
    #expect(told == ["recovery maintenance"])
    #expect(try bench.surroundings().maintain("main").isEmpty)
    #expect(told == [])
  }

  @Test func aRepositorysOwnNotifications() throws {
    bench.profile.notify = ["hook"]
    bench.configuration.repositories["main"]?.notify = ["ping"]
    #expect(try bench.surroundings().maintain("main").count == 3)
    #expect(told == ["/p/start", "/p"])
    #expect(try bench.surroundings().maintain("main").isEmpty)
    #expect(told == [])
    bench.configuration.repositories["main"]?.notify = ["hook"]
    #expect(try later(2 * Self.hour) { try bench.surroundings().maintain("main") }.count == 3)
    #expect(
      told == [
        "start forget", "success forget", "start prune", "success prune", "start check",
        "success check",
      ])
  }

  /// What went well takes nothing back that did not.
  @Test func aPingKnowsWhatElseIsWrong() throws {
    bench.configuration.repositories["main"]?.notify = ["ping"]
    try later(-1000) { () throws in
      let receipt = LogStatement.Receipt(
        activity: .prune, result: .failed, started: WallClock.now(), counts: [:],
        scope: "repository", snapshots: [])
      #expect(bench.unlocked.leave(receipt) == nil)
    }
    #expect(try bench.surroundings().maintain("main").map(\.activity) == [.forget, .check])
    #expect(told == ["/p/start"])
    try later(1000) { () throws in
      #expect(try bench.surroundings().maintain("main").map(\.activity) == [.prune])
    }
    #expect(told == ["/p/start", "/p"])
  }

  // MARK: Status

  private func problems(at seconds: Int64 = 0) throws -> [String] {
    try later(seconds) {
      let configuration = bench.surroundings().configuration
      let reader = StatusReader(
        configuration, client: bench.client(), isInterrupted: {}, note: { _ in })
      return try reader.report().repositories[0].problems.filter { $0.kind == .maintenance }
        .map(\.message)
    }
  }

  @Test func statusByTheLog() throws {
    schedule(4 * Self.hour)
    #expect(try problems() == [], "nothing is in it")
    try save()
    #expect(try problems() == [])
    let never = try problems(at: 6 * Self.hour)
    #expect(never.count == 3 && never.allSatisfy { $0.hasSuffix("and was never done") }, "\(never)")
    #expect(try bench.surroundings().maintain("main").count == 3)
    #expect(try problems(at: 4 * Self.hour) == [], "a quarter of the period is not over")
    let late = try problems(at: 6 * Self.hour)
    #expect(late.map { $0.prefix { $0 != " " } } == ["forget", "prune", "check"], "\(late)")
    try later(60) { () throws in
      let receipt = LogStatement.Receipt(
        activity: .prune, result: .failed, started: WallClock.now(), counts: [:],
        scope: "repository", snapshots: [])
      #expect(bench.unlocked.leave(receipt) == nil)
    }
    let failed = try problems(at: 120)
    #expect(failed.count == 1 && failed[0].hasPrefix("the last prune, "), "\(failed)")
    bench.configuration.repositories["main"]?.maintenance.prune = nil
    #expect(try problems(at: 120) == [], "nobody wants it")
  }

  /// Where there is no room for a receipt either.
  @Test func statusByTheJournal() throws {
    schedule(24 * Self.hour)
    #expect(try bench.surroundings().maintain("main").count == 3)
    var record = RunRecord(
      id: "full", activity: .prune, name: "main", repository: "main",
      started: Timestamp(seconds: WallClock.now().seconds + 60), result: .failure)
    record.message = "no space left on device"
    try bench.journal.append(record)
    let found = try problems(at: 120)
    #expect(found.count == 1 && found[0].hasSuffix("failed: no space left on device"), "\(found)")
    #expect(try later(25 * Self.hour) { try bench.surroundings("b").maintain("main").count } == 3)
    #expect(try problems(at: 25 * Self.hour) == [], "another host did it")
  }

  private func save() throws {
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write([7], to: bench.source("tree/file"))
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    try bench.run()
  }
}
