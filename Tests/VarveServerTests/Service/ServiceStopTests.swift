import Dispatch
import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository
import VarveServer
import VarveTestSupport
import VarveTestThreads

/// What becomes of jobs when the service is asked to stop.
@Suite(.onOwnThreads) struct ServiceStopTests {
  private let bench: ServiceBench

  init() throws {
    bench = try ServiceBench()
    try bench.makeRepository()
  }

  private func startAudit() throws {
    let answer = try bench.ask(
      "POST", "/api/admin/audits", ["Content-Type: application/json"],
      body: Array(#"{"repository":"main"}"#.utf8))
    #expect(answer.status == 202, "\(answer.text)")
  }

  /// An audit that is stopped and then has something to put in order.
  private func actions(
    _ order: UInt32, _ note: @escaping @Sendable (String) -> Void
  ) -> ServiceActions {
    var actions = ServiceActions.none
    actions.audit = { _, cancellation, _ in
      note("begun")
      while !cancellation.isCancelled { usleep(5_000) }
      note("told")
      usleep(order)
      note("ended")
      throw VarveError(.interrupted, "it was stopped")
    }
    return actions
  }

  @Test func jobsAreToldAndWaitedFor() throws {
    let notes = Mutex<[String]>([])
    try bench.start(
      withTokens: false,
      actions: actions(700_000) { note in notes.withLock { $0.append(note) } })
    try bench.waitUntilReady()
    try startAudit()
    try bench.wait("it does not begin") { notes.withLock { $0 == ["begun"] } }
    bench.stop()
    #expect(notes.withLock { $0 } == ["begun", "told", "ended"])
    let records = try RunJournal(client: bench.client).records(activity: .audit, name: "main")
    #expect(records.map(\.result) == [.failure])
    #expect(records.first?.ended != nil && records.first?.message == "it was stopped")
  }

  /// Whoever sends half a request keeps the port, but no job from ending in order.
  @Test func jobsAreToldBeforeRequestsAreWaitedFor() throws {
    let notes = Mutex<[String]>([])
    try bench.start(
      withTokens: false, actions: actions(1_000) { note in notes.withLock { $0.append(note) } })
    try bench.waitUntilReady()
    try startAudit()
    try bench.wait("it does not begin") { notes.withLock { $0 == ["begun"] } }
    var slow: RawConnection? = try RawConnection(port: bench.port)
    let request = RawConnection.request(
      "POST", "/api/admin/audits", ["Content-Type: application/json"],
      body: [UInt8](repeating: 0x20, count: 100))
    try slow?.send(Array(request.dropLast(50)))
    usleep(100_000)
    // The thread has it until it says that it is done.
    nonisolated(unsafe) let bench = bench
    let isStopped = DispatchSemaphore(value: 0)
    startThread {
      bench.stop()
      isStopped.signal()
    }
    try self.bench.wait("it goes on") { notes.withLock { $0.last == "ended" } }
    #expect(slow != nil)
    slow = nil
    isStopped.wait()
  }

  @Test func whatDoesNotEndIsNotWaitedForForever() throws {
    let release = DispatchSemaphore(value: 0)
    defer { release.signal() }
    let warnings = Mutex<[String]>([])
    var actions = ServiceActions.none
    actions.audit = { _, _, progress in
      progress("begun")
      release.wait()
      return ServiceActions.Outcome(isGood: true, summary: "late", details: .null)
    }
    try bench.start(withTokens: false, actions: actions) {
      $0.jobStopSeconds = 0.3
      $0.warn = { warning in warnings.withLock { $0.append(warning.message) } }
    }
    try bench.waitUntilReady()
    try startAudit()
    // It returns: the job never ends.
    bench.stop()
    #expect(warnings.withLock { $0.contains { $0.contains("a job goes on") } })
  }

  /// A store that never answers is unreachable after some time, and holds up nobody's word about the others.
  @Test func whoNeverAnswersIsGivenUp() throws {
    let silent = try SilentHost()
    bench.configuration.repositories["far"] = RepositorySettings(
      name: "far", location: "varve+http://127.0.0.1:\(silent.port)/far")
    bench.configuration.metricsFile = bench.directory("varve.prom")
    try bench.start(withTokens: false) { $0.firstAnswerSeconds = 1 }
    try bench.waitUntilReady()
    let health = try JSONText.value(try bench.ask("GET", "/health").body)
    #expect(try health.string("backups") == "degraded")
    #expect(try health.integer("repositories_bad") >= 1)
    try bench.wait("there are no metrics") {
      guard let bytes = try? FileBytes.read(bench.directory("varve.prom")) else { return false }
      return String(decoding: bytes, as: UTF8.self).contains(
        "varve_repository_problem{repository=\"far\",kind=\"unreachable\"} 1")
    }
  }
}

/// A host that takes connections and says nothing.
final class SilentHost {
  private let listener: Int32
  let port: UInt16

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isListening = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listener, $0, length) == 0 && listen(listener, 8) == 0
          && getsockname(listener, $0, &length) == 0
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    guard isListening else { throw VarveError(.io, "nobody can listen") }
  }

  deinit { close(listener) }
}
