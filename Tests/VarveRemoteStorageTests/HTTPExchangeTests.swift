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
