import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// What was forgotten, condemned, swept or lost is allowed to be gone, and until it is swept, to be there.
@Suite struct CheckDeletionTests {
  /// Forgets the newest snapshot.
  ///
  /// - Returns: its record, and the packs and segments that no other snapshot needs.
  private static func forgetNewest(_ bench: CheckBench) throws -> [ObjectReference] {
    let log = bench.bench.unlocked.log
    let newest = bench.snapshots[1]
    var objects = [
      ObjectReference(
        name: ObjectName.snapshot(newest),
        size: try #require(try bench.storage.size(ObjectName.snapshot(newest))))
    ]
    try log.forEachEntry { entry in
      guard case .snapshot(let addition) = entry.statement.body, addition.snapshot == newest else {
        return
      }
      objects += try addition.additions.objects(in: bench.storage)
    }
    try log.append { _ in [.forget(.init(snapshots: [newest], reason: "test"))] }
    return objects.sorted()
  }

  /// The objects as a log entry lists them, or in an inventory.
  private static func list(
    _ objects: [ObjectReference], inInventory: Bool, _ bench: CheckBench
  ) throws -> ObjectList {
    guard inInventory else { return .listed(objects) }
    let bytes = Inventory(objects).encode()
    let digest = SHA256.digest(bytes)
    try bench.storage.put(ObjectName.inventory(digest), bytes)
    return .inventory(digest)
  }

  @Test(arguments: [false, true]) func fromForgettingToSweeping(inInventory: Bool) throws {
    let bench = try CheckBench()
    let log = bench.bench.unlocked.log
    let objects = try Self.forgetNewest(bench)
    #expect(objects.count >= 3)
    func expectIntact(_ unreferenced: [ObjectReference] = [], snapshots: UInt64 = 1) throws {
      let report = try bench.check()
      #expect(report.isOK, "\(report.damages)")
      #expect(report.unreferenced == unreferenced)
      #expect(report.snapshots == snapshots)
      #expect(report.notChecked.isEmpty)
    }
    try expectIntact()
    let list = try Self.list(objects, inInventory: inInventory, bench)
    let condemned = try log.append { _ in [.condemn(.init(objects: list))] }
    try expectIntact()
    try log.append { _ in
      [.undo(.init(snapshots: [bench.snapshots[1]], condemned: condemned))]
    }
    try expectIntact(snapshots: 2)
    try log.append { _ in [.forget(.init(snapshots: [bench.snapshots[1]], reason: "again"))] }
    let again = try log.append { _ in [.condemn(.init(objects: list))] }
    // Nobody needs what is condemned.
    let first = try #require(objects.first)
    let bytes = try bench.storage.read(first.name)
    try bench.storage.remove(first.name)
    try expectIntact()
    try bench.storage.put(first.name, bytes)
    try log.append { _ in [.sweep(.init(condemned: again))] }
    try expectIntact(objects)
    for object in objects { try bench.storage.remove(object.name) }
    try expectIntact()

    guard let inventory = list.inventory else { return }
    // What was condemned cannot be known: what is not there need not be damage.
    try bench.storage.remove(ObjectName.inventory(inventory))
    let report = try bench.check()
    #expect(report.damages.map(\.object) == [ObjectName.inventory(inventory)])
    #expect(!report.notChecked.isEmpty)
  }

  @Test func whatIsLostMayBeGoneAndItsFilesAreNamed() throws {
    let bench = try CheckBench()
    let name = ObjectName.pack(try bench.place(of: "data/f3").pack)
    let pack = ObjectReference(name: name, size: try #require(try bench.storage.size(name)))
    try bench.bench.unlocked.log.append { _ in [.lost(.init(objects: .listed([pack])))] }
    for isThere in [true, false] {
      if !isThere { try bench.storage.remove(name) }
      let report = try bench.check()
      #expect(report.isDamaged)
      #expect(!report.damages.contains { $0.object == name })
      #expect(report.unreferenced.isEmpty)
      #expect(!report.affected.isEmpty)
    }
  }
}
