import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Clients that hold on without getting on are cut; those that are merely slow are not.
@Suite(.onOwnThreads) struct PaceTests {
  private static func bench(encrypted: Bool = false) throws -> ServerBench {
    let bench = try ServerBench(encrypted: encrypted) {
      $0.pace.headSeconds = 1.5
      $0.pace.bodySeconds = 1.5
      $0.pace.bodyBytes = 64
      $0.pace.restSeconds = 1.5
      $0.pace.restBytes = 1 << 20
      $0.pace.answerSeconds = 1.5
      $0.pace.idleSeconds = 3
    }
    try bench.local().create()
    return bench
  }

  /// Sends `byte` every tenth of a second until the other side has closed; for a minute at most,
  /// which is what a busy machine may take to run a timer of 1.5 s.
  private static func drip(_ connection: RawConnection, byte: UInt8) -> Bool {
    for _ in 0..<600 {
      do { try connection.send([byte]) } catch { return true }
      usleep(100_000)
    }
    return false
  }

  @Test func headsThatComeByteByByte() throws {
    let bench = try Self.bench()
    let connection = try RawConnection(port: bench.port)
    try connection.send("GET /v1/web/config HTTP/1.1\r\nX: ")
    #expect(Self.drip(connection, byte: 65))
  }

  @Test func connectionsThatSayNothing() throws {
    for encrypted in [false, true] {
      let bench = try Self.bench(encrypted: encrypted)
      let connection = try RawConnection(port: bench.port)
      #expect(connection.isClosed(within: 60))
    }
  }

  /// The second head on a connection as the first one.
  @Test func laterHeadsThatComeByteByByte() throws {
    let bench = try Self.bench()
    let token = try bench.token(.read)
    let connection = try RawConnection(port: bench.port)
    try connection.send(RawConnection.request("GET", "/v1/web/?list=", token: token))
    #expect(try connection.answer().status == 200)
    try connection.send("GET ")
    #expect(Self.drip(connection, byte: 65))
    #expect(Self.temporaries(bench) == 0)
  }

  @Test func bodiesThatComeByteByByte() throws {
    let bench = try Self.bench()
    let token = try bench.token(.full)
    let connection = try RawConnection(port: bench.port)
    try connection.send(
      RawConnection.request(
        "PUT", "/v1/web/log/checkpoint", token: token, ["Content-Length: 100000"]))
    #expect(Self.drip(connection, byte: 65))
    #expect(try bench.local().size("log/checkpoint") == nil)
    // What had come is gone, too.
    for _ in 0..<50 where Self.temporaries(bench) > 0 { usleep(50_000) }
    #expect(Self.temporaries(bench) == 0)
  }

  /// As fast as it has to be: 100 bytes a second where 64 in one and a half are asked for.
  @Test func bodiesThatAreSlow() throws {
    let bench = try Self.bench()
    let token = try bench.token(.full)
    let connection = try RawConnection(port: bench.port)
    try connection.send(
      RawConnection.request("PUT", "/v1/web/log/checkpoint", token: token, ["Content-Length: 400"]))
    for _ in 0..<40 {
      try connection.send([UInt8](repeating: 7, count: 10))
      usleep(100_000)
    }
    #expect(try connection.answer().status == 201)
    #expect(try bench.local().read("log/checkpoint") == [UInt8](repeating: 7, count: 400))
  }

  /// A body that nobody wants is not taken in for ever.
  @Test func bodiesBehindARefusal() throws {
    let bench = try Self.bench()
    let slow = try RawConnection(port: bench.port)
    try slow.send(RawConnection.request("PUT", "/v1/web/config", ["Content-Length: 1000000000"]))
    #expect(try slow.answer().status == 401)
    #expect(Self.drip(slow, byte: 65))
    let fast = try RawConnection(port: bench.port)
    try fast.send(RawConnection.request("PUT", "/v1/web/config", ["Content-Length: 1000000000"]))
    #expect(try fast.answer().status == 401)
    var sent = 0
    let piece = [UInt8](repeating: 0, count: 1 << 20)
    while (try? fast.send(piece)) != nil, sent < 1000 { sent += 1 }
    #expect(sent < 200)
  }

  /// An answer that nobody takes.
  @Test func answersThatAreNotRead() throws {
    let bench = try Self.bench()
    let token = try bench.token(.read)
    try bench.local().put("log/checkpoint", [UInt8](repeating: 1, count: 64 << 20))
    let connection = try RawConnection(port: bench.port)
    try connection.send(RawConnection.request("GET", "/v1/web/log/checkpoint", token: token))
    usleep(4_500_000)
    // What the system holds is still there to read; the rest is not.
    #expect(throws: VarveError(.unavailable, "")) { try connection.answer() }
  }

  @Test func connectionsBetweenRequests() throws {
    let bench = try Self.bench()
    let token = try bench.token(.read)
    let connection = try RawConnection(port: bench.port)
    try connection.send(RawConnection.request("GET", "/v1/web/?list=", token: token))
    #expect(try connection.answer().status == 200)
    // Longer than a head may take.
    usleep(2_000_000)
    try connection.send(RawConnection.request("GET", "/v1/web/?list=", token: token))
    #expect(try connection.answer().status == 200)
    #expect(connection.isClosed(within: 60))
  }

  /// Whom the server has nothing more to say to does not keep his place, whatever he has sent behind.
  @Test func connectionsThatAreNotClosed() throws {
    let bench = try ServerBench {
      $0.connections = 1
      $0.pace.idleSeconds = 2
    }
    try bench.local().create()
    let token = try bench.token(.read)
    let path = "/v1/web/?list="
    let last = RawConnection.request("GET", path, token: token, ["Connection: close"])
    let next = RawConnection.request("GET", path, token: token)
    for request in [last, last + next, Array("GET\r\n\r\n".utf8)] {
      let staying = try RawConnection(port: bench.port)
      try staying.send(request)
      _ = try? staying.answer()
      let late = try RawConnection(port: bench.port)
      try late.send(last)
      late.limit(seconds: 120)
      #expect(try late.answer().status == 200)
      withExtendedLifetime(staying) {}
    }
  }

  /// Unfinished uploads of a repository.
  static func temporaries(_ bench: ServerBench) -> Int {
    guard let stream = opendir(bench.directory("web/tmp")) else { return 0 }
    defer { closedir(stream) }
    var count = 0
    while let entry = readdir(stream) {
      let first = withUnsafeBytes(of: entry.pointee.d_name) { $0[0] }
      if first != UInt8(ascii: ".") { count += 1 }
    }
    return count
  }
}
