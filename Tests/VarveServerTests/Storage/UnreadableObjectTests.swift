import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// An object that the server's disk does not give back.
@Suite(.onOwnThreads) struct UnreadableObjectTests {
  /// One is no reason to ask again for a quarter of an hour, and then to give up all others.
  @Test func isSaidToBeOneObjects() throws {
    let bench = try ServerBench()
    let local = bench.local()
    try local.create()
    try local.put("keys/good", [1])
    // What is no file cannot be read whoever asks, root included.
    mkdir(bench.directory("\(ServerBench.repository)/keys/bad"), 0o700)
    let attempts = RetryPolicy(limit: 60, firstPause: 30, longestPause: 30)
    let store = RetryStorage(try bench.storage(.full), attempts)
    let error = #expect(throws: VarveError.self) { try store.read("keys/bad") }
    #expect(error?.code == .io && error?.isOfObject == true)
    #expect(throws: VarveError(.io, "")) { try store.read("keys/bad", offset: 0, count: 1) }
    #expect(try store.read("keys/good") == [1])
  }
}
