import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// What a server's refusals say, and what others say in its place.
@Suite struct ServerRefusalTests {
  private func storage(_ server: LoopbackServer) throws -> ServerStorage {
    try ServerStorage(
      ServerLocation("varve+\(server.url)/web"), options: ServerStorage.Options())
  }

  private static func problem(_ status: Int) -> LoopbackServer.Answer {
    LoopbackServer.Answer(
      status, headers: [("content-type", "application/problem+json")],
      body: Array(#"{"detail":"there is none"}"#.utf8))
  }

  /// What each call comes to where the same is answered to all of them.
  private func outcomes(_ answer: LoopbackServer.Answer) throws -> [VarveError.Code?] {
    let server = LoopbackServer { _ in answer }
    defer { server.stop() }
    let storage = try storage(server)
    return [
      code { _ = try storage.read("keys/a") }, code { _ = try storage.size("keys/a") },
      code { _ = try storage.modificationTime("keys/a") },
      code { try storage.settle("keys/a") }, code { try storage.remove("keys/a") },
      code { try storage.list("") { _, _ in } }, code { try storage.put("keys/a", [1]) },
    ]
  }

  /// A proxy that does not know the server says 404, too: whoever believed it would take a repository for lost.
  @Test func onlyTheServerSaysThatSomethingIsMissing() throws {
    #expect(
      try outcomes(Self.problem(404)) == [.missing, nil, nil, .missing, nil, nil, .noRepository])
    for answer in [
      LoopbackServer.Answer(404), LoopbackServer.Answer(404, "<html>Not found</html>"),
    ] {
      #expect(try outcomes(answer) == Array(repeating: .unavailable, count: 7))
    }
  }

  /// Asking again would change nothing.
  @Test func whatMayNotBeReplacedIsForbidden() throws {
    let server = LoopbackServer { _ in Self.problem(409) }
    defer { server.stop() }
    #expect(code { try storage(server).put("log/commits/0000000000000000", [1]) } == .forbidden)
  }
}
