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
import VarveTestThreads
import VarveVerifier

@Suite(.serialized, .onOwnThreads) struct DrillTests {
  private let here: DrillBench

  init() throws { here = try DrillBench() }

  // MARK: Passing

  @Test func aSoundBackupPasses() throws {
    try here.makeSources()
    try here.backUp()
    let port = DrillBench.freePort()
    let outcome = try here.run(try here.fullDrill(port)) {
      $0.listFile = here.bench.directory("list")
    }
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
    #expect(here.names(here.bench.directory("drills")) == [])
    // Nobody listens any more.
    #expect(!isListening(port))
    let list = try FileBytes.read(here.bench.directory("list"))
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
    try here.makeSources()
    try here.backUp()
    var drill = here.drill([.integrity(path: here.users)])
    drill.sample = .files(5)
    var generator = SeededGenerator(seed: 1)
    let challenge = generator.digest()
    func list() throws -> [String] {
      let outcome = try here.run(drill) {
        $0.challenge = challenge
        $0.listFile = here.bench.directory("list")
      }
      #expect(outcome.record.hasPassed, "\(outcome.record.summary ?? "")")
      #expect(outcome.entry?.receipt?.digests["challenge"] == challenge)
      return try FileBytes.text(here.bench.directory("list")).split(separator: "\n").map(
        String.init)
    }
    let lines = try list()
    // The database is asked for by a check.
    #expect((5...6).contains(lines.count))
    #expect(lines.contains { $0.hasSuffix(here.users) })
    #expect(try list() == lines)
    // As the documentation has it.
    let key = HMACSHA256(key: challenge)
    var all: [(Digest, String)] = []
    for id in here.bench.indexed.unlocked.liveSnapshots {
      let record = try here.bench.indexed.unlocked.snapshotRecord(id)
      try Listing().forEach(below: record.rootDirectory, from: try here.bench.indexed.makeReader())
      {
        path, entry in
        if entry.type == .file {
          all.append((key.authenticate(id.bytes + path), String(decoding: path, as: UTF8.self)))
        }
      }
    }
    let chosen = all.sorted { $0.0 < $1.0 }.prefix(5).map(\.1)
    #expect(
      Set(lines.compactMap { $0.split(separator: " ").last.map(String.init) })
        == Set(chosen + [here.users]))
  }

  /// A link that leads to the live system leads to what was restored, or nowhere.
  @Test func linksDoNotLeadOut() throws {
    try here.makeSources()
    let live = here.bench.directory("live")
    mkdir(live, 0o755)
    try FileBytes.write(Array("live".utf8), to: live + "/only-here")
    symlink(live, here.bench.source("app/out"))
    symlink(here.bench.source("app/many"), here.bench.source("app/inside"))
    symlink("../../../../../../../../../\(live.dropFirst())", here.bench.source("app/up"))
    symlink("loop", here.bench.source("app/loop"))
    try here.backUp()
    func check(_ path: String) -> DrillCheck {
      .minimumSize(path: here.bench.source(path), bytes: 1)
    }
    let record = try here.run(
      here.drill(
        ["app/inside/f1", "app/out/only-here", "app/up/only-here", "app/loop", "../live/only-here"]
          .map(check))
    ).record
    #expect(
      record.steps.filter { $0.kind == .size }.map(\.result) == [
        .passed, .failed, .failed, .failed, .failed,
      ])
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
    try here.makeSources()
    let port = DrillBench.freePort()
    var drill = try here.fullDrill(port)
    if ![.bodyLacksText, .serviceDoesNotStart, .serviceEndsAtOnce].contains(defect) {
      // What looks at files and runs commands: no service is waited for.
      drill.services = []
      drill.checks.removeLast(2)
    }
    var wanted: (kind: DrillStep.Kind, text: String)
    var taken: LoopbackServer?
    defer { taken?.stop() }
    switch defect {
    case .missingTable:
      try here.bench.sqlite("app/users.db", "DROP TABLE grants")
      wanted = (.tables, "the table grants is missing")
    case .tooFewRows:
      try here.bench.sqlite("app/users.db", "DELETE FROM users WHERE id > 299")
      wanted = (.tables, "the table users has 299 rows, fewer than 300")
    case .truncatedFile:
      try here.bench.write("x", to: "app/logs/app.jsonl")
      wanted = (.size, "it has 1 bytes, fewer than 1000")
    case .wrongHash:
      try here.bench.write("key: other\n", to: "etc/app.yaml")
      wanted = (.digest, "its SHA-256 is")
    case .damagedDatabase:
      var bytes = try FileBytes.read(here.users)
      for index in 5000..<9000 where index < bytes.count { bytes[index] = 0xa5 }
      try FileBytes.write(bytes, to: here.users)
      wanted = (.integrity, "integrity_check")
    case .noDatabase:
      try here.bench.write("no database", to: "app/users.db")
      wanted = (.integrity, "it is no SQLite database")
    case .serviceDoesNotStart:
      drill.services = [here.service(port, "sleep 60")]
      drill.services[0].ready?.timeout = 1
      wanted = (.service, "it is not ready after 1 s")
    case .serviceEndsAtOnce:
      drill.services = [here.service(port, "echo no licence >&2; exit 4")]
      wanted = (.service, "it ended before it was ready: it failed with status 4: no licence")
    case .serviceAnswers500:
      taken = LoopbackServer { _ in LoopbackServer.Answer(500, "broken") }
      drill.services = []
      drill.checks = [here.probe(try #require(taken).port, contains: nil)]
      wanted = (.http, "it answers 500, not 200")
    case .bodyLacksText:
      try here.bench.write("ready: false\n", to: "app/www/health")
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
      unlink(here.bench.source("app/users.db"))
      wanted = (.integrity, "the file is missing in what was restored")
    case .damagedPack: wanted = (.restore, "could not be restored")
    case .noSnapshot: wanted = (.snapshot, "there is no snapshot of it")
    case .portIsTaken:
      let server = LoopbackServer { _ in LoopbackServer.Answer(200, "ready: true") }
      taken = server
      drill.services = [here.service(server.port)]
      drill.checks = [here.probe(server.port, contains: "ready")]
      wanted = (.service, "before it is started")
    }
    switch defect {
    case .staleSnapshot: try here.backUp(at: Timestamp(seconds: Int64(time(nil)) - 7200))
    case .noSnapshot: try here.bench.backUp("app", source: "app")
    default: try here.backUp()
    }
    if defect == .damagedPack { try damageDataPack() }
    let outcome = try here.run(drill)
    let failures = outcome.record.failures
    #expect(
      failures.contains { $0.kind == wanted.kind && $0.finding.contains(wanted.text) },
      "\(failures)")
    #expect(!outcome.record.hasPassed)
    // What is not touched by the defect is still looked at.
    #expect(outcome.record.steps.contains { $0.result == .passed })
    #expect(outcome.entry?.receipt?.result == .failed)
    #expect(outcome.entry?.receipt?.counts["checksFailed"] == Int64(failures.count))
    #expect(here.names(here.bench.directory("drills")) == [])
  }

  /// Without trees nothing can be restored: then nothing is started, and nothing passes.
  @Test func withoutTreesNothingIsTried() throws {
    try here.makeSources()
    try here.backUp()
    let packs = here.bench.repositoryPath + "/packs"
    for part in here.names(packs) {
      for name in here.names(packs + "/" + part) { unlink("\(packs)/\(part)/\(name)") }
    }
    try TreeRemoval.remove(here.bench.directory("cache"))
    let record = try here.run(try here.fullDrill(DrillBench.freePort())).record
    #expect(record.failures.map(\.kind) == [.sample])
    #expect(record.steps.count { $0.result == .skipped } == 7)
    #expect(!record.steps.contains { $0.kind == .service })
  }

  /// The largest pack has the content of files; trees stay whole.
  private func damageDataPack() throws {
    let packs = here.bench.repositoryPath + "/packs"
    var largest = (path: "", size: 0)
    for part in here.names(packs) {
      for name in here.names(packs + "/" + part) {
        var status = stat()
        let path = "\(packs)/\(part)/\(name)"
        if lstat(path, &status) == 0, status.st_size > largest.size {
          largest = (path, Int(status.st_size))
        }
      }
    }
    var bytes = try FileBytes.read(largest.path)
    for index in stride(from: 200, to: bytes.count - 200, by: 64) { bytes[index] ^= 0xff }
    chmod(largest.path, 0o600)
    try FileBytes.write(bytes, to: largest.path)
  }
}
