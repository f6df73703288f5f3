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

@Suite(.serialized) struct DrillEvidenceTests {
  private let here: DrillBench

  init() throws { here = try DrillBench() }

  // MARK: Evidence

  @Test(arguments: [true, false]) func theReceiptVerifies(_ passes: Bool) throws {
    try here.makeSources()
    try here.backUp()
    let checks: [DrillCheck] = passes ? [] : [.command(CommandSpecification(.shell("false")))]
    let outcome = try here.run(here.drill(checks)) {
      $0.notes = [
        DrillRecord.Note(name: "decision.md", text: "# <b>We decide</b>\n```\n"),
        // To Swift the last of these is another character, to Markdown it is not.
        DrillRecord.Note(name: "marked.md", text: "```\u{301}\n"),
      ]
    }
    let document = DrillDocument(outcome)
    let place = here.bench.directory("document")
    try DrillStore.write(document, to: place)
    let key = here.bench.indexed.unlocked.config.logKey
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
    let start = try here.bench.indexed.unlocked.log.entry(outcome.record.startEntry)
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
    #expect(text.utf8.contains(Array("````\n```\u{301}\n````\n".utf8)))
    let history = DrillHistory(here.bench.indexed.unlocked.log.state)
    let keyed = [
      try here.bench.indexed.unlocked.keys.opaqueIDs().drill(
        "monthly", ofProfile: "nightly", host: MachineName.bytes())
    ]
    #expect(history.runs(of: keyed).map { $0.end?.hasPassed } == [passes])
    #expect(history.runs(of: keyed).first?.end?.document == outcome.record.digest)
  }

  @Test func namesDoNotShowInTheLog() throws {
    try here.makeSources()
    try here.backUp()
    let outcome = try here.run(here.drill([.integrity(path: here.users)]))
    for index in [outcome.record.startEntry, try #require(outcome.entry?.index)] {
      let entry = try here.bench.indexed.unlocked.log.entry(index)
      let text = String(
        decoding: try DSSEEnvelope(entry.bytes, "entry").payload, as: UTF8.self)
      for name in ["monthly", "nightly", "users.db", here.bench.directory.path] {
        #expect(!text.contains(name))
      }
    }
  }

  @Test func whatIsStoppedIsLoggedAndCleanedUp() throws {
    try here.makeSources()
    try here.backUp()
    let flag = CancellationFlag()
    var drill = here.drill([.command(CommandSpecification(.shell("sleep 60")))])
    drill.services = []
    let stop = Mutex(false)
    _ = WorkerThreads.start {
      while !stop.withLock({ $0 }) { usleep(10_000) }
      usleep(200_000)
      flag.cancel()
    }
    let outcome = try DrillRun(
      here.bench.indexed, here.bench.profile(["app", "etc"]), drill,
      id: Hex.encode(SecureRandom.bytes(16)),
      options: DrillRun.Options(base: here.bench.directory("drills")), cancellation: flag,
      observe: { if $0.kind == .hashes { stop.withLock { $0 = true } } }
    ).run()
    #expect(outcome.isInterrupted)
    #expect(outcome.record.failures.contains { $0.kind == .interruption })
    #expect(here.names(here.bench.directory("drills")) == [])
  }

  @Test func whatAKilledDrillHasLeftIsRemoved() throws {
    try here.makeSources()
    try here.backUp()
    let base = here.bench.directory("drills")
    let left = base + "/varve-drill-dead00"
    mkdir(left, 0o700)
    mkdir(left + "/files", 0o500)
    try FileBytes.write([], to: left + "/lock")
    // One that is at work, and one that is kept.
    let other = try DrillDirectory(in: base)
    let kept = try here.run(here.drill()) { $0.keeps = true }
    #expect(access(left, F_OK) != 0)
    #expect(access(other.path, F_OK) == 0)
    let place = try #require(kept.keptDirectory)
    #expect(access(place + here.users, F_OK) == 0)
    var status = stat()
    #expect(lstat(place + "/..", &status) == 0 && status.st_mode & 0o777 == 0o700)
    _ = try here.run(here.drill())
    #expect(access(place + here.users, F_OK) == 0)
    try other.remove()
  }

  @Test func theOperationRemembersAndTells() throws {
    try here.makeSources()
    try here.backUp()
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "") }
    defer { server.stop() }
    var profile = here.bench.profile(["app", "etc"])
    profile.notify = ["hook"]
    var configuration = here.bench.configuration(profile)
    configuration.notifications["hook"] = NotificationTarget(
      name: "hook", means: .webhook(url: "http://127.0.0.1:\(server.port)/", headers: [:]),
      events: Set(NotificationTarget.Event.allCases))
    let warnings = Mutex<[String]>([])
    let operation = DrillOperation(
      configuration, client: here.bench.client, cancellation: CancellationFlag(), note: { _ in },
      warn: { text in warnings.withLock { $0.append(text) } })
    let options = DrillRun.Options(base: here.bench.directory("drills"))
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
      here.drill([.command(CommandSpecification(.shell("exit 1")))]), of: profile, options: options)
    #expect(events() == ["start", "failure"])
    let passing = try operation.run(here.drill(), of: profile, options: options)
    #expect(events() == ["start", "recovery"])
    _ = try operation.run(here.drill(), of: profile, options: options)
    #expect(events() == ["start", "success"])
    let records = try RunJournal(client: here.bench.client).records(
      activity: .drill, name: "nightly")
    #expect(records.map(\.result) == [.failure, .success, .success])
    #expect(records.map(\.detail) == ["monthly", "monthly", "monthly"])
    #expect(records[0].id == failing.record.id)
    #expect(records[0].message?.contains("status 1") == true)
    let store = DrillStore(client: here.bench.client)
    #expect(try Set(store.documents().map(\.record.id)) == Set(records.map(\.id)))
    #expect(try store.document(String(passing.record.id.prefix(12))).record == passing.record)
    #expect(throws: VarveError(.notFound, "")) { try store.document("zz") }
    #expect(warnings.withLock { $0 } == [])
  }
}
