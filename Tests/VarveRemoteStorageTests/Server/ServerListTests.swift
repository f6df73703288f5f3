import Testing
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// What a server's list may not be.
@Suite struct ServerListTests {
  private func storage(_ server: LoopbackServer) throws -> ServerStorage {
    try ServerStorage(
      ServerLocation("varve+\(server.url)/web"), options: ServerStorage.Options())
  }

  /// A page without a name that goes on where the one before ended, and so for ever.
  @Test func emptyPagesForEver() throws {
    let server = LoopbackServer { request in
      LoopbackServer.Answer(
        200,
        request.target.contains("after=")
          ? #"{"next":"keys/a","objects":[]}"#
          : #"{"next":"keys/a","objects":[{"name":"keys/a","size":1}]}"#)
    }
    defer { server.stop() }
    var names: [String] = []
    #expect(throws: VarveError(.io, "")) {
      try storage(server).list("") { name, _ in names.append(name) }
    }
    #expect(names == ["keys/a"])
    #expect(server.requests.count == 2)
  }

  @Test func anEmptyFirstPageThatGoesOn() throws {
    let server = LoopbackServer { _ in LoopbackServer.Answer(200, #"{"next":"","objects":[]}"#) }
    defer { server.stop() }
    #expect(throws: VarveError(.io, "")) { try storage(server).list("") { _, _ in } }
    #expect(server.requests.count == 1)
  }

  @Test func theLastPageMayBeEmpty() throws {
    let server = LoopbackServer { request in
      LoopbackServer.Answer(
        200,
        request.target.contains("after=")
          ? #"{"objects":[]}"# : #"{"next":"keys/a","objects":[{"name":"keys/a","size":1}]}"#)
    }
    defer { server.stop() }
    var names: [String] = []
    try storage(server).list("") { name, _ in names.append(name) }
    #expect(names == ["keys/a"])
  }
}
