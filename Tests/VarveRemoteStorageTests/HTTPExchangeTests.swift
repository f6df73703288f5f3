import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage

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
}
