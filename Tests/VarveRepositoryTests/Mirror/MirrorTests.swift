import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

@Suite(.timeLimit(.minutes(60))) struct MirrorTests {
  @Test func aTwinIsEqualByteForByte() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    let first = try bench.mirror(to: target)
    try bench.expectTwin(target)
    #expect(try bench.expectValid(target) == bench.log.head.size)
    let objects = try bench.source.objects().filter { ObjectName.digest(of: $0.key) != nil }
    #expect(first.isNew && first.failures.isEmpty && first.derivedFailure == nil)
    #expect(first.objectsCopied == UInt64(objects.count) && first.objectsPresent == 0)
    #expect(first.bytesCopied == UInt64(objects.values.reduce(0) { $0 + $1.count }))
    #expect(first.logSize == bench.log.head.size)
    // The same keys open it.
    let twin = try Repository.open(storage: target)
      .unlock(bench.source.key.secret, client: bench.client())
    #expect(twin.log.state.snapshots.count == 3)

    let again = try bench.mirror(to: target)
    #expect(!again.isNew && again.objectsCopied == 0 && again.commitsCopied == 0)
    #expect(again.objectsPresent == first.objectsCopied && again.objectsDeleted == 0)

    try bench.goOn(saved)
    let before = bench.log.state.snapshots.count
    let later = try bench.mirror(to: target)
    try bench.expectTwin(target)
    #expect(try bench.expectValid(target) == bench.log.head.size)
    // A snapshot of three packs: the one that came and went is not among them.
    #expect(later.objectsCopied == 3 + 1 + 1)
    #expect(later.objectsDeleted == UInt64(saved[0].objects.count) + 1)
    #expect(before == 2)
  }

  @Test func aDryRunChangesNothingAndSaysWhatWouldBeDone() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    func expectForetold() throws {
      let before = try LogBench.objects(target)
      let told = try bench.mirror(to: target) { $0.dryRun = true }
      #expect(try LogBench.objects(target) == before)
      let done = try bench.mirror(to: target)
      #expect(told.dryRun && !done.dryRun && told.isNew == done.isNew)
      #expect(told.objectsCopied == done.objectsCopied && told.bytesCopied == done.bytesCopied)
      #expect(told.objectsPresent == done.objectsPresent)
      #expect(told.objectsDeleted == done.objectsDeleted && told.bytesDeleted == done.bytesDeleted)
      #expect(told.commitsCopied == done.commitsCopied && told.logSize == done.logSize)
    }
    try expectForetold()
    try bench.goOn(saved)
    try expectForetold()
  }

  // MARK: Deleting

  @Test func onlyWhatTheLogSaysIsSweptIsRemoved() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let unknown = ObjectName.pack(SHA256.digest([1]))
    try target.put(unknown, [1])
    try target.put("sessions/somebody", [2])
    try bench.goOn(saved)
    let kept = try bench.mirror(to: target) { $0.deletes = false }
    #expect(kept.objectsDeleted == 0)
    for object in saved[0].objects { #expect(try target.size(object.name) == object.size) }
    let dropped = try bench.mirror(to: target)
    #expect(dropped.objectsDeleted == UInt64(saved[0].objects.count) + 1)
    #expect(try target.read(unknown) == [1] && target.read("sessions/somebody") == [2])
    try target.remove(unknown)
    try target.remove("sessions/somebody")
    try bench.expectTwin(target)
  }

  @Test func aCredentialThatWasRemovedGoes() throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    let key = LogBench.KeyFile(try bench.owner.addKeyFile(role: .writer))
    try bench.mirror(to: target)
    let name = ObjectName.credential(key.credential)
    #expect(try target.size(name) != nil)
    try bench.owner.removeCredential(key.credential)
    #expect(try bench.mirror(to: target).objectsDeleted == 1)
    #expect(try target.size(name) == nil)
    try bench.expectTwin(target)
  }

  /// A server that only adds: everything is mirrored, nothing goes, and that is no failure.
  @Test func aTargetMayForbidToDelete() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: AppendOnlyStorage(target))
    try bench.goOn(saved)
    let report = try bench.mirror(to: AppendOnlyStorage(target))
    #expect(report.deletionIsForbidden && report.objectsDeleted == 0 && report.failures.isEmpty)
    #expect(try bench.expectValid(target) == bench.log.head.size)
    for object in saved[0].objects { #expect(try target.size(object.name) == object.size) }
    // What is damaged there stays so, and is named; everything else is mirrored.
    try target.flip(saved[1].packs[0])
    try bench.save()
    let damaged = try bench.mirror(to: AppendOnlyStorage(target)) { $0.readsData = true }
    #expect(damaged.failures.map(\.name) == [saved[1].packs[0]])
    #expect(damaged.failures.allSatisfy { $0.kind == .notReplaceable && !$0.isWholeAtTarget })
    #expect(damaged.logSize == bench.log.head.size && damaged.commitsCopied == 1)
  }

  /// Nor does a damaged commit there hold up those that follow.
  @Test func aTargetMayForbidToReplaceACommit() throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: AppendOnlyStorage(target))
    let commits = try LogBench.objects(target).keys.filter { $0.hasPrefix("log/commits/") }.sorted()
    try target.flip(commits[1])
    try bench.save()
    let report = try bench.mirror(to: AppendOnlyStorage(target)) { $0.readsData = true }
    #expect(report.failures.map(\.name) == [commits[1]])
    #expect(report.failures.allSatisfy { $0.kind == .notReplaceable && !$0.isWholeAtTarget })
    #expect(report.commitsCopied == 1 && report.objectsReplaced == 0)
    let newest = ObjectName.commit(bench.log.head.size - 1)
    #expect(try target.size(newest) != nil)
  }

  // MARK: Damage at the target

  @Test func whatIsDamagedAtTheTargetIsReplacedOnceItIsRead() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let commits = try LogBench.objects(target).keys.filter { $0.hasPrefix("log/commits/") }.sorted()
    let tile = try #require(
      LogBench.objects(target).keys.first { $0.hasPrefix("log/tile/entries") })
    let damaged = [
      saved[0].packs[0], ObjectName.snapshot(saved[1].id),
      ObjectName.credential(bench.source.key.credential), commits[1], tile,
    ]
    for name in damaged { try target.flip(name) }
    // Where its length is another, there is no need to read it.
    try target.put(saved[1].packs[0], [1, 2, 3])
    let quick = try bench.mirror(to: target)
    #expect(quick.objectsReplaced == 1)
    let told = try bench.mirror(to: target) {
      $0.readsData = true
      $0.dryRun = true
    }
    #expect(told.objectsReplaced == UInt64(damaged.count) - 1, "tiles are derived")
    let report = try bench.mirror(to: target) { $0.readsData = true }
    #expect(report.objectsReplaced == UInt64(damaged.count) && report.objectsCopied == 0)
    #expect(report.bytesVerified > quick.bytesVerified + 30_000)
    try bench.expectTwin(target)
  }

  @Test func theNewestCommitIsComparedInAnyCase() throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let newest = try #require(
      LogBench.objects(target).keys.filter { $0.hasPrefix("log/commits/") }.max())
    try target.flip(newest)
    #expect(try bench.mirror(to: target).objectsReplaced == 1)
    try bench.expectTwin(target)
    // Half of it is damage, too, although what is left is signed.
    let bytes = try target.read(newest)
    let entries = Int(bytes[0]) << 8 | Int(bytes[1])
    try target.put(newest, Array(bytes[..<(2 + entries)]))
    #expect(try bench.mirror(to: target).objectsReplaced == 1)
    try bench.expectTwin(target)
  }
}

/// A store that takes what is new, and nothing else.
private final class AppendOnlyStorage: StorageBackend {
  private let base: any StorageBackend

  init(_ base: any StorageBackend) { self.base = base }

  var location: String { base.location }
  func read(_ name: String) throws -> [UInt8] { try base.read(name) }
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(name, offset: offset, into: buffer)
  }
  func size(_ name: String) throws -> UInt64? { try base.size(name) }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    guard try base.size(name) == nil || name == ObjectName.checkpoint || name.hasPrefix("log/tile/")
    else {
      throw VarveError(.forbidden, "\(name) may not be replaced")
    }
    try base.put(name, bytes)
  }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws {
    throw VarveError(.forbidden, "\(name) may not be deleted")
  }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
