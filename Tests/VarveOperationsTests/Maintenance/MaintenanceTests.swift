import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct MaintenanceTests {
  private let bench: RunBench

  init() throws {
    bench = try RunBench()
    try schedule(3600)
  }

  private func schedule(_ seconds: Int64) throws {
    let schedule = Schedule(text: "every \(seconds)s", kind: .every(seconds))
    bench.configuration.repositories["main"]?.maintenance.forget = schedule
    bench.configuration.repositories["main"]?.maintenance.prune = schedule
    bench.configuration.repositories["main"]?.maintenance.check = schedule
  }

  private func receipts(_ activity: String) throws -> [LogState.Receipt] {
    try bench.state().receipts.filter { $0.receipt.activity.rawValue == activity }
  }

  @Test func whatIsDueIsDoneOnce() throws {
    let records = try bench.surroundings().maintain("main")
    #expect(records.map(\.activity) == [.forget, .prune, .check])
    #expect(records.allSatisfy { $0.result == .success }, "\(records)")
    #expect(try bench.surroundings().maintain("main").isEmpty)
    #expect(try bench.surroundings("other").maintain("main").isEmpty, "nor by another host")
    for task in ["forget", "prune"] { #expect(try receipts(task).count == 1) }
    #expect(try receipts("claim").count == 3)
    #expect(try bench.state().checks.count == 1)
    #expect(try bench.journal.records(activity: .prune, name: "main").count == 1)
  }

  /// Many hosts at one moment: each task is done by exactly one of them.
  @Test func manyHostsAtOnce() throws {
    let hosts = (0..<6).map { bench.surroundings("-\($0)") }
    let done = Mutex<[RunRecord]>([])
    let failures = Mutex<[String]>([])
    let gate = Gate(count: hosts.count)
    runThreads(hosts.count) { number in
      gate.wait()
      do {
        let records = try hosts[number].maintain("main")
        done.withLock { $0 += records }
      } catch { failures.withLock { $0.append("\(error)") } }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(done.withLock { $0.map(\.activity.rawValue).sorted() } == ["check", "forget", "prune"])
    for task in ["forget", "prune"] { #expect(try receipts(task).count == 1) }
    #expect(try bench.state().checks.count == 1)
  }

  @Test func aCheckThatReadsNothingIsNotOneThatReadsData() throws {
    #expect(try bench.surroundings().maintain("main").count == 3)
    bench.configuration.repositories["main"]?.maintenance.readDataSubset = "50%"
    #expect(try bench.surroundings().maintain("main").map(\.activity) == [.check])
    #expect(try bench.surroundings("b").maintain("main").isEmpty)
    #expect(try bench.state().checks.map(\.result.scope) == ["structure", "read-data 50.0%"])
  }

  private func later<Value>(_ seconds: Int64, _ body: () throws -> Value) throws -> Value {
    try ClockShift.$current.withValue(ClockShift(date: seconds)) { try body() }
  }

  /// One part after the other, whoever reads it, and wherever the file begins.
  @Test func partsTakeTurns() throws {
    bench.configuration.repositories["main"]?.maintenance.readDataSubset = "2/3"
    for round in 0..<4 {
      let done = try later(Int64(round) * 3700) {
        try bench.surroundings("-\(round % 2)").maintain("main")
      }
      #expect(done.map(\.activity) == [.forget, .prune, .check])
    }
    #expect(
      try bench.state().checks.map(\.result.scope) == [
        "read-data 2/3", "read-data 3/3", "read-data 1/3", "read-data 2/3",
      ])
  }

  @Test func theNextPart() throws {
    func next(_ subset: String, _ scopes: String...) throws -> CheckOptions.ReadData {
      try #require(DataSubset(subset)).next(after: scopes)
    }
    #expect(try next("1/12") == .part(1, of: 12))
    #expect(try next("1/12", "read-data 12/12") == .part(1, of: 12))
    #expect(try next("1/12", "read-data 4/12", "read-data 3/12") == .part(4, of: 12))
    // Others say nothing of these parts.
    #expect(
      try next(
        "1/12", "read-data 4/12", "structure", "read-data", "read-data 5.0%", "read-data 6/7")
        == .part(5, of: 12))
    #expect(try next("5%", "read-data 4/12") == .fraction(0.05))
    #expect(try next("1/1", "read-data 1/1") == .part(1, of: 1))
  }

  /// What was done by a clock that is years ahead keeps nothing from being done.
  @Test func anEndInTheFuture() throws {
    #expect(try later(8 * 366 * 86_400) { try bench.surroundings("a").maintain("main").count } == 3)
    #expect(try bench.surroundings("b").maintain("main").count == 3)
    #expect(try bench.surroundings("b").maintain("main").isEmpty)
  }

  @Test func anEndOfTonightIsAnEnd() throws {
    #expect(try later(43_200) { try bench.surroundings("a").maintain("main").count } == 3)
    #expect(try bench.surroundings("b").maintain("main").isEmpty)
  }

  private func claim(by host: String) throws {
    // A host that dies between its claim and the end of its work: its memory is written, its receipt is not.
    let path = bench.client(host).state + "/runs/claim-prune-main"
    let token = Digest(hex: String(repeating: "5a", count: 32))!
    mkdir(bench.client(host).state, 0o700)
    mkdir(bench.client(host).state + "/runs", 0o700)
    try FileBytes.write(Array("\(token.hex)\n".utf8), to: path)
    let receipt = LogStatement.Receipt(
      activity: .claim, result: .ok, started: WallClock.now(), counts: [:],
      digests: ["claim": token], scope: "prune", snapshots: [])
    #expect(bench.unlocked.leave(receipt) == nil)
  }

  @Test func aHostThatDiedKeepsOthersWaitingAndNotItself() throws {
    try claim(by: "dead")
    let others = try bench.surroundings("other").maintain("main")
    #expect(others.map(\.activity) == [.forget, .check], "the claim counts")
    let own = try bench.surroundings("dead").maintain("main")
    #expect(own.map(\.activity) == [.prune], "but not for whose process has ended")
  }

  @Test func aClaimDoesNotCountForEver() throws {
    try ClockShift.$current.withValue(ClockShift(date: -7 * 3600)) { () throws in
      try claim(by: "dead")
    }
    let others = try bench.surroundings("other").maintain("main")
    #expect(others.map(\.activity) == [.forget, .prune, .check])
  }

  @Test func theTimeCountsFromWhatAnybodyDid() throws {
    try ClockShift.$current.withValue(ClockShift(date: -3000)) { () throws in
      #expect(try bench.surroundings("a").maintain("main").count == 3)
    }
    #expect(try bench.surroundings("b").maintain("main").isEmpty, "50 minutes are no hour")
    try schedule(2900)
    #expect(try bench.surroundings("b").maintain("main").count == 3)
  }

  @Test func aFailureIsTriedAgainLater() throws {
    try ClockShift.$current.withValue(ClockShift(date: -1000)) { () throws in
      let receipt = LogStatement.Receipt(
        activity: .prune, result: .failed, started: WallClock.now(), counts: [:],
        scope: "repository", snapshots: [])
      #expect(bench.unlocked.leave(receipt) == nil)
    }
    #expect(try bench.surroundings().maintain("main").map(\.activity) == [.forget, .check])
    try ClockShift.$current.withValue(ClockShift(date: 1000)) { () throws in
      #expect(try bench.surroundings("b").maintain("main").map(\.activity) == [.prune])
    }
  }

  @Test func aWriterDoesNoMaintenance() throws {
    let key = try bench.unlocked.addKeyFile(role: .writer)
    try key.text.withUnsafeBytes { try FileBytes.write(Array($0), to: bench.directory("writer")) }
    bench.configuration.repositories["main"]?.credential = .keyFile(bench.directory("writer"))
    #expect(try bench.surroundings().maintain("main").isEmpty)
    #expect(try bench.state().receipts.isEmpty)
  }

  /// Says that everything is claimed, and done.
  private func boast(_ role: Role) throws {
    let key = try bench.unlocked.addKeyFile(role: role)
    let liar = try Repository.open(storage: bench.unlocked.storage).unlock(
      .keyText(key.text.copy()), client: bench.client(role.rawValue))
    let now = WallClock.now()
    for task in ["forget", "prune", "check"] {
      let activity = try #require(LogStatement.Receipt.Activity(rawValue: task))
      for (activity, scope) in [(activity, "repository"), (.claim, task)] {
        let receipt = LogStatement.Receipt(
          activity: activity, result: .ok, started: now, counts: [:], scope: scope, snapshots: [])
        #expect(liar.leave(receipt) == nil)
      }
    }
  }

  /// Whoever cannot do a task neither claims nor ends it.
  @Test func aWritersWordCountsForNothing() throws {
    try boast(.writer)
    #expect(
      try bench.surroundings().maintain("main").map(\.activity) == [.forget, .prune, .check])
  }

  @Test func aReadersWordCountsForChecks() throws {
    try boast(.reader)
    #expect(try bench.surroundings().maintain("main").map(\.activity) == [.forget, .prune])
  }

  @Test func aWritersCheckIsNotTheOneThatIsDue() throws {
    bench.configuration.repositories["main"]?.maintenance.readDataSubset = "1/3"
    let key = try bench.unlocked.addKeyFile(role: .writer)
    let writer = try Repository.open(storage: bench.unlocked.storage).unlock(
      .keyText(key.text.copy()), client: bench.client("writer"))
    let result = LogStatement.CheckResult(
      isDamaged: false, scope: "read-data 1/3", counts: [:], damaged: [],
      started: WallClock.now())
    try writer.log.append { _ in [.check(result)] }
    #expect(try bench.surroundings().maintain("main").last?.activity == .check)
    #expect(try bench.state().checks.last?.result.scope == "read-data 1/3", "nor the next part")
  }

  @Test func damageIsAFailure() throws {
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write([UInt8](repeating: 7, count: 100_000), to: bench.source("tree/file"))
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    try bench.run()
    var packs: [String] = []
    try bench.unlocked.storage.list("packs/") { name, _ in packs.append(name) }
    unlink(bench.directory("repository/\(try #require(packs.first))"))
    let check = try bench.surroundings().maintain("main").last
    #expect(check?.activity == .check && check?.result == .failure, "\(String(describing: check))")
  }

  @Test func dueProfiles() throws {
    func due() throws -> [String] { try bench.surroundings().dueProfiles().map(\.name) }
    #expect(try due().isEmpty, "without a schedule")
    bench.profile.schedule = Schedule(text: "every 1h", kind: .every(3600))
    #expect(try due() == ["nightly"], "never run")
    var record = RunRecord(
      id: "a", activity: .backup, name: "nightly", repository: "main", started: WallClock.now(),
      result: .success)
    try bench.journal.append(record)
    #expect(try due().isEmpty)
    for date in [3599, 3601] as [Int64] {
      try ClockShift.$current.withValue(ClockShift(date: date)) { () throws in
        #expect(try due().isEmpty == (date < 3600))
      }
    }
    record.id = "b"
    record.result = .started
    try bench.journal.append(record)
    #expect(try due() == ["nightly"], "killed")
    record.result = .failure
    try bench.journal.append(record)
    #expect(try due().isEmpty)
  }
}
