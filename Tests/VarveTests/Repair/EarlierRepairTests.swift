import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// How a repair of snapshots finds what an earlier one has made, and what that costs.
@Suite struct EarlierRepairTests {
  private static func recordsRead(_ storage: FarStorage) -> [String: Int] {
    storage.counts.reads.filter { $0.key.hasPrefix(ObjectName.snapshotPrefix) }
  }

  private static func repair(
    _ snapshots: [Digest], in repository: UnlockedRepository, isDryRun: Bool = false
  ) throws -> [SnapshotRepair.Repaired.Outcome] {
    var options = SnapshotRepair.Options()
    options.isDryRun = isDryRun
    return try SnapshotRepair(repository, options: options).run(on: snapshots).map(\.outcome)
  }

  /// Two commits' worth of snapshots, all of which need the same lost chunk.
  @Test func eachRecordIsReadOnceHoweverManyAreDamaged() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    let lost = noise(1_000, seed: 1)
    let damaged = try (0..<90).map { number in
      let record = try chunks.snapshot([("lost", .file(lost)), ("n", .text("\(number)"))])
      chunks.remove(SHA256.digest(lost))
      return try repository.add(record, chunks)
    }
    let far = FarStorage(repository.storage)
    let unlocked = try Repository.open(storage: far).unlock(
      .password(secret("secret")), client: repository.unlocked.client)

    let planned = try Self.repair(damaged, in: unlocked, isDryRun: true)
    #expect(planned == damaged.map { _ in .repaired(nil) })
    // Once to be looked at itself, once as what may be a repair of those before it.
    #expect(Self.recordsRead(far).values.allSatisfy { $0 <= 2 }, "\(Self.recordsRead(far))")

    far.resetCounts()
    let new = try Self.repair(damaged, in: unlocked).map { outcome in
      guard case .repaired(let id?) = outcome else {
        throw VarveError(.notFound, "\(outcome)")
      }
      return id
    }
    #expect(Self.recordsRead(far).values.allSatisfy { $0 <= 2 }, "\(Self.recordsRead(far))")

    far.resetCounts()
    #expect(try Self.repair(damaged, in: unlocked) == new.map { .isThere($0) })
    #expect(
      try Self.repair(damaged.reversed(), in: unlocked) == new.reversed().map { .isThere($0) })
    #expect(Self.recordsRead(far).values.allSatisfy { $0 <= 4 }, "\(Self.recordsRead(far))")

    // One that is forgotten is none.
    try unlocked.log.append { _ in [.forget(.init(snapshots: [new[3]], reason: "test"))] }
    #expect(try Self.repair([damaged[3]], in: unlocked, isDryRun: true) == [.repaired(nil)])
  }

  @Test func onlyRecordsOfTheSameSourceAreRead() throws {
    let bench = try PruneBench()
    try bench.write("f", noise(30_000, seed: 1))
    bench.bench.settle()
    func backUp(_ path: String) throws -> Digest {
      try #require(try bench.bench.backUp { $0.asPath = Array(path.utf8) }.snapshot)
    }
    let snapshots = try ["/one", "/two", "/one", "/two"].map(backUp)
    try bench.storage.remove(try StorageRepairTests.largestPack(bench))
    _ = try StorageRepairTests.repair(bench)
    let far = FarStorage(bench.storage)
    let unlocked = try bench.bench.unlocked(far)
    #expect(
      try Self.repair([snapshots[0]], in: unlocked, isDryRun: true) == [.repaired(nil)])
    #expect(
      Set(Self.recordsRead(far).keys)
        == [ObjectName.snapshot(snapshots[0]), ObjectName.snapshot(snapshots[2])])
  }
}
