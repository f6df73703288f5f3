import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Pruning where something is missing, held or full.
@Suite struct PruneDamageTests {
  /// Snapshots whose chunks lie in two packs each: a prune copied them, and was undone.
  private static func twice() throws -> (PruneBench, copies: Set<String>) {
    let bench = try PruneBench()
    var snapshots: [Digest] = []
    for round in 0..<2 {
      for number in 0..<6 where round == 0 || number < 3 {
        try bench.write("f\(number)", noise(30_000, seed: UInt64(100 * round + number + 1)))
      }
      snapshots.append(try bench.backUp())
    }
    try bench.forget([snapshots[0]])
    let before = try bench.names("packs/")
    try #require(try bench.prune { $0.grace = 3600 }.plan.repackedPacks.count > 0)
    try #require(try Undo(bench.unlocked).run([snapshots[0]]).count == 1)
    return (bench, try bench.names("packs/").subtracting(before))
  }

  private static func storedBytes(_ bench: PruneBench) throws -> [String: [UInt8]] {
    var objects: [String: [UInt8]] = [:]
    for name in try bench.names("") { objects[name] = try bench.storage.read(name) }
    return objects
  }

  /// A prune before the repair keeps whatever the repair would have found, and says what is wrong.
  @Test(arguments: [StorageRepairTests.Harm.removed, .cut])
  func aPackThatIsNotThereStopsIt(harm: StorageRepairTests.Harm) throws {
    var (refusals, rounds) = (0, 0)
    // Which pack is which is a matter of random names.
    while refusals < 2 && rounds < 20 {
      rounds += 1
      for number in 0..<(try Self.twice().0.names("packs/").count) {
        refusals += try isRefused(harm, number) ? 1 : 0
      }
    }
    #expect(refusals > 1)
  }

  private func isRefused(_ harm: StorageRepairTests.Harm, _ number: Int) throws -> Bool {
    var isRefused = false
    let (bench, _) = try Self.twice()
    let names = try bench.names("packs/").sorted()
    guard number < names.count else { return false }
    let name = names[number]
    let good = try bench.storage.read(name)
    try StorageRepairTests.harm(harm, name, bench)
    let before = try Self.storedBytes(bench)
    do {
      try bench.prune()
      // Nothing needed it: each chunk of it is elsewhere, too.
      _ = try StorageRepairTests.repair(bench)
    } catch let error as VarveError {
      isRefused = true
      #expect(error.code == (harm == .removed ? .missing : .damaged), "\(error)")
      #expect("\(error)".contains(name) && error.hint?.contains("varve check") == true)
      #expect(try Self.storedBytes(bench) == before)
      try bench.storage.put(name, good)
    }
    try StorageRepairTests.expectContents(bench, name)
    return isRefused
  }

  /// What lies in two packs outlives the loss of either.
  @Test func theOtherPackIsFoundByTheRepair() throws {
    let (bench, copies) = try Self.twice()
    try #require(!copies.isEmpty)
    for name in copies { try bench.storage.remove(name) }
    _ = try? bench.prune()
    _ = try StorageRepairTests.repair(bench)
    try StorageRepairTests.expectContents(bench)
    try bench.prune()
    try bench.expectIntact()
  }

  /// Two snapshots of different files; the first is held, and of its files or of its trees all are lost and logged as lost.
  private static func heldAndLost(trees: Bool) throws -> (PruneBench, held: Digest, name: String) {
    let bench = try PruneBench()
    try bench.write("f", noise(60_000, seed: 1))
    let held = try bench.backUp()
    let packs = try bench.names("packs/")
    let sizes = try packs.map { ($0, try bench.storage.read($0).count) }.sorted { $0.1 < $1.1 }
    let name = try #require(trees ? sizes.first : sizes.last).0
    bench.remove("f")
    try bench.write("g", noise(60_000, seed: 2))
    try bench.backUp()
    try bench.write("g", noise(60_000, seed: 3))
    try bench.backUp()
    try bench.unlocked.log.refresh()
    try bench.unlocked.log.append { _ in
      [.hold(.init(snapshots: [held], term: .permanent, reason: ""))]
    }
    try bench.storage.remove(name)
    return (bench, held, name)
  }

  @Test(arguments: [false, true]) func whatAHoldKeepsAndIsLostIsPassedOver(trees: Bool) throws {
    let (bench, held, name) = try Self.heldAndLost(trees: trees)
    #expect(throws: VarveError(.missing, "")) { try bench.prune() }
    _ = try StorageRepairTests.repair(bench)
    #expect(try LiveObjects(bench.unlocked.log.state, storage: bench.storage).lost.count > 0)
    let others = bench.unlocked.log.state.snapshotsInOrder.map(\.id).filter { $0 != held }
    try bench.forget([others[0]])
    let report = try bench.prune()
    #expect(report.plan.heldWithLosses == [held])
    #expect(report.deletedObjects > 0)
    // A pack that is lost may turn up again.
    #expect(report.plan.lost.isEmpty)
    #expect(try LiveObjects(bench.unlocked.log.state, storage: bench.storage).lost.count > 0)
    for (file, bytes) in try #require(bench.contents[others[1]]) {
      #expect(try bench.bench.content(others[1], "data/\(file)") == bytes)
    }
    #expect(try bench.prune().plan.isEmpty, "\(name)")
  }

  /// Whoever is not held is repaired or forgotten first.
  @Test func whatNoHoldKeepsIsNotPassedOver() throws {
    let (bench, held, _) = try Self.heldAndLost(trees: false)
    try bench.unlocked.log.refresh()
    let other = try bench.unlocked.snapshotRecord(held)
    let object = try bench.unlocked.seal(other)
    let id = SHA256.digest(object)
    try bench.storage.put(ObjectName.snapshot(id), object)
    try bench.unlocked.log.append { _ in [.snapshot(.init(snapshot: id, additions: .listed([])))] }
    _ = try StorageRepairTests.repair(bench)
    let before = try Self.storedBytes(bench)
    let error = #expect(throws: VarveError.self) { try bench.prune() }
    #expect(error?.code == .missing)
    #expect(try Self.storedBytes(bench) == before)
    try bench.forget([id])
    #expect(try bench.prune().plan.heldWithLosses == [held])
  }

  /// Storage in which there is no room for packs, once it is full.
  private final class FullStorage: StorageBackend {
    private let base: MemoryStorage
    let packsLeft = Atomic<Int>(.max)

    init(_ base: MemoryStorage) { self.base = base }

    var location: String { base.location }
    func read(_ name: String) throws -> [UInt8] { try base.read(name) }
    func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
      try base.read(name, offset: offset, into: buffer)
    }
    func size(_ name: String) throws -> UInt64? { try base.size(name) }
    func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
      if name.hasPrefix(ObjectName.packPrefix),
        packsLeft.subtract(1, ordering: .relaxed).oldValue <= 0
      {
        throw VarveError(system: ENOSPC, "cannot write \(name)")
      }
      try base.put(name, bytes)
    }
    func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
      try base.createExclusively(name, bytes)
    }
    func remove(_ name: String) throws { try base.remove(name) }
    func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
      try base.list(prefix, body)
    }
    func modificationTime(_ name: String) throws -> Timestamp? { try base.modificationTime(name) }
  }

  /// What was condemned before is deleted first; what was copied in vain is not left behind.
  @Test(arguments: [0, 1]) func aFullDiskGetsRoom(packsLeft: Int) throws {
    // Two files a pack.
    let bench = try PruneBench(chunks: .standard, packSize: 500_000)
    var snapshots: [Digest] = []
    for round in 0..<3 {
      for number in 0..<10 where round == 0 || number % 3 == round {
        try bench.write("f\(number)", noise(300_000, seed: UInt64(100 * round + number + 1)))
      }
      snapshots.append(try bench.backUp())
    }
    try bench.write("only here", noise(600_000, seed: 50))
    snapshots.append(try bench.backUp())
    bench.remove("only here")
    snapshots.append(try bench.backUp())
    try bench.forget([snapshots[3]])
    let first = try bench.prune {
      $0.grace = 3600
      $0.maxUnused = .unlimited
    }
    try #require(first.condemnedByteCount > 600_000)
    try bench.forget([snapshots[0], snapshots[1]])

    let full = FullStorage(bench.storage)
    full.packsLeft.store(packsLeft, ordering: .relaxed)
    let before = try bench.names("packs/")
    let condemned = try #require(bench.unlocked.log.state.openCondemnations.first)
      .objects.objects(in: bench.storage).map(\.name)
    var options = PruneOptions()
    options.grace = 0
    options.maxUnused = .bytes(0)
    options.workers = 1
    let error = #expect(throws: VarveError.self) {
      try Prune(bench.bench.unlocked(full), options: options).run()
    }
    #expect(error?.code == .io && error?.hint?.contains("--max-unused unlimited") == true)
    #expect(try bench.names("packs/") == before.subtracting(condemned))
    try bench.unlocked.log.refresh()
    #expect(bench.unlocked.log.state.openCondemnations.isEmpty)
    try StorageRepairTests.expectContents(bench)
    // With room it goes on.
    #expect(try bench.prune().condemnation != nil)
    try bench.expectIntact()
  }

  /// Only what was there was freed.
  @Test func whatIsNotThereIsNotCounted() throws {
    let bench = try PruneBench()
    try bench.write("f", noise(60_000, seed: 1))
    let first = try bench.backUp()
    let pack = try StorageRepairTests.largestPack(bench)
    try bench.write("f", noise(60_000, seed: 2))
    try bench.backUp()
    try bench.forget([first])
    try bench.storage.remove(pack)
    let before = try Self.storedBytes(bench)
    let report = try bench.prune()
    let after = try Self.storedBytes(bench)
    let gone = before.filter { after[$0.key] == nil }
    #expect(report.deletedObjects == UInt64(gone.count))
    #expect(report.deletedByteCount == gone.values.reduce(0) { $0 + UInt64($1.count) })
    try bench.expectIntact()
  }
}
