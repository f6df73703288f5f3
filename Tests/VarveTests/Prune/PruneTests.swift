import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

func unlinkFile(_ path: String) { unlink(path) }

func secret(_ text: String) -> SecretBytes { SecretBytes(copying: Array(text.utf8)) }

@Suite struct PruneTests {
  /// Three snapshots of ten files, of which each time some are new.
  static func history() throws -> (PruneBench, [Digest]) {
    let bench = try PruneBench()
    var snapshots: [Digest] = []
    for round in 0..<3 {
      for number in 0..<10 where round == 0 || number % 3 == round {
        try bench.write("f\(number)", noise(30_000, seed: UInt64(100 * round + number + 1)))
      }
      snapshots.append(try bench.backUp())
    }
    return (bench, snapshots)
  }

  @Test func whatNobodyNeedsGoes() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[0], snapshots[1]])
    let before = try bench.names("packs/")
    let report = try bench.prune()
    #expect(report.plan.unusedByteCount > 100_000)
    #expect(report.deletedObjects > 0)
    #expect(report.condemnation != nil)
    #expect(try bench.names("packs/") != before)
    #expect(try bench.names("snapshots/") == [ObjectName.snapshot(snapshots[2])])
    #expect(try bench.names("sessions/").isEmpty)
    try bench.expectIntact()
    let again = try bench.prune()
    #expect(again.plan.isEmpty, "\(again.plan)")
    #expect(again.plan.unusedByteCount == 0)
  }

  @Test func aPlanChangesNothing() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[1]])
    let before = try bench.names("")
    let size = bench.unlocked.log.state.size
    let plan = try Prune(bench.unlocked).plan()
    #expect(!plan.isEmpty)
    #expect(try bench.names("") == before)
    #expect(bench.unlocked.log.state.size == size)
  }

  @Test func nothingForgottenNothingToDo() throws {
    let (bench, _) = try Self.history()
    let size = bench.unlocked.log.state.size
    let report = try bench.prune()
    #expect(report.plan.isEmpty)
    #expect(bench.unlocked.log.state.size == size)
  }

  @Test func graceComesBeforeDeletion() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[0]])
    let report = try bench.prune { $0.grace = 3600 }
    #expect(report.condemnation != nil && report.deletedObjects == 0)
    try bench.expectIntact()
    // The second prune finds everything condemned already.
    let again = try bench.prune { $0.grace = 3600 }
    #expect(again.condemnation == nil && again.deletedObjects == 0)
    // That it is there still, and until when, is said.
    #expect(report.plan.waitingObjects == 0 && report.plan.waitingUntil == nil)
    #expect(again.plan.isEmpty && again.plan.waitingObjects == report.condemnedObjects)
    #expect(again.plan.waitingByteCount == report.condemnedByteCount)
    let until = try #require(again.plan.waitingUntil)
    #expect((3_000...3_601).contains(until.seconds - WallClock.now().seconds))
    let endless = try bench.prune { $0.grace = 300_000_000_000 }
    #expect(endless.plan.waitingUntil?.seconds == 253_402_300_799)
    let last = try bench.prune()
    #expect(last.plan.waitingObjects == 0 && last.plan.waitingUntil == nil)
    #expect(last.deletedObjects > 0)
    try bench.expectIntact()
  }

  @Test func undoUntilSwept() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[0], snapshots[1]])
    try bench.prune { $0.grace = 3600 }
    #expect(try Undo.candidates(bench.unlocked).map(\.snapshot.id).count == 2)
    #expect(try Undo(bench.unlocked).run([snapshots[1]]).count == 1)
    #expect(bench.unlocked.log.state.snapshots[snapshots[1]] != nil)
    try bench.expectIntact()
    try bench.prune()
    try bench.expectIntact()
    #expect(try Undo.candidates(bench.unlocked).isEmpty)
    #expect(throws: VarveError(.notFound, "")) { try Undo(bench.unlocked).run([snapshots[0]]) }
    #expect(throws: VarveError(.notFound, "")) { try Undo(bench.unlocked).run([snapshots[2]]) }
  }

  /// A prune that was stopped before it deleted a record which its entry sweeps: the next one may go on at any moment. Many
  /// records are condemned in an inventory.
  @Test(arguments: [1, 40]) func whatIsSweptAndNotYetDeletedStaysForgotten(count: Int) throws {
    let bench = try PruneBench()
    try bench.write("f", noise(3_000, seed: 1))
    try bench.backUp()
    let record = try bench.unlocked.snapshotRecord(bench.contents.keys.first ?? .zero)
    var forgotten: [Digest] = []
    for _ in 0..<count {
      let object = try bench.unlocked.seal(record)
      let id = SHA256.digest(object)
      try bench.storage.put(ObjectName.snapshot(id), object)
      try bench.unlocked.log.append { _ in
        [.snapshot(.init(snapshot: id, additions: .listed([])))]
      }
      forgotten.append(id)
    }
    try bench.forget(forgotten)
    let stopped = FaultStorage(bench.storage) { operation, _ in
      if case .remove(let name) = operation, name.hasPrefix(ObjectName.snapshotPrefix) {
        return .failBeforeEffect
      }
      return .pass
    }
    var options = PruneOptions()
    options.grace = 0
    #expect(throws: VarveError(.io, "")) {
      try Prune(bench.bench.unlocked(stopped), options: options).run()
    }
    #expect(try bench.storage.size(ObjectName.snapshot(forgotten[0])) != nil)
    #expect(throws: VarveError(.notFound, "")) { try Undo(bench.unlocked).run([forgotten[0]]) }
    try bench.prune()
    try bench.expectIntact()
  }

  @Test(arguments: [0, 1, 2]) func whatIsForgottenAndSavedAgainIsThere(kept: Int) throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget(snapshots.enumerated().filter { $0.offset != kept }.map(\.element))
    try bench.prune()
    try bench.expectIntact()
    for number in 0..<10 { try bench.write("f\(number)", noise(30_000, seed: UInt64(number + 1))) }
    try bench.backUp()
    try bench.expectIntact()
  }

  @Test func everySnapshotForgotten() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget(snapshots)
    try bench.prune()
    #expect(try bench.names("packs/").isEmpty)
    #expect(try bench.names("index/").isEmpty)
    #expect(try bench.names("snapshots/").isEmpty)
    try bench.backUp()
    try bench.expectIntact()
  }

  /// A snapshot that is committed between the plan and the condemn entry and needs what the plan condemns.
  @Test func aSnapshotThatComesMeanwhileKeepsItsPacks() throws {
    for repacks in [false, true] {
      let (bench, snapshots) = try Self.history()
      try bench.forget(repacks ? [snapshots[0]] : [snapshots[0], snapshots[1]])
      var hasRun = false
      var options = PruneOptions()
      options.grace = 0
      options.maxUnused = .bytes(0)
      let report = try Prune(bench.unlocked, options: options).run { _ in
        guard !hasRun else { return }
        hasRun = true
        // Files as they were in the first two snapshots: chunks that are stored and not needed any more.
        for round in 0..<2 {
          for number in 0..<10 where round == 0 || number % 3 == round {
            try bench.write(
              "g\(round)-\(number)", noise(30_000, seed: UInt64(100 * round + number + 1)))
          }
        }
        try bench.backUp()
      }
      #expect(hasRun)
      try bench.expectIntact()
      #expect(report.savedPacks > 0)
    }
  }

  /// Objects that no entry names: a dead writer's go, one at work keeps its own.
  @Test func orphans() throws {
    let (bench, _) = try Self.history()
    let bytes = noise(5_000, seed: 7)
    let orphan = ObjectName.pack(SHA256.digest(bytes))
    try bench.storage.put(orphan, bytes)
    var report = try bench.prune()
    #expect(report.plan.sparedOrphans == 1 && report.plan.orphans.isEmpty)
    #expect(try bench.storage.size(orphan) != nil)
    let storage = AgedStorage(bench.storage, age: 7200)
    let aged = try bench.bench.unlocked(storage)
    var options = PruneOptions()
    options.grace = 0
    report = try Prune(aged, options: options).run()
    #expect(report.plan.orphans.map(\.name) == [orphan])
    #expect(try bench.storage.size(orphan) == nil)
    try bench.expectIntact()
    // A session that began before it was stored.
    let marker = SessionMarker(bench.storage)
    try marker.beat()
    usleep(2_000)
    let other = noise(5_000, seed: 8)
    try bench.storage.put(ObjectName.pack(SHA256.digest(other)), other)
    storage.age = 1000
    report = try Prune(aged, options: options).run()
    #expect(report.plan.sparedOrphans == 1)
    marker.remove()
    report = try Prune(aged, options: options).run()
    #expect(report.plan.orphans.count == 1)
  }

  @Test func smallPacksArePutTogether() throws {
    let bench = try PruneBench()
    for number in 0..<6 {
      try bench.write("f\(number)", noise(10_000, seed: UInt64(number + 1)))
      try bench.backUp()
    }
    let before = try bench.names("packs/").count
    try bench.prune { $0.repackSmall = true }
    #expect(try bench.names("packs/").count < before / 2)
    try bench.expectIntact()
    #expect(try bench.prune { $0.repackSmall = true }.plan.isEmpty)
  }

  @Test func limits() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[1]])
    #expect(try bench.prune { $0.maxUnused = .unlimited }.plan.repackedPacks.isEmpty)
    #expect(try bench.prune { $0.maxRepackSize = 0 }.plan.repackedPacks.isEmpty)
    let report = try bench.prune { $0.maxUnused = .fraction(0.9) }
    #expect(report.plan.remainingUnusedByteCount <= report.plan.byteCount)
    try bench.expectIntact()
  }

  @Test func onlyOwnersPrune() throws {
    let (bench, _) = try Self.history()
    let key = try bench.unlocked.addKeyFile(role: .writer).text.withUnsafeBytes { Array($0) }
    let text = SecretBytes(copying: key)
    let writer = try Repository.open(storage: bench.storage).unlock(
      .keyText(text), client: bench.bench.client)
    #expect(throws: VarveError(.forbidden, "")) { try Prune(writer) }
    #expect(throws: VarveError(.forbidden, "")) { try Undo(writer) }
  }

  /// Damage stops a prune before anything is condemned.
  @Test func damageStopsIt() throws {
    let (bench, snapshots) = try Self.history()
    try bench.forget([snapshots[1]])
    let plan = try Prune(bench.unlocked).plan()
    let names = try bench.names("packs/")
    let size = bench.unlocked.log.state.size
    for name in names {
      let good = try bench.storage.read(name)
      var bad = good
      for place in stride(from: 200, to: bad.count, by: 50) { bad[place] ^= 1 }
      try bench.storage.put(name, bad)
      // A pack of which nothing is needed may be damaged.
      if !plan.deadPacks.contains(where: { $0.name == name }) {
        let fails: () throws -> Void = { try bench.prune { $0.maxUnused = .bytes(0) } }
        if (try? fails()) == nil { #expect(bench.unlocked.log.state.size == size) }
      }
      try bench.storage.put(name, good)
      guard bench.unlocked.log.state.size == size else { break }
    }
    try bench.unlocked.log.refresh()
    try bench.expectIntact()
  }

  /// Stopped before and after each change of storage: nothing is lost, and the next prune finishes.
  @Test func canBeStoppedAnywhere() throws {
    var stop = 0
    while true {
      let (bench, snapshots) = try Self.history()
      try bench.forget([snapshots[1]])
      for after in [false, true] {
        let faulty = FaultStorage(bench.storage, stoppingAtChange: stop, afterEffect: after)
        var options = PruneOptions()
        options.grace = 0
        options.maxUnused = .bytes(0)
        options.workers = 1
        let done = try? Prune(bench.bench.unlocked(faulty), options: options).run()
        if done != nil && !after { return #expect(stop > 5) }
        try bench.unlocked.log.refresh()
        for snapshot in bench.unlocked.log.state.snapshotsInOrder {
          for (name, bytes) in try #require(bench.contents[snapshot.id]) {
            #expect(try bench.bench.content(snapshot.id, "data/\(name)") == bytes, "stop \(stop)")
          }
        }
      }
      try bench.prune()
      #expect(try bench.prune().plan.unusedByteCount == 0)
      stop += 1
    }
  }
}

/// A store whose objects are all older than they are, as if a clock had been waited for.
final class AgedStorage: StorageBackend {
  private let base: MemoryStorage
  private let added: Mutex<Int64>
  private let sessionPrefix = "sessions/"

  init(_ base: MemoryStorage, age: Int64) {
    self.base = base
    added = Mutex(age)
  }

  var age: Int64 {
    get { added.withLock { $0 } }
    set { added.withLock { $0 = newValue } }
  }

  var location: String { base.location }
  func read(_ name: String) throws -> [UInt8] { try base.read(name) }
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(name, offset: offset, into: buffer)
  }
  func size(_ name: String) throws -> UInt64? { try base.size(name) }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try base.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws { try base.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }

  /// Times as a moment so many seconds later would see them: the newest marker, the pruner's own, is from now.
  func modificationTime(_ name: String) throws -> Timestamp? {
    guard var time = try base.modificationTime(name) else { return nil }
    var newest: Timestamp?
    try base.list(sessionPrefix) { other, _ in
      if let time = try base.modificationTime(other) { newest = max(newest ?? time, time) }
    }
    if !name.hasPrefix(sessionPrefix) || time != newest { time.seconds -= age }
    return time
  }
}

extension BackupBench {
  /// The same repository over another store, with a client of its own.
  func unlocked(_ storage: any StorageBackend) throws -> UnlockedRepository {
    try Repository.open(storage: storage).unlock(.password(secret("password")), client: client)
  }
}
