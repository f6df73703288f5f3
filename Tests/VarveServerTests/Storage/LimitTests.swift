import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

@Suite(.onOwnThreads) struct LimitTests {
  /// What an object counts.
  private static let block = 4096

  private static func object(_ count: Int, _ seed: UInt8) -> (name: String, bytes: [UInt8]) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) ^ seed }
    return (ObjectName.pack(SHA256.digest(bytes)), bytes)
  }

  @Test func quotas() throws {
    let bench = try ServerBench {
      $0.quotas.general = 80_000
      $0.quotas.named["small"] = 4_900
    }
    let store = try bench.storage(.append)
    for seed in 0..<UInt8(16) {
      let object = Self.object(5_000, seed)
      try store.put(object.name, object.bytes)
    }
    let more = Self.object(5_000, 99)
    #expect(throws: VarveError(.io, "")) { try store.put(more.name, more.bytes) }
    // Not even the same once more: for a moment both are there.
    let first = Self.object(5_000, 0)
    #expect(throws: VarveError(.io, "")) { try store.put(first.name, first.bytes) }
    // Who can make room may go a sixteenth further, and then can.
    let owner = try bench.storage(.full)
    try owner.put(more.name, more.bytes)
    let further = Self.object(1, 1)
    #expect(throws: VarveError(.io, "")) { try owner.put(further.name, further.bytes) }
    try owner.remove(first.name)
    try owner.remove(more.name)
    try store.put(first.name, first.bytes)
    #expect(throws: VarveError(.io, "")) { try store.put(further.name, further.bytes) }
    let small = try bench.storage(.append, of: "small")
    #expect(throws: VarveError(.io, "")) { try small.put(first.name, first.bytes) }
    try small.put("log/checkpoint", [UInt8](repeating: 1, count: 100))
    // In place of one that has the name: for a moment both are there.
    #expect(throws: VarveError(.io, "")) { try small.put("log/checkpoint", [1]) }
    // After a start what is there counts.
    bench.stop()
    let again = try ServerBench(directory: bench.directory) { $0.quotas.general = 80_000 }
    #expect(throws: VarveError(.io, "")) {
      try again.storage(.append).put(further.name, further.bytes)
    }
  }

  /// Objects of no bytes take room, too.
  @Test func manyEmptyObjects() throws {
    let bench = try ServerBench { $0.quotas.general = Int64(10 * Self.block) }
    try bench.local().create()
    let token = try bench.token(.append)
    func statuses(_ bench: ServerBench, _ range: Range<Int>) throws -> [Int] {
      try range.map { number in
        let digits = String(number, radix: 16)
        let session = String(repeating: "0", count: 32 - digits.count) + digits
        return try bench.ask("PUT", "/v1/web/sessions/\(session)-start", token: token, body: [])
          .status
      }
    }
    #expect(
      try statuses(bench, 0..<12) == [Int](repeating: 201, count: 10) + [507, 507])
    bench.stop()
    let again = try ServerBench(directory: bench.directory) {
      $0.quotas.general = Int64(10 * Self.block)
    }
    #expect(try statuses(again, 12..<13) == [507])
  }

  /// A disk without room is no reason to ask again.
  @Test func fullDisks() throws {
    let bench = try ServerBench()
    let disk = bench.directory("web")
    mkdir(disk, 0o700)
    guard mount("none", disk, "tmpfs", 0, "size=1m") == 0 else {
      print("a full disk was not tried: only root can mount one")
      return
    }
    defer { umount2(disk, Int32(MNT_DETACH)) }
    let store = try bench.storage(.append)
    let large = Self.object(2 << 20, 1)
    #expect(throws: VarveError(.io, "")) { try store.put(large.name, large.bytes) }
    for _ in 0..<100 where PaceTests.temporaries(bench) > 0 { usleep(20_000) }
    #expect(PaceTests.temporaries(bench) == 0)
    let small = Self.object(1 << 10, 1)
    try store.put(small.name, small.bytes)
  }

  /// Uploads that run side by side, of which some fail, leave the count right.
  @Test func quotasUnderConcurrency() throws {
    let bench = try ServerBench { $0.quotas.general = 500_000 }
    let stores = try (0..<8).map { _ in try bench.storage(.append, connections: 1) }
    runThreads(8) { thread in
      for round in 0..<40 {
        let object = Self.object(5_000 + round % 7, UInt8(round))
        // Refused for want of room, or for wrong bytes, now and then.
        try? stores[thread].put(object.name, round % 5 == 4 ? [1, 2, 3] : object.bytes)
        try? stores[thread].put(
          "log/checkpoint", [UInt8](repeating: UInt8(thread), count: 100 * (1 + round % 9)))
      }
    }
    var sum: UInt64 = 0
    try bench.local().list("") { _, size in sum += max(size, UInt64(Self.block)) }
    #expect(sum <= 500_000)
    // Exactly what is left, and not a byte more.
    let token = try bench.token(.append)
    let rest = Int(500_000 - sum)
    let path = "/v1/web/log/tile/0/000"
    func put(_ count: Int) throws -> Int {
      try bench.ask("PUT", path, token: token, body: [UInt8](repeating: 1, count: count)).status
    }
    #expect(try put(rest + 1) == 507)
    #expect(try put(rest) == 201)
  }

  @Test func rates() throws {
    let bench = try ServerBench {
      $0.requestRate = 5
      $0.failureRate = 2
    }
    try bench.local().create()
    let token = try bench.token(.read)
    let other = try bench.token(.read)
    func statuses(_ token: String?, _ count: Int) throws -> [Int] {
      try (0..<count).map { _ in try bench.ask("GET", "/v1/web/?list=", token: token).status }
    }
    let asked = try statuses(token, 30)
    #expect(asked.prefix(10).allSatisfy { $0 == 200 } && asked.contains(429))
    // On a slow machine one or another is let through again meanwhile.
    var limited = try bench.ask("GET", "/v1/web/?list=", token: token)
    for _ in 0..<100 where limited.status != 429 {
      limited = try bench.ask("GET", "/v1/web/?list=", token: token)
    }
    #expect(limited.status == 429 && limited.fields["retry-after"] == "1")
    // Of another token it is not held against.
    #expect(try statuses(other, 1) == [200])
    let failed = try statuses("wrong", 30)
    #expect(failed.prefix(10).allSatisfy { $0 == 401 } && failed.contains(429))
    #expect(try statuses(other, 1) == [200])
  }

  /// Further uploads wait for their turn, and all are done in the end.
  @Test func uploadsTakeTurns() throws {
    let bench = try ServerBench { $0.uploads = 2 }
    let stores = try (0..<8).map { _ in try bench.storage(.append, connections: 1) }
    let problems = Mutex<[String]>([])
    runThreads(8) { thread in
      for round in 0..<5 {
        let object = Self.object(3 << 20, UInt8(thread * 5 + round))
        do { try stores[thread].put(object.name, object.bytes) } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(problems.withLock { $0 } == [])
    var count = 0
    try bench.local().list("packs") { _, _ in count += 1 }
    #expect(count == 40)
  }

  /// More connections than there may be wait, and are served when others have gone.
  @Test func connectionsTakeTurns() throws {
    let bench = try ServerBench { $0.connections = 4 }
    try bench.local().create()
    let token = try bench.token(.read)
    var held = try (0..<4).map { _ in try RawConnection(port: bench.port) }
    for connection in held {
      try connection.send(RawConnection.request("GET", "/v1/web/?list=", token: token))
      #expect(try connection.answer().status == 200)
    }
    let late = try RawConnection(port: bench.port)
    try late.send(RawConnection.request("GET", "/v1/web/?list=", token: token))
    late.limit(seconds: 1)
    #expect(throws: VarveError(.unavailable, "")) { try late.answer() }
    held.removeAll()
    late.limit(seconds: 120)
    #expect(try late.answer().status == 200)
  }
}
