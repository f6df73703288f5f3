import Dispatch
import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// A witness over HTTP, in this process; ends with the test.
private final class WitnessServerBench {
  let log: WitnessBench
  let port: Int
  private let server: WitnessServer
  private let serving: ServingThread
  private var hasEnded = false

  init(_ change: (inout WitnessServer.Options) -> Void = { _ in }) throws {
    log = try WitnessBench(size: 5)
    let witness = Witness(
      logs: [log.key], signer: try WitnessBench.witnessSigner(), storage: MemoryStorage(),
      clock: { 1_800_000_000 })
    var options = WitnessServer.Options()
    options.followsSignals = false
    options.executor = ThreadExecutor.servers
    change(&options)
    let server = WitnessServer(witness, options: options)
    self.server = server
    serving = try ServingThread { try server.run(host: $0, port: $1, started: $2) }
    port = serving.port
  }

  deinit {
    if !hasEnded { _ = stops(within: 300) }
  }

  func stops(within seconds: Int) -> Bool {
    hasEnded = true
    server.stop()
    return serving.ends(within: seconds)
  }

  func connect() throws -> RawConnection { try RawConnection(port: port) }

  /// Sends a byte every tenth of a second until the other side has closed; for five minutes at most: what a
  /// busy machine does not read is not held against the client.
  static func isCut(_ connection: RawConnection) -> Bool {
    for _ in 0..<3_000 {
      do { try connection.send([65]) } catch { return true }
      usleep(100_000)
    }
    return false
  }
}

@Suite(.onOwnThreads) struct WitnessServerTests {
  @Test func itAnswers() throws {
    let bench = try WitnessServerBench()
    let connection = try bench.connect()
    try connection.send(
      RawConnection.request("POST", "/add-checkpoint", body: try bench.log.request(from: 0)))
    #expect(try connection.answer().status == 200)
    try connection.send(RawConnection.request("GET", "/\(bench.log.hash)/checkpoint"))
    #expect(try connection.answer().status == 200)
    try connection.send(
      RawConnection.request("POST", "/add-checkpoint", body: [UInt8](repeating: 65, count: 70_000)))
    #expect(try connection.answer().status == 413)
    let other = try bench.connect()
    try other.send(RawConnection.request("GET", "/add-checkpoint"))
    #expect(try other.answer().status == 404)
  }

  /// Who sends byte by byte keeps no place.
  @Test func slowClientsAreCut() throws {
    let bench = try WitnessServerBench {
      $0.pace.headSeconds = 1.5
      $0.pace.bodySeconds = 1.5
      $0.pace.bodyBytes = 64
      $0.pace.idleSeconds = 3
    }
    let head = try bench.connect()
    try head.send("POST /add-checkpoint HTTP/1.1\r\nX: ")
    #expect(WitnessServerBench.isCut(head))
    let body = try bench.connect()
    try body.send(RawConnection.request("POST", "/add-checkpoint", ["Content-Length: 10000"]))
    #expect(WitnessServerBench.isCut(body))
    let silent = try bench.connect()
    #expect(silent.isClosed(within: 60))
    let idle = try bench.connect()
    try idle.send(RawConnection.request("GET", "/\(bench.log.hash)/checkpoint"))
    #expect(try idle.answer().status == 404)
    #expect(idle.isClosed(within: 60))
  }

  /// A request that does not end holds up a stop only so long.
  @Test func stoppingEnds() throws {
    let bench = try WitnessServerBench {
      $0.stopSeconds = 1
      $0.pace.bodySeconds = 3_600
    }
    let connection = try bench.connect()
    try connection.send(
      RawConnection.request("POST", "/add-checkpoint", ["Content-Length: 1000"]))
    usleep(200_000)
    #expect(bench.stops(within: 300))
    withExtendedLifetime(connection) {}
  }
}
