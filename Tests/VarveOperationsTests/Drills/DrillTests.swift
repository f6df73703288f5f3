import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveProof
import VarveRepository
import VarveTestSupport
import VarveVerifier

@Suite(.serialized) struct DrillTests {
  private let bench: OperationsBench

  init() throws { bench = try OperationsBench() }

  /// Something like a small service: its database, a configuration, logs.
  private func makeSources() throws {
    try bench.database("app/users.db", table: "users", rows: 300)
    try bench.sqlite(
      "app/users.db", "CREATE TABLE grants (id INTEGER); INSERT INTO grants VALUES (1), (2);")
    try bench.write(
      String(repeating: "{\"event\":\"start\"}\n", count: 800), to: "app/logs/app.jsonl")
    try bench.write("ready: true\n", to: "app/www/health")
    try bench.write("", to: "app/empty")
    symlink("logs/app.jsonl", bench.source("app/current"))
    for number in 0..<40 { try bench.write("file \(number)", to: "app/many/f\(number)") }
    try bench.write("key: value\n", to: "etc/app.yaml")
  }

  private func backUp(at time: Timestamp? = nil) throws {
    try bench.backUp("app", source: "app", at: time)
    try bench.backUp("etc", source: "etc", at: time)
  }

  private var users: String { bench.source("app/users.db") }

  private static func freePort() -> UInt16 {
    let listener = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { listener.stop() }
    return listener.port
  }

  private func service(_ port: UInt16, _ command: String? = nil) -> DrillService {
    let directory = "$VARVE_DRILL_DIRECTORY" + bench.source("app/www")
    var service = DrillService(
      name: "web",
      command: CommandSpecification(
        .shell(
          command
            ?? "exec python3 -m http.server --bind 127.0.0.1 --directory \"\(directory)\" \(port)"))
    )
    var ready = HTTPProbe(url: "http://127.0.0.1:\(port)/")
    ready.timeout = 15
    service.ready = ready
    return service
  }

  private func probe(
    _ port: UInt16, _ path: String = "/health", status: Int = 200, contains: String?
  )
    -> DrillCheck
  {
    var probe = HTTPProbe(url: "http://127.0.0.1:\(port)\(path)")
    probe.status = status
    probe.contains = contains
    probe.timeout = 1
    return .http(probe)
  }

  private func drill(_ checks: [DrillCheck] = []) -> Drill {
    var drill = Drill(name: "monthly")
    drill.checks = checks
    return drill
  }

  /// All that a drill can check.
  private func fullDrill(_ port: UInt16) throws -> Drill {
    var drill = drill([
      .integrity(path: users), .tables(path: users, ["users": 300, "grants": 2]),
      .minimumSize(path: bench.source("app/logs/app.jsonl"), bytes: 1000),
      .digest(
        path: bench.source("etc/app.yaml"), SHA256.digest(Array("key: value\n".utf8))),
      .command(
        CommandSpecification(
          .shell("test \"$PWD\" = \"$VARVE_DRILL_DIRECTORY\" && echo $VARVE_PROFILE $VARVE_DRILL"))),
      probe(port, contains: "ready: true"), probe(port, "/none", status: 404, contains: nil),
    ])
    drill.services = [service(port)]
    drill.recoveryTime = 600
    drill.recoveryPoint = 3600
    return drill
  }

  private func run(
    _ drill: Drill, _ change: (inout DrillRun.Options) -> Void = { _ in },
    cancellation: CancellationFlag = CancellationFlag()
  ) throws -> DrillRun.Outcome {
    var options = DrillRun.Options(base: bench.directory("drills"))
    change(&options)
    return try DrillRun(
      bench.indexed, bench.profile(["app", "etc"]), drill,
      id: Hex.encode(SecureRandom.bytes(16)), options: options, cancellation: cancellation
    ).run()
  }

  private func names(_ directory: String) -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: &entry.pointee.d_name) {
        String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names
  }

  // MARK: Passing

  @Test func aSoundBackupPasses() throws {
    try makeSources()
    try backUp()
    let port = Self.freePort()
    let outcome = try run(try fullDrill(port)) { $0.listFile = bench.directory("list") }
    let record = outcome.record
    #expect(record.summary == nil, "\(record.steps.filter { $0.result != .passed })")
    #expect(record.hasPassed)
    #expect(record.files == 45 && record.filesTotal == 45)
    let kinds = record.steps.map(\.kind)
    #expect(
      kinds == [
        .snapshot, .snapshot, .sample, .restore, .hashes, .restore, .hashes, .integrity, .tables,
        .size,
        .digest, .service, .command, .http, .http, .recoveryTime,
      ])
    #expect(record.steps.first { $0.kind == .command }?.output == "nightly monthly\n")
    #expect((0...60).contains(try #require(record.recoveryPoint)))
    #expect(record.milliseconds > 0)
    #expect(names(bench.directory("drills")) == [])
    // Nobody listens any more.
    #expect(!isListening(port))
    let list = try FileBytes.read(bench.directory("list"))
    #expect(SHA256.digest(list) == record.sampleDigest)
    #expect(list.count(where: { $0 == 0x0a }) == 45)
  }

  private func isListening(_ port: UInt16) -> Bool {
    let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(socket) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }

  @Test func aSampleIsTheChallenges() throws {
    try makeSources()
    try backUp()
    var drill = drill([.integrity(path: users)])
    drill.sample = .files(5)
    var generator = SeededGenerator(seed: 1)
    let challenge = generator.digest()
    func list() throws -> [String] {
      let outcome = try run(drill) {
        $0.challenge = challenge
        $0.listFile = bench.directory("list")
      }
      #expect(outcome.record.hasPassed, "\(outcome.record.summary ?? "")")
      #expect(outcome.entry?.receipt?.digests["challenge"] == challenge)
      return try FileBytes.text(bench.directory("list")).split(separator: "\n").map(String.init)
    }
    let lines = try list()
    // The database is asked for by a check.
    #expect((5...6).contains(lines.count))
    #expect(lines.contains { $0.hasSuffix(users) })
    #expect(try list() == lines)
    // As the documentation has it.
    let key = HMACSHA256(key: challenge)
    var all: [(Digest, String)] = []
    for id in bench.indexed.unlocked.liveSnapshots {
      let record = try bench.indexed.unlocked.snapshotRecord(id)
      try Listing().forEach(below: record.rootDirectory, from: try bench.indexed.makeReader()) {
        path, entry in
        if entry.type == .file {
          all.append((key.authenticate(id.bytes + path), String(decoding: path, as: UTF8.self)))
        }
      }
    }
    let chosen = all.sorted { $0.0 < $1.0 }.prefix(5).map(\.1)
    #expect(
      Set(lines.compactMap { $0.split(separator: " ").last.map(String.init) })
        == Set(chosen + [users]))
  }

  // MARK: Failing

  /// What is done to a sound backup, and what its drill must say.
  enum Defect: String, CaseIterable, Sendable {
    case missingTable, tooFewRows, truncatedFile, wrongHash, damagedDatabase, serviceDoesNotStart
    case serviceEndsAtOnce, serviceAnswers500, bodyLacksText, commandFails, commandTimesOut
    case recoveryTooSlow, staleSnapshot, fileMissing, damagedPack, noSnapshot, portIsTaken,
      noDatabase
  }

  @Test(arguments: Defect.allCases) func aDefectIsNamed(_ defect: Defect) throws {
    try makeSources()
    let port = Self.freePort()
    var drill = try fullDrill(port)
    var wanted: (kind: DrillStep.Kind, text: String)
    var taken: LoopbackServer?
    defer { taken?.stop() }
    switch defect {
    case .missingTable:
      try bench.sqlite("app/users.db", "DROP TABLE grants")
      wanted = (.tables, "the table grants is missing")
    case .tooFewRows:
      try bench.sqlite("app/users.db", "DELETE FROM users WHERE id > 299")
      wanted = (.tables, "the table users has 299 rows, fewer than 300")
    case .truncatedFile:
      try bench.write("x", to: "app/logs/app.jsonl")
      wanted = (.size, "it has 1 bytes, fewer than 1000")
    case .wrongHash:
      try bench.write("key: other\n", to: "etc/app.yaml")
      wanted = (.digest, "its SHA-256 is")
    case .damagedDatabase:
      var bytes = try FileBytes.read(users)
      for index in 5000..<9000 where index < bytes.count { bytes[index] = 0xa5 }
      try FileBytes.write(bytes, to: users)
      wanted = (.integrity, "integrity_check")
    case .noDatabase:
      try bench.write("no database", to: "app/users.db")
      wanted = (.integrity, "it is no SQLite database")
    case .serviceDoesNotStart:
      drill.services = [service(port, "sleep 60")]
      drill.services[0].ready?.timeout = 1
      wanted = (.service, "it is not ready after 1 s")
    case .serviceEndsAtOnce:
      drill.services = [service(port, "echo no licence >&2; exit 4")]
      wanted = (.service, "it ended before it was ready: it failed with status 4: no licence")
    case .serviceAnswers500:
      taken = LoopbackServer { _ in LoopbackServer.Answer(500, "broken") }
      drill.services = []
      drill.checks = [probe(try #require(taken).port, contains: nil)]
      wanted = (.http, "it answers 500, not 200")
    case .bodyLacksText:
      try bench.write("ready: false\n", to: "app/www/health")
      wanted = (.http, "its answer does not contain \"ready: true\"")
    case .commandFails:
      drill.checks.append(.command(CommandSpecification(.shell("echo wrong balance >&2; exit 9"))))
      wanted = (.command, "it failed with status 9: wrong balance")
    case .commandTimesOut:
      var command = CommandSpecification(.shell("exec sleep 60"))
      command.timeout = 0.3
      drill.checks.append(.command(command))
      wanted = (.command, "too long")
    case .recoveryTooSlow:
      drill.recoveryTime = 1
      drill.checks.append(.command(CommandSpecification(.shell("sleep 1.1"))))
      wanted = (.recoveryTime, "the recovery took too long")
    case .staleSnapshot:
      wanted = (.snapshot, "the snapshot is stale")
    case .fileMissing:
      unlink(bench.source("app/users.db"))
      wanted = (.integrity, "the file is missing in what was restored")
    case .damagedPack: wanted = (.restore, "could not be restored")
    case .noSnapshot: wanted = (.snapshot, "there is no snapshot of it")
    case .portIsTaken:
      let server = LoopbackServer { _ in LoopbackServer.Answer(200, "ready: true") }
      taken = server
      drill.services = [service(server.port)]
      drill.checks = [probe(server.port, contains: "ready")]
      wanted = (.service, "before it is started")
    }
    switch defect {
    case .staleSnapshot: try backUp(at: Timestamp(seconds: Int64(time(nil)) - 7200))
    case .noSnapshot: try bench.backUp("app", source: "app")
    default: try backUp()
    }
    if defect == .damagedPack { try damageDataPacks() }
    let outcome = try run(drill)
    let failures = outcome.record.failures
    #expect(
      failures.contains { $0.kind == wanted.kind && $0.finding.contains(wanted.text) },
      "\(failures)")
    #expect(!outcome.record.hasPassed)
    // What is not touched by the defect is still looked at.
    #expect(outcome.record.steps.contains { $0.result == .passed })
    #expect(outcome.entry?.receipt?.result == .failed)
    #expect(outcome.entry?.receipt?.counts["checksFailed"] == Int64(failures.count))
    #expect(names(bench.directory("drills")) == [])
  }

  private func damageDataPacks() throws {
    // Whatever holds the content of files; trees stay whole.
    let keyring = bench.repositoryPath + "/data"
    func walk(_ directory: String) throws {
      for name in names(directory) {
        let path = directory + "/" + name
        var status = stat()
        guard lstat(path, &status) == 0 else { continue }
        if status.st_mode & S_IFMT == S_IFDIR {
          try walk(path)
        } else {
          chmod(path, 0o600)
          var bytes = try FileBytes.read(path)
          for index in stride(from: 200, to: bytes.count - 200, by: 64) { bytes[index] ^= 0xff }
          try FileBytes.write(bytes, to: path)
        }
      }
    }
    try walk(keyring)
  }

  // MARK: Evidence

  @Test(arguments: [true, false]) func theReceiptVerifies(_ passes: Bool) throws {
    try makeSources()
    try backUp()
    let checks: [DrillCheck] = passes ? [] : [.command(CommandSpecification(.shell("false")))]
    let outcome = try run(drill(checks)) {
      $0.notes = [DrillRecord.Note(name: "decision.md", text: "# <b>We decide</b>\n```\n")]
    }
    let document = DrillDocument(outcome)
    let place = bench.directory("document")
    try DrillStore.write(document, to: place)
    let key = bench.indexed.unlocked.config.logKey
    func verify(_ file: String) throws -> ProofReport {
      try ProofVerification(
        proof: Array((place + "/receipt.json").utf8), logProof: nil, key: key,
        file: Array(file.utf8)
      ).run()
    }
    #expect(try verify(place + "/drill.json").lines.last?.hasSuffix("is its document") == true)
    try FileBytes.write(document.files[0].bytes + [0x20], to: place + "/other.json")
    #expect(throws: VarveError(.unproved, "")) { try verify(place + "/other.json") }
    let receipt = try #require(outcome.entry?.receipt)
    #expect(receipt.result == (passes ? .ok : .failed))
    #expect(receipt.digests["document"] == SHA256.digest(try FileBytes.read(place + "/drill.json")))
    // The plan was logged before anything was read, and is what is told now.
    let start = try bench.indexed.unlocked.log.entry(outcome.record.startEntry)
    #expect(start.receipt?.activity == .drillStart)
    #expect(start.receipt?.digests["plan"] == receipt.digests["plan"])
    #expect(outcome.record.planDigest == receipt.digests["plan"])
    // The record reads back, and what is written by others is never markup.
    #expect(try DrillRecord(document.files[0].bytes, "drill.json") == outcome.record)
    let page = try FileBytes.text(place + "/proof.html")
    #expect(page.contains("&lt;b&gt;We decide&lt;/b&gt;") && !page.contains("<b>We decide"))
    #expect(!page.contains("<script") && !page.contains("src="))
    let text = try FileBytes.text(place + "/proof.md")
    #expect(text.contains("````\n# <b>We decide</b>\n```\n````"))
    let history = DrillHistory(bench.indexed.unlocked.log.state)
    let keyed = try bench.indexed.unlocked.keys.opaqueIDs().drill("monthly", ofProfile: "nightly")
    #expect(history.runs(of: keyed).map { $0.end?.hasPassed } == [passes])
    #expect(history.runs(of: keyed).first?.end?.document == outcome.record.digest)
  }

  @Test func namesDoNotShowInTheLog() throws {
    try makeSources()
    try backUp()
    let outcome = try run(drill([.integrity(path: users)]))
    for index in [outcome.record.startEntry, try #require(outcome.entry?.index)] {
      let entry = try bench.indexed.unlocked.log.entry(index)
      let text = String(
        decoding: try DSSEEnvelope(entry.bytes, "entry").payload, as: UTF8.self)
      for name in ["monthly", "nightly", "users.db", bench.directory.path] {
        #expect(!text.contains(name))
      }
    }
  }

  @Test func whatIsStoppedIsLoggedAndCleanedUp() throws {
    try makeSources()
    try backUp()
    let flag = CancellationFlag()
    var drill = drill([.command(CommandSpecification(.shell("sleep 60")))])
    drill.services = []
    let stop = Mutex(false)
    _ = WorkerThreads.start {
      while !stop.withLock({ $0 }) { usleep(10_000) }
      usleep(200_000)
      flag.cancel()
    }
    let bench = bench
    let outcome = try DrillRun(
      bench.indexed, bench.profile(["app", "etc"]), drill, id: Hex.encode(SecureRandom.bytes(16)),
      options: DrillRun.Options(base: bench.directory("drills")), cancellation: flag,
      observe: { if $0.kind == .hashes { stop.withLock { $0 = true } } }
    ).run()
    #expect(outcome.isInterrupted)
    #expect(outcome.record.failures.contains { $0.kind == .interruption })
    #expect(names(bench.directory("drills")) == [])
  }

  @Test func whatAKilledDrillHasLeftIsRemoved() throws {
    try makeSources()
    try backUp()
    let base = bench.directory("drills")
    let left = base + "/varve-drill-dead00"
    mkdir(left, 0o700)
    mkdir(left + "/files", 0o500)
    try FileBytes.write([], to: left + "/lock")
    // One that is at work, and one that is kept.
    let other = try DrillDirectory(in: base)
    let kept = try run(drill()) { $0.keeps = true }
    #expect(access(left, F_OK) != 0)
    #expect(access(other.path, F_OK) == 0)
    let place = try #require(kept.keptDirectory)
    #expect(access(place + users, F_OK) == 0)
    var status = stat()
    #expect(lstat(place + "/..", &status) == 0 && status.st_mode & 0o777 == 0o700)
    _ = try run(drill())
    #expect(access(place + users, F_OK) == 0)
    try other.remove()
  }

  @Test func theOperationRemembersAndTells() throws {
    try makeSources()
    try backUp()
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    var profile = bench.profile(["app", "etc"])
    profile.notify = ["hook"]
    var configuration = bench.configuration(profile)
    configuration.notifications["hook"] = NotificationTarget(
      name: "hook", means: .webhook(url: "http://127.0.0.1:\(server.port)/", headers: [:]),
      events: Set(NotificationTarget.Event.allCases))
    let warnings = Mutex<[String]>([])
    let operation = DrillOperation(
      configuration, client: bench.client, cancellation: CancellationFlag(), note: { _ in },
      warn: { text in warnings.withLock { $0.append(text) } })
    let options = DrillRun.Options(base: bench.directory("drills"))
    func events() -> [String] {
      defer { server.forgetRequests() }
      return server.requests.map { request in
        let text = String(decoding: request.body, as: UTF8.self)
        return ["start", "success", "failure", "recovery"].first {
          text.contains("\"event\":\"\($0)\"")
        } ?? text
      }
    }
    let failing = try operation.run(
      drill([.command(CommandSpecification(.shell("exit 1")))]), of: profile, options: options)
    #expect(events() == ["start", "failure"])
    let passing = try operation.run(drill(), of: profile, options: options)
    #expect(events() == ["start", "recovery"])
    _ = try operation.run(drill(), of: profile, options: options)
    #expect(events() == ["start", "success"])
    let records = try RunJournal(client: bench.client).records(activity: .drill, name: "nightly")
    #expect(records.map(\.result) == [.failure, .success, .success])
    #expect(records.map(\.detail) == ["monthly", "monthly", "monthly"])
    #expect(records[0].id == failing.record.id)
    #expect(records[0].message?.contains("status 1") == true)
    let store = DrillStore(client: bench.client)
    #expect(try store.documents().map(\.record.id) == records.map(\.id))
    #expect(try store.document(String(passing.record.id.prefix(12))).record == passing.record)
    #expect(throws: VarveError(.notFound, "")) { try store.document("zz") }
    #expect(warnings.withLock { $0 } == [])
  }
}

extension LogEntry {
  fileprivate var receipt: LogStatement.Receipt? {
    if case .receipt(let receipt) = statement.body { receipt } else { nil }
  }
}
