import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// Who hears what of a run: on standard error, by hooks, and by notifications.
@Suite struct RunNoticeTests {
  private let bench: RunBench
  private let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
  private let warnings = Warnings()

  private final class Warnings: Sendable {
    private let texts = Mutex<[String]>([])
    func add(_ text: String) { texts.withLock { $0.append(text) } }
    /// What was said since the last time.
    func take() -> [String] {
      texts.withLock { texts in
        defer { texts = [] }
        return texts
      }
    }
  }

  init() throws {
    bench = try RunBench()
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write(Array("content".utf8), to: bench.source("tree/file"))
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    bench.profile.hooks.onSuccess = [bench.noting("good")]
    bench.profile.hooks.onFailure = [bench.noting("bad")]
  }

  /// With the events that a file that says none gives it.
  private func ping(_ incomplete: NotificationTarget.IncompletePing = .fail) {
    notify(
      "ping", .ping(url: "http://127.0.0.1:\(server.port)/p", incomplete: incomplete),
      [.start, .success, .incomplete, .failure])
  }

  private func webhook() {
    notify(
      "hook", .webhook(url: "http://127.0.0.1:\(server.port)/hook", headers: [:]),
      [.incomplete, .failure, .recovery, .alarm])
  }

  private func notify(
    _ name: String, _ means: NotificationTarget.Means, _ events: Set<NotificationTarget.Event>
  ) {
    bench.configuration.notifications[name] = NotificationTarget(
      name: name, means: means, events: events)
    bench.profile.notify.append(name)
  }

  private func away() {
    bench.configuration.repositories["away"] = RepositorySettings(
      name: "away", location: bench.directory("nowhere"))
    bench.configuration.repositories["away"]?.credential = .passwordFile(
      bench.directory("password"))
  }

  @discardableResult
  private func run() throws -> [RunRecord] {
    bench.configuration.profiles = [bench.profile.name: bench.profile]
    let warnings = warnings
    let surroundings = RunSurroundings(
      bench.configuration, client: bench.client(), cancellation: bench.cancellation,
      note: { _ in }, warn: { warnings.add($0) })
    return try ProfileRun(bench.profile, surroundings).run()
  }

  private var requests: [String] {
    defer { server.forgetRequests() }
    return server.requests.map(\.target)
  }

  private var events: [String] {
    defer { server.forgetRequests() }
    return server.requests.map { request in
      let text = String(decoding: request.body, as: UTF8.self)
      return NotificationTarget.Event.allCases.map(\.rawValue).first {
        text.contains("\"event\":\"\($0)\"")
      } ?? text
    }
  }

  // MARK: Several repositories

  @Test(arguments: [["away", "main"], ["main", "away"]])
  func aFailureIsNotTakenBackByAnotherRepository(_ repositories: [String]) throws {
    away()
    ping()
    bench.profile.repositories = repositories
    #expect(try run().map(\.result).filter { $0 == .failure }.count == 1)
    #expect(requests == ["/p/start", "/p/fail"])
    #expect(bench.noted == ["bad failure nightly failure"])
  }

  @Test func aPingHasAllRepositories() throws {
    away()
    ping()
    bench.profile.repositories = ["main", "away"]
    try run()
    let body = String(decoding: try #require(server.requests.last).body, as: UTF8.self)
    #expect(body.contains("repository: away") && body.contains("repository: main"), "\(body)")
    #expect(body.hasPrefix("varve: backup nightly on test-host failed\n"))
  }

  @Test func othersHearOfEachRepository() throws {
    away()
    notify(
      "hook", .webhook(url: "http://127.0.0.1:\(server.port)/hook", headers: [:]),
      [.success, .failure])
    bench.profile.repositories = ["main", "away"]
    try run()
    #expect(events == ["success", "failure"])
  }

  @Test func twoRepositoriesThatAreWell() throws {
    ping()
    bench.configuration.repositories["again"] = bench.configuration.repositories["main"]
    bench.configuration.repositories["again"]?.name = "again"
    bench.profile.repositories = ["again", "main"]
    #expect(try run().allSatisfy { $0.result == .success })
    #expect(requests == ["/p/start", "/p"])
    #expect(bench.noted == ["good success nightly success"])
  }

  // MARK: Incomplete runs

  /// By a writer's credential the first retention is refused.
  private func beIncomplete() throws {
    let key = try bench.unlocked.addKeyFile(role: .writer)
    try key.text.withUnsafeBytes { try FileBytes.write(Array($0), to: bench.directory("writer")) }
    bench.configuration.repositories["main"]?.credential = .keyFile(bench.directory("writer"))
    var rules = RetentionRules()
    rules[.last] = .limited(1)
    bench.profile.sources[0].retention = rules
  }

  @Test(arguments: [
    (NotificationTarget.IncompletePing.fail, "/p/fail"), (.log, "/p/log"), (.success, "/p"),
  ])
  func anIncompleteRunIsNoSuccess(
    _ choice: NotificationTarget.IncompletePing, _ target: String
  ) throws {
    ping(choice)
    try beIncomplete()
    #expect(try run().map(\.result) == [.incomplete])
    #expect(requests == ["/p/start", target])
    #expect(bench.noted == ["bad failure nightly incomplete"])
  }

  @Test func anIncompleteRunIsNoRecovery() throws {
    webhook()
    let hooks = bench.profile.hooks
    bench.profile.hooks.before = [CommandSpecification(.shell("exit 1"))]
    try run()
    #expect(events == ["failure"])
    bench.profile.hooks = hooks
    let owner = bench.configuration.repositories["main"]?.credential
    try beIncomplete()
    try run()
    #expect(events == ["incomplete"])
    bench.configuration.repositories["main"]?.credential = owner
    #expect(try run().map(\.result) == [.success])
    #expect(events == ["recovery"])
    try run()
    #expect(events == [])
  }

  /// Who hears of it may be anybody: names of files are not for them.
  @Test func namesOfFilesAreNotTold() throws {
    webhook()
    ping()
    bench.profile.changeAlarm = nil
    let path = bench.source("tree/secret-customers")
    try FileBytes.write([UInt8](repeating: 65, count: 80 << 20), to: path)
    let isDone = CancellationFlag()
    startThread {
      while !isDone.isCancelled {
        let file = open(path, O_WRONLY | O_APPEND)
        _ = write(file, "more", 4)
        close(file)
        usleep(200)
      }
    }
    let record = try #require(try run().first)
    isDone.cancel()
    #expect(record.result == .incomplete)
    #expect(record.message?.contains("secret-customers") == true, "here it is said")
    #expect(record["tree"]?.message?.contains("secret-customers") == true)
    #expect(try bench.journal.records(activity: .backup, name: "nightly") == [record])
    // And once more, as the run before the one that is told.
    try FileBytes.write(Array("quiet".utf8), to: path)
    #expect(try run().map(\.result) == [.success])
    let bodies = server.requests.map { String(decoding: $0.body, as: UTF8.self) }
    #expect(bodies.count == 6)
    for body in bodies { #expect(!body.contains("secret-customers"), "\(body)") }
    #expect(bodies.contains { $0.contains("not all was saved as it was: 1 problem") })
  }

  // MARK: Standard error

  @Test func aRepositoryThatIsAwayIsSaidOnce() throws {
    away()
    bench.profile.sources.append(Source(name: "file", origin: .path(bench.source("tree/file"))))
    for repositories in [["away"], ["away", "main"]] {
      bench.profile.repositories = repositories
      try run()
      let said = warnings.take()
      #expect(said.count == 1 && said[0].hasPrefix("nightly, away: "), "\(said)")
    }
  }

  @Test func whatGoesWrongAroundARunIsSaidOnce() throws {
    let failing = CommandSpecification(.shell("echo no disk >&2; exit 3"))
    func expect(_ words: String, _ change: (inout Profile) -> Void) throws {
      let profile = bench.profile
      change(&bench.profile)
      try run()
      bench.profile = profile
      let said = warnings.take()
      #expect(said.count == 1 && said[0].contains(words), "\(words): \(said)")
      #expect(said.first?.hasPrefix("nightly: ") == true && said[0].contains("no disk"))
    }
    try expect("hook 'before'") { $0.hooks.before = [failing] }
    try expect("hook 'after'") { $0.hooks.after = [failing] }
    try expect("hook 'on-success'") { $0.hooks.onSuccess = [failing] }
    try expect("status 3") { $0.meta = ["commit": .command(failing)] }
    try run()
    #expect(warnings.take() == [])
  }

  @Test func aRunThatWasKilledIsSaidOnce() throws {
    bench.configuration.repositories["again"] = bench.configuration.repositories["main"]
    bench.configuration.repositories["again"]?.name = "again"
    bench.profile.repositories = ["again", "main"]
    for repository in bench.profile.repositories {
      try bench.journal.append(
        RunRecord(
          id: repository, activity: .backup, name: "nightly", repository: repository,
          started: Timestamp(seconds: 1_700_000_000), result: .started))
    }
    try run()
    let said = warnings.take()
    #expect(said.count == 1 && said[0].contains("did not come to an end"), "\(said)")
  }

  // MARK: Commands that tell

  @Test func aCommandThatTellsEndsWithTheRun() throws {
    notify("slow", .command(bench.noting("told", then: "exec sleep 60")), [.success])
    let (notes, cancellation) = (bench.directory("notes"), bench.cancellation)
    startThread {
      while (try? FileBytes.text(notes))?.contains("told") != true { usleep(10_000) }
      cancellation.cancel()
    }
    let began = time(nil)
    #expect(try run().map(\.result) == [.success])
    #expect(time(nil) - began < 40)
    #expect(warnings.take().contains { $0.hasPrefix("slow was not told of the success") })
  }

  /// The one that the signal has ended is told all the same.
  @Test func anInterruptedRunIsTold() throws {
    notify("log", .command(bench.noting("told")), [.failure])
    bench.profile.hooks.before = [bench.noting("begun", then: "exec sleep 60")]
    let (notes, cancellation) = (bench.directory("notes"), bench.cancellation)
    startThread {
      while access(notes, F_OK) != 0 { usleep(10_000) }
      cancellation.cancel()
    }
    #expect(throws: VarveError(.interrupted, "")) { try run() }
    #expect(bench.noted.contains("told failure nightly failure"), "\(bench.noted)")
  }
}
