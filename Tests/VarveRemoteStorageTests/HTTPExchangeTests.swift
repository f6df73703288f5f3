import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

@Suite struct HTTPExchangeTests {
  @Test func nobodyListens() throws {
    let exchange = try HTTPExchange(.brief)
    #expect(throws: VarveError(.unavailable, "")) {
      try exchange.get("http://127.0.0.1:1/", largestAnswer: 10)
    }
    #expect(throws: VarveError(.usage, "")) { try exchange.get("no url", largestAnswer: 10) }
  }

  @Test func authoritiesThatCannotBeRead() {
    var options = HTTPExchange.Options()
    options.authorities = "/nonexistent"
    #expect(throws: VarveError(.usage, "")) { try HTTPExchange(options) }
  }

  /// A peer that takes the connection and then nothing more: what is sent fills what lies between, and stops.
  @Test func aPeerThatStopsReading() throws {
    let listener = LoopbackListener { _ in sleep(60) }
    defer { listener.stop() }
    var options = HTTPExchange.Options()
    options.idleSeconds = 1
    let exchange = try HTTPExchange(options)
    let error = #expect(throws: VarveError.self) {
      try exchange.send(
        HTTPExchange.Request("PUT", "http://127.0.0.1:\(listener.port)/"),
        [UInt8](repeating: 1, count: 64 << 20), largestAnswer: 10)
    }
    #expect(error?.code == .unavailable)
    #expect(error?.message.contains("no byte came or went in 1 seconds") == true)
  }

  /// A rate that the user has set makes long pauses, which are nobody's fault.
  @Test func ratesAreNoSilence() throws {
    let large = [UInt8](repeating: 7, count: 3_000)
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, body: large) }
    var options = HTTPExchange.Options()
    options.idleSeconds = 1
    options.upload = TransferLimit(bytesPerSecond: 500)
    let slow = try HTTPExchange(options)
    let sent = try slow.send(
      HTTPExchange.Request("PUT", server.url), [UInt8](repeating: 1, count: 1_500),
      largestAnswer: 4_000)
    #expect(sent.body == large)
    options.upload = nil
    options.download = TransferLimit(bytesPerSecond: 1_000)
    #expect(try HTTPExchange(options).get(server.url, largestAnswer: 4_000).body == large)
  }

  /// More requests than connections: they wait for longer than a connection may take to come about.
  @Test func requestsTakeTurns() throws {
    let most = Mutex((now: 0, ever: 0))
    let server = LoopbackServer { _ in
      most.withLock { $0 = ($0.now + 1, max($0.ever, $0.now + 1)) }
      usleep(400_000)
      most.withLock { $0.now -= 1 }
      return LoopbackServer.Answer(200, "done")
    }
    var options = HTTPExchange.Options()
    options.connections = 2
    options.connectSeconds = 1
    let exchange = try HTTPExchange(options)
    let failures = Mutex<[String]>([])
    runThreads(12) { _ in
      do { _ = try exchange.get(server.url, largestAnswer: 10) } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
    #expect(most.withLock { $0.ever } == 2)
  }

  /// The answer may come, and the exchange end, while the body's end is still being told to the connection.
  @Test func anExchangeThatEndsWithItsAnswer() {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, "done") }
    runThreads(4) { _ in
      let body = [UInt8](repeating: 7, count: 700)
      for _ in 0..<1_000 {
        let answer = try? HTTPExchange().send(
          HTTPExchange.Request("PUT", server.url), body, largestAnswer: 100)
        #expect(answer?.text == "done")
      }
    }
  }
}

extension HTTPExchange {
  fileprivate func send(
    _ request: Request, _ body: [UInt8], largestAnswer: Int
  ) throws -> Answer {
    try body.withUnsafeBytes { try send(request, $0, largestAnswer: largestAnswer) }
  }
}
