import Dispatch
import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Uploads that wait for others.
@Suite(.onOwnThreads) struct UploadSlotTests {
  /// Half an upload of 100 bytes, which has its slot.
  private static func begin(_ bench: ServerBench, token: String) throws -> RawConnection {
    let connection = try RawConnection(port: bench.port)
    try connection.send(
      RawConnection.request("PUT", "/v1/web/log/checkpoint", token: token, ["Content-Length: 100"]))
    try connection.send([UInt8](repeating: 1, count: 50))
    for _ in 0..<4_000 where PaceTests.temporaries(bench) == 0 { usleep(5_000) }
    #expect(PaceTests.temporaries(bench) == 1)
    return connection
  }

  private static func end(_ connection: RawConnection) throws {
    try connection.send([UInt8](repeating: 1, count: 50))
    #expect(try connection.answer().status == 201)
  }

  /// A token whose share is in use keeps only itself waiting.
  @Test func oneTokenLeavesRoomForOthers() throws {
    let bench = try ServerBench { $0.uploads = 4 }
    try bench.local().create()
    let token = try bench.token(.full)
    let other = try bench.token(.full)
    let slow = try Self.begin(bench, token: token)
    let waiting = try RawConnection(port: bench.port)
    try waiting.send(
      RawConnection.request("PUT", "/v1/web/log/tile/0/000", token: token, body: [1]))
    waiting.limit(seconds: 1)
    #expect(throws: VarveError(.unavailable, "")) { try waiting.answer() }
    #expect(
      try bench.ask("PUT", "/v1/web/log/tile/0/001", token: other, body: [2]).status == 201)
    try Self.end(slow)
    waiting.limit(seconds: 60)
    #expect(try waiting.answer().status == 201)
  }

  /// The same of an address, where there are no tokens.
  @Test func oneAddressHasAShareWithoutTokens() throws {
    let bench = try ServerBench {
      $0.tokens = nil
      $0.uploads = 4
    }
    try bench.local().create()
    let slow = try Self.begin(bench, token: "")
    let waiting = try RawConnection(port: bench.port)
    try waiting.send(RawConnection.request("PUT", "/v1/web/log/tile/0/000", body: [1]))
    waiting.limit(seconds: 1)
    #expect(throws: VarveError(.unavailable, "")) { try waiting.answer() }
    try Self.end(slow)
    waiting.limit(seconds: 60)
    #expect(try waiting.answer().status == 201)
  }

  /// A body that the server does not read, since there is no slot, is no client that says nothing.
  @Test func uploadsThatWaitAreNotCut() throws {
    let bench = try ServerBench {
      $0.uploads = 1
      $0.pace.idleSeconds = 2
    }
    try bench.local().create()
    let token = try bench.token(.full)
    let slow = try Self.begin(bench, token: token)
    let bytes = [UInt8](repeating: 3, count: 12 << 20)
    let name = ObjectName.pack(SHA256.digest(bytes))
    nonisolated(unsafe) let waiting = try RawConnection(port: bench.port)
    let sent = DispatchSemaphore(value: 0)
    startThread {
      // It ends when the server has begun to read, or has closed.
      try? waiting.send(RawConnection.request("PUT", "/v1/web/\(name)", token: token, body: bytes))
      sent.signal()
    }
    usleep(6_000_000)
    try Self.end(slow)
    sent.wait()
    #expect(try waiting.answer().status == 201)
  }
}
