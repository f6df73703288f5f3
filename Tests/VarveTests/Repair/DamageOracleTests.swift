import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Random damage: what a check names is what cannot be read, no more and no less, and repairs keep all the rest.
@Suite struct DamageOracleTests {
  private static func check(_ bench: PruneBench) throws -> CheckReport {
    var options = CheckOptions(readData: .all)
    options.record = false
    return try Check.run(storage: bench.storage, client: bench.bench.client, options: options) {
      try $0.unlock(.password(secret("password")), client: bench.bench.client)
    }
  }

  /// A file's bytes, or nil when they cannot be read.
  private static func read(
    _ bench: PruneBench, _ snapshot: Digest, _ name: String
  ) throws -> [UInt8]? {
    do {
      return try bench.bench.content(snapshot, "data/\(name)")
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      return nil
    }
  }

  private static func damage(_ bench: PruneBench, _ random: inout SeededGenerator) throws {
    let packs = try bench.names("packs/").sorted()
    for name in packs.shuffled(using: &random).prefix(Int.random(in: 1...3, using: &random)) {
      var bytes = try bench.storage.read(name)
      try bench.storage.remove(name)
      switch Int.random(in: 0..<5, using: &random) {
      case 0: continue
      case 1: bytes.removeLast(Int.random(in: 1..<bytes.count, using: &random))
      case 2: bytes[Int.random(in: 0..<128, using: &random)] ^= 8
      default: bytes[Int.random(in: 128..<bytes.count, using: &random)] ^= 8
      }
      try bench.storage.put(name, bytes)
    }
  }

  @Test(arguments: 0..<12) func namedIsWhatCannotBeRead(seed: Int) throws {
    var random = SeededGenerator(seed: UInt64(seed))
    let (bench, snapshots) = try StorageRepairTests.history(fileSize: 400_000)
    try Self.damage(bench, &random)
    let report = try Self.check(bench)
    #expect(report.isDamaged)
    var readable: [Digest: Set<String>] = [:]
    for snapshot in snapshots {
      let named = Set(
        (report.affected.first { $0.id == snapshot }?.paths ?? [])
          .map { String(decoding: $0, as: UTF8.self) })
      for (name, bytes) in try #require(bench.contents[snapshot]) {
        let found = try Self.read(bench, snapshot, name)
        #expect(found == nil || found == bytes)
        let isNamed = !named.isDisjoint(with: ["/", "data/", "data/\(name)"])
        #expect(isNamed == (found == nil), "\(name): \(named)")
        if found != nil { readable[snapshot, default: []].insert(name) }
      }
    }

    _ = try StorageRepair(bench.unlocked, reading: .all).run()
    var options = SnapshotRepair.Options()
    options.forgets = true
    let repaired = try SnapshotRepair(bench.unlocked, options: options).run(on: snapshots)
    #expect(try Self.check(bench).isOK)
    for snapshot in snapshots {
      var current = snapshot
      if let result = repaired.first(where: { $0.old == snapshot }) {
        guard case .repaired(let new?) = result.outcome else {
          #expect(readable[snapshot] == nil, "\(result.outcome)")
          continue
        }
        current = new
      }
      let root = try bench.unlocked.snapshotRecord(current).rootDirectory
      let reader = try IndexedRepository(bench.unlocked).makeReader()
      for (name, bytes) in try #require(bench.contents[snapshot]) {
        guard readable[snapshot]?.contains(name) == true else {
          let path = SnapshotPath(Array("data/\(name)".utf8))
          let entry = try? TreeLookup.entry(at: path, below: root, from: reader)
          #expect(entry == nil, "\(name)")
          continue
        }
        #expect(try Self.read(bench, current, name) == bytes, "\(name)")
      }
    }
    // And the same files once more.
    let new = try bench.backUp()
    for (name, bytes) in try #require(bench.contents[new]) {
      #expect(try Self.read(bench, new, name) == bytes, "\(name)")
    }
    try bench.prune()
    #expect(try Self.check(bench).isOK)
  }
}
