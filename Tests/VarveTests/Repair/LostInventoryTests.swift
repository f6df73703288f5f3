import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Inventories that are damaged, missing, or were never there: reading and storing go on, deleting does not.
@Suite struct LostInventoryTests {
  /// Three snapshots, of which the second added so many packs that its entry names an inventory.
  private static func history() throws -> (PruneBench, inventory: String) {
    let bench = try PruneBench(chunks: .standard, packSize: 16 << 10)
    try bench.write("first", noise(30_000, seed: 1))
    try bench.backUp()
    // Each a chunk that has a block, and a pack, of its own.
    for number in 0..<40 {
      try bench.write("f\(number)", noise(300_000, seed: UInt64(100 + number)))
    }
    try bench.backUp()
    try bench.write("last", noise(30_000, seed: 2))
    try bench.backUp()
    let inventories = try bench.names("inventories/")
    try #require(inventories.count == 1)
    return (bench, try #require(inventories.first))
  }

  private static func listed(_ inventory: String, _ bench: PruneBench) throws -> [String] {
    try Inventory(decoding: try bench.storage.read(inventory)).objects.map(\.name)
  }

  @Test(arguments: StorageRepairTests.Harm.allCases)
  func whatWasAddedIsStillThere(harm: StorageRepairTests.Harm) throws {
    let (bench, inventory) = try Self.history()
    let listed = Set(try Self.listed(inventory, bench)).filter { $0.hasPrefix("packs/") }
    try #require(listed.count > 32)
    try StorageRepairTests.harm(harm, inventory, bench)
    let before = try bench.names("")

    // Reading goes on, and says so.
    let opened = try IndexedRepository(bench.unlocked)
    #expect(opened.failures.map(\.code) == [harm == .removed ? .missing : .damaged])
    #expect(opened.failures.first?.message.contains(inventory) == true)
    try StorageRepairTests.expectContents(bench)

    // Nothing is deleted.
    let refusal = #expect(throws: VarveError.self) { try bench.prune() }
    #expect(refusal.map { "\($0)".contains(inventory) } == true)
    #expect(refusal?.hint?.contains("varve repair index") == true)
    #expect(try bench.names("") == before)

    // The repair finds what it listed.
    let report = try StorageRepairTests.repair(bench)
    #expect(Set(report.plan.returnedPacks.map(\.name)) == listed)
    #expect(report.plan.lostPacks.isEmpty && report.plan.lostSegments.isEmpty)
    #expect(bench.unlocked.log.state.repacks.last?.reason == .repair)
    #expect(try StorageRepairTests.repair(bench).plan.isEmpty)
    try StorageRepairTests.expectContents(bench)
    #expect(try bench.prune().plan.orphans.isEmpty)
    try StorageRepairTests.expectContents(bench)
    #expect(try bench.names("packs/").isSuperset(of: listed))
    // Nothing is stored again now.
    let packs = try bench.names("packs/").count
    #expect(try bench.bench.backUp().snapshot != nil)
    #expect(try bench.names("packs/").count <= packs + 2)
  }

  /// A backup relies on nothing that may be an orphan: what only the lost inventory lists is stored again.
  @Test func aBackupStoresAgainWhatIsNotKnown() throws {
    let (bench, inventory) = try Self.history()
    let listed = try Self.listed(inventory, bench)
    try StorageRepairTests.harm(.flipped, inventory, bench)
    let newest = try bench.backUp()
    for name in listed { try bench.storage.remove(name) }
    for (name, bytes) in try #require(bench.contents[newest]) {
      #expect(try bench.bench.content(newest, "data/\(name)") == bytes)
    }
  }

  /// An entry may name an inventory that never was.
  @Test(arguments: [false, true]) func anEntryNamesNoInventory(withOrphan: Bool) throws {
    let bench = try PruneBench()
    try bench.write("a", noise(30_000, seed: 1))
    try bench.backUp()
    try bench.unlocked.log.append { _ in
      [.repack(.init(additions: .inventory(Digest(1, 2, 3, 4)), reason: .prune))]
    }
    let orphan = noise(20_000, seed: 9)
    let name = ObjectName.pack(SHA256.digest(orphan))
    if withOrphan {
      try bench.storage.put(name, orphan)
      #expect(throws: VarveError(.missing, "")) { try bench.prune() }
      #expect(try StorageRepairTests.repair(bench).plan.lostLists.count == 1)
    }
    try StorageRepairTests.expectContents(bench)
    try bench.write("b", noise(30_000, seed: 2))
    let newest = try bench.backUp()
    try bench.forget([try #require(bench.unlocked.log.state.snapshotsInOrder.first).id])
    // What the inventory may have listed stays for ever.
    #expect(try bench.prune().plan.orphans.isEmpty)
    if withOrphan { #expect(try bench.storage.size(name) != nil) }
    try StorageRepairTests.expectContents(bench)
    #expect(bench.unlocked.log.state.snapshots[newest] != nil)
  }

  /// What is condemned is not known: reading takes nothing for dead, storing relies on nothing older.
  @Test(arguments: ["condemned", "swept", "lost"]) func whatIsDeadIsNotKnown(_ what: String) throws
  {
    let bench = try PruneBench()
    try bench.write("a", noise(30_000, seed: 1))
    let first = try bench.backUp()
    let old = try bench.names("packs/")
    let list = ObjectList.inventory(Digest(1, 2, 3, 4))
    try bench.unlocked.log.append { state in
      switch what {
      case "lost": [.lost(.init(objects: list))]
      case "swept": [.condemn(.init(objects: list)), .sweep(.init(condemned: [state.size]))]
      default: [.condemn(.init(objects: list))]
      }
    }
    try StorageRepairTests.expectContents(bench)
    let acts: [() throws -> Void] = [
      { try bench.prune() }, { _ = try StorageRepairTests.repair(bench) },
    ]
    for act in acts {
      let refusal = #expect(throws: VarveError.self) { try act() }
      #expect(refusal?.code == .missing)
      #expect(refusal?.hint?.contains("copy of the repository") == true)
    }
    let newest = try bench.backUp()
    #expect(newest != first)
    for name in old { try bench.storage.remove(name) }
    #expect(
      try bench.bench.content(newest, "data/a") == (try #require(bench.contents[newest]?["a"])))
  }

  /// Objects of versions that this program does not know count as damaged, each for itself.
  @Test func aSegmentOfAnotherVersion() throws {
    let (bench, _) = try StorageRepairTests.history()
    let good = try #require(try bench.names("index/").sorted().first)
    var bytes = try bench.storage.read(good)
    bytes[9] ^= 0x40
    let name = ObjectName.index(SHA256.digest(bytes))
    try bench.storage.put(name, bytes)
    try bench.unlocked.log.append { _ in
      [
        .repack(
          .init(
            additions: .listed([ObjectReference(name: name, size: UInt64(bytes.count))]),
            reason: .index))
      ]
    }
    #expect(try IndexedRepository(bench.unlocked).failures.map(\.code) == [.damaged])
    try StorageRepairTests.expectContents(bench)
    try bench.write("new", noise(10_000, seed: 77))
    try bench.backUp()
    let report = try StorageRepairTests.repair(bench)
    #expect(report.plan.lostSegments.map(\.object.name) == [name])
    #expect(report.plan.lostPacks.isEmpty)
    #expect(try IndexedRepository(bench.unlocked).failures.isEmpty)
    try bench.prune()
    try StorageRepairTests.expectContents(bench)
  }

  /// A record is refused by itself; the others open.
  @Test func aRecordOfAnotherVersion() throws {
    let (bench, snapshots) = try StorageRepairTests.history()
    var bytes = try bench.storage.read(ObjectName.snapshot(snapshots[0]))
    bytes[9] ^= 0x40
    let id = SHA256.digest(bytes)
    try bench.storage.put(ObjectName.snapshot(id), bytes)
    try bench.unlocked.log.append { _ in
      [.snapshot(.init(snapshot: id, additions: .listed([])))]
    }
    let error = #expect(throws: VarveError.self) { try bench.unlocked.snapshotRecord(id) }
    #expect(error?.code == .damaged && error?.hint?.contains("newer version") == true)
    for snapshot in snapshots { _ = try bench.unlocked.snapshotRecord(snapshot) }
    let report = try Check.run(
      storage: bench.storage, client: bench.bench.client, options: CheckOptions()
    ) { try $0.unlock(.password(secret("password")), client: bench.bench.client) }
    #expect(report.damages.map(\.object) == [ObjectName.snapshot(id)])
    #expect(throws: VarveError(.damaged, "")) { try bench.prune() }
  }
}
