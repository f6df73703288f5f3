import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveStorage
import VarveTestSupport

/// A network that fails at any one request, in any way: what was asked for is done once, no wrong bytes are read, and nobody
/// waits for ever.
@Suite struct S3FaultTests {
  private static let pack: [UInt8] = (0..<40_000).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
  private static let packName = ObjectName.pack(SHA256.digest(pack))
  private static let large = [UInt8](repeating: 5, count: 11 << 20)

  /// What a client does; throws where it is told something wrong.
  private static func sequence(_ store: any StorageBackend, isDuplicate: Bool) throws {
    try store.create()
    try store.put(packName, pack)
    for number in 0..<3 {
      let bytes = [UInt8](repeating: UInt8(number), count: 300 + number)
      let isMine = try store.createExclusively(ObjectName.commit(UInt64(number)), bytes)
      let stored = try store.read(ObjectName.commit(UInt64(number)))
      try #require(stored == bytes, "what was created reads back")
      // Of a request that came twice the second answer may have come: whoever gets it has to read back.
      try #require(isMine || isDuplicate, "commit \(number) is ours")
    }
    try #require(
      try !store.createExclusively(ObjectName.commit(1), [9]), "what is there is not replaced")
    try #require(try store.read(packName) == pack)
    try #require(
      try store.read(packName, offset: 100, count: 5_000) == Array(pack[100..<5_100]))
    try #require(try store.size(packName) == UInt64(pack.count))
    try #require(try store.size("keys/none") == nil)
    #expect(throws: VarveError(.missing, "")) { try store.read("keys/none") }
    try store.put("log/checkpoint", [1])
    try store.put("log/checkpoint", [2])
    try #require(try store.read("log/checkpoint") == [2])
    try store.put("keys/gone", [1])
    try store.remove("keys/gone")
    var names: [String: UInt64] = [:]
    try store.list("") { name, size in
      let before = names.updateValue(size, forKey: name)
      try #require(before == nil, "\(name) is listed once")
    }
    try #require(
      names == [
        packName: UInt64(pack.count), ObjectName.commit(0): 300, ObjectName.commit(1): 301,
        ObjectName.commit(2): 302, "log/checkpoint": 1,
      ])
  }

  private static func server() -> MemoryS3 {
    var behaviour = MemoryS3.Behaviour()
    behaviour.pageSize = 2
    return MemoryS3(behaviour)
  }

  @Test(arguments: FaultProxy.Fault.all)
  func atEveryRequest(_ fault: FaultProxy.Fault) throws {
    var index = 0
    var count = 1
    while index < count {
      let server = Self.server()
      let proxy = FaultProxy(to: server) { [index] number, _ in
        number == index ? fault : .pass
      }
      let store = RetryStorage(try S3Storage.test(proxy), .quick)
      do {
        try Self.sequence(store, isDuplicate: fault == .duplicate)
      } catch {
        Issue.record("\(fault) at request \(index): \(error)")
      }
      count = proxy.count
      index += 1
    }
    #expect(count >= 25)
  }

  /// One request in four fails, in any way.
  @Test(arguments: UInt64(0)..<8) func atManyRequests(_ seed: UInt64) throws {
    let rounds = TestTools.isSoak ? 200 : 4
    for round in 0..<rounds {
      let server = Self.server()
      let faults = FaultProxy.Fault.all
      let proxy = FaultProxy(to: server) { number, _ in
        var random = SeededGenerator(seed: seed << 40 ^ UInt64(round) << 20 ^ UInt64(number))
        return Int.random(in: 0..<4, using: &random) == 0
          ? faults[Int.random(in: 0..<faults.count, using: &random)] : .pass
      }
      let store = RetryStorage(try S3Storage.test(proxy), .quick)
      do {
        try Self.sequence(store, isDuplicate: true)
      } catch {
        Issue.record("seed \(seed), round \(round): \(error)")
      }
    }
  }

  /// Uploads in parts, with a fault at each request of them.
  @Test(arguments: FaultProxy.Fault.all)
  func atEveryRequestOfAnUpload(_ fault: FaultProxy.Fault) throws {
    for index in 0..<5 {
      let server = MemoryS3()
      let proxy = FaultProxy(to: server) { number, _ in number == index ? fault : .pass }
      let store = RetryStorage(
        try S3Storage.test(proxy) { $0.multipartSize = 5 << 20 }, .quick)
      try store.put("packs/00/large", Self.large)
      #expect(server.objects["repository/packs/00/large"] == Self.large)
    }
  }

  /// A server that says nothing any more is given up after the time that was set.
  @Test func aServerThatStalls() throws {
    let server = MemoryS3()
    let proxy = FaultProxy(to: server) { number, _ in number == 1 ? .stall : .pass }
    let store = RetryStorage(
      try S3Storage.test(proxy) { $0.exchange.idleSeconds = 1 }, .quick)
    #expect(try store.createExclusively("log/commits/0", [1]))
    #expect(try store.createExclusively("log/commits/1", [2]), "its answer was lost; it is ours")
    #expect(try store.read("log/commits/1") == [2])
  }

  /// For good: a clear error.
  @Test func aServerThatIsGone() throws {
    let server = MemoryS3()
    let proxy = FaultProxy(to: server) { _, _ in .dropBefore }
    var policy = RetryPolicy.quick
    policy.limit = 0.2
    let store = RetryStorage(try S3Storage.test(proxy) { $0.retry = policy }, policy)
    let error = #expect(throws: VarveError.self) { try store.put("keys/a", [1]) }
    #expect(error?.code == .unavailable)
    #expect(error.map { "\($0)".contains("given up") } == true)
    #expect(throws: VarveError(.unavailable, "")) { try store.list("") { _, _ in } }
  }

  /// Eight clients race through a network that fails: never two winners.
  @Test func races() throws {
    let server = MemoryS3()
    let proxy = FaultProxy(to: server) { number, _ in
      switch number % 7 {
      case 0: .dropAfter
      case 3: .answer(503, "SlowDown")
      case 5: .truncate
      default: .pass
      }
    }
    let store = RetryStorage(try S3Storage.test(proxy), .quick)
    let race = try #require(StorageConformance.cases.first { $0.description.contains("racing") })
    try race.run(store)
  }
}
