import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// Mirroring that is stopped, sources that change or are damaged, and targets that are not what they should be.
@Suite(.timeLimit(.minutes(60))) struct MirrorFaultTests {
  // MARK: Too long

  /// An object that is longer than any such object may be is damaged, and none of it is read.
  @Test(arguments: [false, true]) func longerThanAnyObject(dryRun: Bool) throws {
    let bench = try MirrorBench()
    let saved = try bench.save()
    let source = BloatedStorage(bench.storage, bloated: saved.record.name)
    let report = try bench.mirror(from: source, to: MemoryStorage()) { $0.dryRun = dryRun }
    #expect(report.failures.map(\.name) == [saved.record.name])
    #expect(report.failures.first?.kind == .notAtSource)
    #expect(report.failures.first?.message.contains("longer than any") == true)
    #expect(source.largestRead.load(ordering: .relaxed) < 64 << 20)
  }

  // MARK: Stopped

  /// I1 and I7: stopped before or after any change of the target, it is a state that the source had, with all that is live in it;
  /// and the next run goes on. Snapshots that came and went since the last run are in none of those states.
  @Test(arguments: [false, true], [false, true])
  func mirroringMayStopAnywhere(isNew: Bool, afterEffect: Bool) throws {
    let (bench, saved) = try MirrorBench.history()
    let base = MemoryStorage()
    if !isNew {
      try bench.mirror(to: base)
      try bench.goOn(saved)
    }
    let sizes = Set([try bench.expectValid(base), bench.log.head.size])
    var reached: Set<UInt64> = []
    var stopped = 0
    while true {
      let target = try base.copy()
      let faulty = FaultStorage(target, stoppingAtChange: stopped, afterEffect: afterEffect)
      let done = bench.code { try bench.mirror(to: faulty) }
      #expect(done == nil || done == .io)
      let size = try bench.expectValid(target)
      #expect(sizes.contains(size), "stopped at \(stopped)")
      reached.insert(size)
      let again = try bench.mirror(to: target)
      #expect(again.failures.isEmpty && again.derivedFailure == nil)
      try bench.expectTwin(target)
      if faulty.operations.count(where: \.isChange) <= stopped { break }
      stopped += 1
    }
    #expect(stopped > 20 && reached == sizes)
  }

  /// The same with everything else that storage is asked, at either side.
  @Test(arguments: [false, true])
  func everyOperationMayFail(atSource: Bool) throws {
    let (bench, saved) = try MirrorBench.history()
    let base = MemoryStorage()
    try bench.mirror(to: base)
    try bench.goOn(saved)
    var number = 0
    var failed = 0
    while true {
      let target = try base.copy()
      let failing = number
      let end = Mutex(false)
      let faulty = FaultStorage(atSource ? bench.storage : target) { _, ordinal in
        if ordinal == failing { end.withLock { $0 = true } }
        return ordinal == failing ? .failBeforeEffect : .pass
      }
      let outcome = Result {
        try bench.mirror(from: atSource ? faulty : nil, to: atSource ? target : faulty)
      }
      var lacking: [String] = []
      switch outcome {
      case .success(let report):
        lacking = report.failures.map(\.name)
        failed += lacking.isEmpty ? 0 : 1
      case .failure(let error):
        #expect((error as? VarveError)?.code == .io, "\(error)")
        failed += 1
      }
      #expect(atSource || lacking.isEmpty)
      try bench.expectValid(target, lacking: lacking)
      try bench.mirror(to: target)
      try bench.expectTwin(target)
      guard end.withLock({ $0 }) else { break }
      number += 1
    }
    #expect(number > 20 && failed > 10)
  }

  @Test func anInterruptionIsHeard() throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    let flag = CancellationFlag()
    let watched = FaultStorage(target) { operation, _ in
      if case .put(let name) = operation, name.hasPrefix("packs/") { flag.cancel() }
      return .pass
    }
    #expect(bench.code { try bench.mirror(to: watched, cancellation: flag) } == .interrupted)
    #expect(try bench.expectValid(target) == 0)
    let report = try bench.mirror(to: target)
    #expect(report.isNew && report.objectsPresent > 0)
    try bench.expectTwin(target)
  }

  // MARK: The source changes

  /// What is about to be copied is swept: the newer state does not want it.
  @Test func theSourceIsPrunedMeanwhile() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    let pruned = Mutex(false)
    let source = FaultStorage(bench.storage) { operation, _ in
      guard case .read(let name) = operation, saved[0].packs.contains(name) else { return .pass }
      let isFirst = pruned.withLock { pruned in
        defer { pruned = true }
        return !pruned
      }
      if isFirst { #expect(throws: Never.self) { try bench.delete(saved[0]) } }
      return .pass
    }
    let watcher = MirrorWatcher()
    let report = try bench.mirror(from: source, to: target, observer: watcher)
    #expect(pruned.withLock { $0 } && report.failures.isEmpty && watcher.failures.isEmpty)
    #expect(report.logSize == bench.log.head.size)
    #expect(try bench.expectValid(target) == bench.log.head.size)
    // What was copied before the prune has been removed by the same run, or is by the next.
    try bench.mirror(to: target)
    try bench.expectTwin(target)
  }

  /// Backups alone do not make a failure look like a prune.
  @Test func theSourceGrowsWhileSomethingIsMissing() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    let lost = saved[0].packs[0]
    try bench.storage.remove(lost)
    let source = FaultStorage(bench.storage) { operation, _ in
      if case .read(lost) = operation { #expect(throws: Never.self) { try bench.save() } }
      return .pass
    }
    let report = try bench.mirror(from: source, to: target)
    #expect(report.failures.map(\.name) == [lost] && report.logSize < bench.log.head.size)
  }

  // MARK: Damage at the source

  @Test func whatIsDamagedAtTheSourceIsNamedAndTheRestMirrored() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    let good = try bench.source.objects()
    let (bad, gone) = (saved[0].packs[0], ObjectName.snapshot(saved[1].id))
    try bench.storage.flip(bad)
    try bench.storage.remove(gone)
    let watcher = MirrorWatcher()
    let report = try bench.mirror(to: target, observer: watcher)
    #expect(report.failures.map(\.name) == [bad, gone].sorted())
    #expect(report.failures.allSatisfy { !$0.isWholeAtTarget })
    #expect(watcher.failures.sorted() == [bad, gone].sorted())
    let there = try LogBench.objects(target)
    #expect(Set(good.keys).subtracting(there.keys) == [bad, gone])
    for name in [bad, gone] { try bench.storage.put(name, try #require(good[name])) }
    let again = try bench.mirror(to: target)
    #expect(again.objectsCopied == 2 && again.failures.isEmpty)
    try bench.expectTwin(target)
  }

  @Test func whatTheSourceHasLostComesBack() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let good = try bench.source.objects()
    let inventory = try #require(good.keys.first { $0.hasPrefix("inventories/") })
    let commits = good.keys.filter { $0.hasPrefix("log/commits/") }.sorted()
    let damaged = [
      saved[0].packs[0], saved[1].packs[7], ObjectName.snapshot(saved[2].id), inventory,
    ]
    try bench.storage.flip(damaged[0])
    for name in damaged.dropFirst() { try bench.storage.remove(name) }
    // Nothing of the target is touched because of that, and nothing removed.
    let report = try bench.mirror(to: target)
    #expect(report.failures.isEmpty && report.objectsCopied == 0 && report.objectsDeleted == 0)
    #expect(try LogBench.objects(target) == good)
    // The other way.
    try bench.storage.flip(commits[2])
    try bench.storage.remove(commits[1])
    let healing = try bench.mirror(from: target, to: bench.storage) { $0.readsData = true }
    #expect(healing.objectsCopied == 3 && healing.objectsReplaced == 2, "\(healing)")
    #expect(healing.commitsCopied == 1 && healing.failures.isEmpty)
    #expect(try bench.source.objects() == good)
  }

  /// A record of another length at the source is read, and found damaged; the target's is left alone.
  @Test func whatIsWholeAtTheTargetIsSaidToBe() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let name = ObjectName.snapshot(saved[0].id)
    try bench.storage.put(name, [1, 2, 3])
    let report = try bench.mirror(to: target)
    #expect(report.failures.map(\.name) == [name] && report.failures[0].isWholeAtTarget)
    #expect(SHA256.digest(try target.read(name)) == saved[0].id)
  }

  /// What a lost inventory listed is not known: everything is mirrored, nothing removed.
  @Test func anInventoryThatNobodyHas() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    let inventory = try #require(
      bench.source.objects().keys.first { $0.hasPrefix("inventories/") })
    let bytes = try bench.storage.read(inventory)
    try bench.storage.remove(inventory)
    let report = try bench.mirror(to: target)
    #expect(report.failures.map(\.name) == [inventory])
    for object in saved[1].objects { #expect(try target.size(object.name) == object.size) }
    try bench.delete(saved[0])
    #expect(try bench.mirror(to: target).objectsDeleted == 0)
    try bench.storage.put(inventory, bytes)
    try bench.mirror(to: target)
    try bench.expectTwin(target)
  }

  @Test func aCommitThatTheSourceHasLost() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let before = bench.log.head.size
    try bench.goOn(saved)
    let log = try Repository.open(storage: bench.storage).openLog(client: bench.client())
    let commits = try bench.source.objects().keys.filter { $0.hasPrefix("log/commits/") }.sorted()
    let name = try #require(commits.first { $0 > ObjectName.commit(before) })
    let bytes = try bench.storage.read(name)
    try bench.storage.flip(name)
    let report = try Mirror(from: log, to: target).run()
    #expect(report.failures.map(\.name) == [name] && report.commitsCopied == 0)
    #expect(report.objectsDeleted == 0)
    #expect(try bench.expectValid(target) == before, "it shows the state that it had")
    try bench.storage.put(name, bytes)
    try bench.mirror(to: target)
    try bench.expectTwin(target)
  }

  // MARK: Other targets

  @Test func anotherRepositoryIsRefused() throws {
    let (bench, _) = try MirrorBench.history()
    let other = try LogBench()
    let before = try other.objects()
    #expect(bench.code { try bench.mirror(to: other.storage) } == .refused)
    #expect(try other.objects() == before)
  }

  @Test func aTargetThatIsAheadIsRefused() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let (older, oldest) = (try target.copy(), try target.copy())
    let end = ObjectName.commit(bench.log.head.size)
    try bench.goOn(saved)
    try bench.mirror(to: target)
    let before = try LogBench.objects(target)
    #expect(bench.code { try bench.mirror(from: older, to: target) } == .refused)
    #expect(try LogBench.objects(target) == before)
    // The other way it goes on.
    try bench.mirror(from: target, to: older)
    try bench.expectTwin(older)
    // The checkpoint tells, too, when the commits are lost there.
    for name in before.keys where name >= end && name.hasPrefix(ObjectName.commitPrefix) {
      try target.remove(name)
    }
    #expect(bench.code { try bench.mirror(from: oldest, to: target) } == .refused)
  }

  /// Written to both since they were equal, one commit or many.
  @Test(arguments: [1, 3], [1, 3]) func anotherHistoryIsNotTouched(
    own: Int, others: Int
  ) throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let twin = try Repository.open(storage: target)
      .unlock(bench.source.key.secret, client: bench.client())
    for number in 0..<own { try bench.log.append { _ in [LogBench.note("own \(number)")] } }
    for number in 0..<others { try twin.log.append { _ in [LogBench.note("other \(number)")] } }
    let before = try LogBench.objects(target)
    let error = #expect(throws: VarveError.self) { try bench.mirror(to: target) }
    #expect(error?.code == .rollback)
    #expect(error?.hint != nil)
    #expect(try LogBench.objects(target) == before)
    // As the hint has it.
    for name in before.keys where name > ObjectName.commit(twin.log.head.size - UInt64(others) - 1)
    {
      if name.hasPrefix(ObjectName.commitPrefix) { try target.remove(name) }
    }
    try target.remove(ObjectName.checkpoint)
    try bench.mirror(to: target)
    try bench.expectTwin(target)
  }

  /// Somebody appends at the target where an interrupted run has left a gap, with the source's later commits beyond it.
  @Test func anotherHistoryInAGap() throws {
    let (bench, saved) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let before = bench.log.head.size
    try bench.goOn(saved)
    let first = ObjectName.commit(before)
    let gap = FaultStorage(target) { operation, _ in
      if case .createExclusively(first) = operation { .failBeforeEffect } else { .pass }
    }
    #expect(bench.code { try bench.mirror(to: gap) } == .io)
    #expect(try bench.expectValid(target) == before)
    let twin = try Repository.open(storage: target)
      .unlock(bench.source.key.secret, client: bench.client())
    // Without the log key, as a reader's receipt is.
    try target.put(
      first, try Self.commit(LogBench.note("in the gap"), by: bench, before, twin))
    #expect(bench.code { try bench.mirror(to: target) } == .rollback)
  }

  /// The bytes of a commit that is appended to a copy of the target.
  private static func commit(
    _ body: LogStatement.Body, by bench: MirrorBench, _ size: UInt64, _ twin: UnlockedRepository
  ) throws -> [UInt8] {
    let copy = MemoryStorage()
    for (name, bytes) in try LogBench.objects(twin.storage) where name < ObjectName.commit(size) {
      try copy.put(name, bytes)
    }
    let other = try Repository.open(storage: copy)
      .unlock(bench.source.key.secret, client: bench.client())
    try other.log.append { _ in [body] }
    return try copy.read(ObjectName.commit(size))
  }

  @Test func aCommitThatIsNobodys() throws {
    let (bench, _) = try MirrorBench.history()
    let target = MemoryStorage()
    try bench.mirror(to: target)
    let inside = ObjectName.commit(bench.log.head.size - 1)
    try target.put(inside, [0, 1, 2])
    let error = #expect(throws: VarveError.self) { try bench.mirror(to: target) }
    #expect(error?.code == .damaged && error?.message.contains(inside) == true)
    try target.remove(inside)
    try bench.mirror(to: target)
    try bench.expectTwin(target)
  }
}

private final class MirrorWatcher: MirrorObserver {
  let progress = MirrorProgress()
  private let names = Mutex<[String]>([])
  var failures: [String] { names.withLock { $0 } }
  func failed(_ failure: MirrorReport.Failure) { names.withLock { $0.append(failure.name) } }
}

/// A store that lists one object as far longer than it is.
private final class BloatedStorage: StorageBackend {
  private static let size: UInt64 = 3 << 30
  private let base: any StorageBackend
  private let bloated: String
  let largestRead = Atomic<Int>(0)

  init(_ base: any StorageBackend, bloated: String) {
    self.base = base
    self.bloated = bloated
  }

  var location: String { base.location }
  func read(_ name: String) throws -> [UInt8] { try base.read(name) }
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    largestRead.max(buffer.count, ordering: .relaxed)
    try base.read(name, offset: offset, into: buffer)
  }
  func size(_ name: String) throws -> UInt64? {
    name == bloated ? Self.size : try base.size(name)
  }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try base.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws { try base.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix) { try body($0, $0 == bloated ? Self.size : $1) }
  }
}
