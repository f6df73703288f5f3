import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

@Suite(.onOwnThreads) struct ServerConformanceTests {
  @Test(arguments: StorageConformance.cases)
  func overTLS(_ conformance: StorageConformance.Case) throws {
    let bench = try ServerBench(encrypted: true)
    try conformance.run(try bench.storage(.full, pageLimit: 700))
  }

  @Test(arguments: StorageConformance.cases.filter { $0.description.contains("list") })
  func listsInShortPages(_ conformance: StorageConformance.Case) throws {
    let bench = try ServerBench()
    try conformance.run(try bench.storage(.full, pageLimit: 2))
  }

  /// Eight writers, each with a token of its own that may only add: each commit has one winner, and its bytes stay.
  @Test func eightAppendersRaceForCommits() throws {
    let bench = try ServerBench(encrypted: true)
    let stores = try (0..<8).map { _ in try bench.storage(.append, connections: 1) }
    let winners = Mutex<[UInt64: [Int]]>([:])
    let problems = Mutex<[String]>([])
    let gate = Gate(count: 8)
    runThreads(8) { thread in
      for round in 0..<UInt64(200) {
        gate.wait()
        do {
          let bytes = Array("commit \(round) of \(thread)".utf8)
          if try stores[thread].createExclusively(ObjectName.commit(round), bytes) {
            winners.withLock { $0[round, default: []].append(thread) }
          } else if try stores[thread].read(ObjectName.commit(round)).isEmpty {
            problems.withLock { $0.append("a loser reads nothing") }
          }
        } catch {
          problems.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(problems.withLock { $0 } == [])
    for round in 0..<UInt64(200) {
      let winner = winners.withLock { $0[round] ?? [] }
      try #require(winner.count == 1, "round \(round): \(winner)")
      let bytes = Array("commit \(round) of \(winner[0])".utf8)
      #expect(try stores[0].read(ObjectName.commit(round)) == bytes)
      #expect(try bench.local().read(ObjectName.commit(round)) == bytes)
    }
  }

  /// The directory is a repository like any other: what one side stores the other one reads.
  @Test func theDirectoryIsALocalStore() throws {
    let bench = try ServerBench()
    let remote = try bench.storage(.full)
    let bytes = [UInt8](repeating: 7, count: 70_000)
    let name = ObjectName.pack(SHA256.digest(bytes))
    try remote.put(name, bytes)
    #expect(try bench.local().read(name) == bytes)
    try bench.local().put("log/checkpoint", [1, 2])
    #expect(try remote.read("log/checkpoint") == [1, 2])
    #expect(
      try remote.modificationTime(name) == (try bench.local().modificationTime(name)))
    #expect(try remote.modificationTime("log/tile/0") == nil)
    try remote.settle(name)
    #expect(throws: VarveError(.missing, "")) { try remote.settle("log/tile/0") }
  }

  @Test func repositoriesAreMadeByPost() throws {
    let bench = try ServerBench()
    let store = try bench.storage(token: try bench.token(.full))
    #expect(throws: VarveError(.noRepository, "")) { try store.put("log/checkpoint", [1]) }
    #expect(throws: VarveError(.missing, "")) { try store.read("log/checkpoint") }
    #expect(try store.size("config") == nil)
    var names: [String] = []
    try store.list("") { name, _ in names.append(name) }
    #expect(names == [])
    try store.create()
    try store.create()
    try store.put("log/checkpoint", [1])
    #expect(bench.local().exists)
    for kind in [AccessKind.read, .append] {
      let store = try bench.storage(token: try bench.token(kind, for: "new"), of: "new")
      #expect(throws: VarveError(.forbidden, "")) { try store.create() }
    }
    #expect(!bench.local("new").exists)
  }

  /// A longer object than any is damage, and not trouble of the network: nobody asks again for it.
  @Test func objectsThatAreLongerThanAny() throws {
    let bench = try ServerBench()
    let store = try bench.storage(.full)
    try bench.local().put("log/checkpoint", [UInt8](repeating: 1, count: 1 << 20))
    #expect(try store.read("log/checkpoint").count == 1 << 20)
    try bench.local().put("log/checkpoint", [UInt8](repeating: 1, count: (1 << 20) + 1))
    #expect(throws: VarveError(.damaged, "")) { try store.read("log/checkpoint") }
  }

  /// What an append-only server must refuse comes to the caller as that, and not as trouble of the network.
  @Test func refusalsKeepTheirMeaning() throws {
    let bench = try ServerBench { $0.quotas.general = 5_000 }
    let store = try bench.storage(.append)
    let bytes: [UInt8] = [1, 2, 3]
    #expect(throws: VarveError(.damaged, "")) {
      try store.put(ObjectName.pack(SHA256.digest([9])), bytes)
    }
    #expect(throws: VarveError(.io, "")) {
      try store.put("log/checkpoint", [UInt8](repeating: 1, count: 6_000))
    }
    #expect(throws: VarveError(.forbidden, "")) { try store.remove("log/checkpoint") }
    #expect(throws: VarveError(.forbidden, "")) {
      try bench.storage(token: nil).read("config")
    }
    #expect(throws: VarveError(.forbidden, "")) {
      try bench.storage(token: "vst_wrong").read("config")
    }
    bench.stop()
    #expect(throws: VarveError(.unavailable, "")) { try store.read("config") }
  }
}
