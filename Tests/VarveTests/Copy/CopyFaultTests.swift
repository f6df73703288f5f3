import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Copies that are stopped, and repositories that change or are damaged meanwhile.
@Suite(.timeLimit(.minutes(60))) struct CopyFaultTests {
  /// Three snapshots of files of all lengths.
  private static func history(packSize: Int = RepositoryConfig.standardPackSize) throws -> CopyBench
  {
    let bench = try CopyBench(packSize: packSize)
    mkdir("\(bench.source.source)/d", 0o755)
    for round in 0..<3 {
      for number in 0..<8 where round == 0 || number % 3 == round {
        try bench.source.write(
          "\(number % 2 == 0 ? "d/" : "")f\(number)",
          noise(20_000 + number * 4_000, seed: UInt64(100 * round + number + 1)))
      }
      try bench.backUp()
    }
    return bench
  }

  // MARK: Damage

  @Test func whatIsDamagedIsNamedAndTheRestCopied() throws {
    let bench = try CopyBench()
    try bench.source.write("good", noise(50_000))
    let first = try bench.backUp()
    let before = try bench.source.names("packs/")
    try bench.source.write("bad", noise(50_000, seed: 2))
    let second = try bench.backUp()
    unlinkFile("\(bench.source.source)/bad")
    try bench.source.write("other", noise(50_000, seed: 3))
    let third = try bench.backUp()
    let reader = try IndexedRepository(bench.source.unlocked)
    guard case .file(let file) = try bench.source.entry(second, "data/bad").content,
      case .chunks(let chunks) = file.form
    else { throw VarveError(.notFound, "no chunks") }
    let place = try #require(reader.index.locate(chunks[chunks.count / 2].address))
    let name = ObjectName.pack(place.pack)
    #expect(!before.contains(name))
    let good = try bench.source.storage.read(name)
    var bad = good
    bad[Int(place.offset) + Int(place.storedLength) / 2] ^= 1
    try bench.source.storage.put(name, bad)
    let report = try bench.copy()
    #expect(report.copied.map(\.source) == [first, third])
    #expect(report.failed == [second])
    #expect(
      report.problems.map { $0.path.map { String(decoding: $0, as: UTF8.self) } } == ["/data/bad"])
    #expect(report.problems.allSatisfy { $0.snapshot == second && $0.message.contains(name) })
    try bench.expectEqual(report.copied)
    // The damage is gone: so is what was in the way.
    try bench.source.storage.put(name, good)
    let again = try bench.copy()
    #expect(again.copied.map(\.source) == [second] && again.failed.isEmpty)
    try bench.expectEqual(again.copied)
  }

  /// A chunk that several snapshots need is missed in each, also where the directory that has it was gone through before.
  @Test func aDamagedChunkIsMissedInEverySnapshot() throws {
    let bench = try Self.history()
    let snapshots = bench.source.unlocked.liveSnapshots
    let names = try bench.source.names("packs/")
    for name in names {
      let good = try bench.source.storage.read(name)
      var bad = good
      for place in stride(from: 128, to: bad.count, by: 40) { bad[place] ^= 1 }
      try bench.source.storage.put(name, bad)
      // Another target each time: what one has already it need not read.
      let target = try BackupBench()
      let report = try Copy(from: bench.source.unlocked, to: target.unlocked).run(snapshots)
      let whole = snapshots.filter {
        (try? Contents(bench.source, bench.source.unlocked.snapshotRecord($0))) != nil
      }
      #expect(report.failed.count > 0 && report.copied.count + report.failed.count == 3)
      #expect(Set(report.copied.map(\.source)) == Set(whole), "\(report.problems)")
      try target.expectSound()
      try bench.source.storage.put(name, good)
      let again = try Copy(from: bench.source.unlocked, to: target.unlocked).run(snapshots)
      #expect(again.copied.count + again.present.count == 3)
      for id in target.unlocked.liveSnapshots {
        let record = try target.unlocked.snapshotRecord(id)
        let original = try bench.source.unlocked.snapshotRecord(try #require(record.original))
        #expect(try Contents(target, record) == Contents(bench.source, original))
      }
    }
  }

  @Test func aMissingPackAndAMissingRecord() throws {
    let bench = try Self.history()
    let snapshots = bench.source.unlocked.liveSnapshots
    let record = ObjectName.snapshot(snapshots[1])
    let bytes = try bench.source.storage.read(record)
    try bench.source.storage.remove(record)
    var report = try bench.copy()
    #expect(report.failed == [snapshots[1]] && report.copied.count == 2)
    try bench.source.storage.put(record, bytes)
    report = try bench.copy()
    #expect(report.copied.map(\.source) == [snapshots[1]])
    try bench.expectEqual(report.copied)
  }

  /// A source that goes away has lost nothing: the copy ends, and goes on another time.
  @Test(arguments: [VarveError.Code.unavailable, .forbidden], ["packs/", "snapshots/"])
  func aSourceThatGoesAway(_ code: VarveError.Code, _ prefix: String) throws {
    let bench = try Self.history()
    let snapshots = bench.source.unlocked.liveSnapshots
    let away = FaultStorage(bench.source.storage) { operation, _ in
      operation.reads(prefix) ? .fail(code) : .pass
    }
    let source = try bench.source.unlocked(away)
    #expect(throws: VarveError(code, "")) {
      try Copy(from: source, to: bench.target.unlocked).run(snapshots)
    }
    let report = try bench.copy()
    #expect(report.failed.isEmpty && report.copied.map(\.source) == snapshots)
    try bench.expectEqual(report.copied)
  }

  // MARK: Stopped

  /// I1 and I7: stopped before or after any change of the target, all that its log says is there, and the next run goes on.
  @Test(arguments: [0, 1], [false, true])
  func aCopyMayStopAnywhere(interval: UInt64, afterEffect: Bool) throws {
    let bench = try Self.history(packSize: 1 << 16)
    var stopped = 0
    while true {
      let target = try BackupBench(packSize: 1 << 16)
      let faulty = FaultStorage(target.storage, stoppingAtChange: stopped, afterEffect: afterEffect)
      var options = CopyOptions()
      options.workers = 2
      options.partialInterval = interval
      options.stepByteCount = 20_000
      let source = bench.source.unlocked
      let done: CopyReport?
      do {
        done = try Copy(from: source, to: target.unlocked(faulty), options: options).run(
          source.liveSnapshots)
      } catch let error as VarveError where error.code == .io {
        done = nil
      }
      try target.unlocked.log.refresh()
      try target.expectSound()
      let again = try Copy(from: source, to: target.unlocked, options: options).run(
        source.liveSnapshots)
      #expect(again.copied.count + again.present.count == 3)
      #expect(target.unlocked.log.state.snapshotsInOrder.filter(\.isPartial).isEmpty)
      #expect(target.unlocked.liveSnapshots.count == 3, "stopped at \(stopped)")
      try target.expectSound()
      for id in target.unlocked.liveSnapshots {
        let record = try target.unlocked.snapshotRecord(id)
        let original = try source.snapshotRecord(try #require(record.original))
        #expect(try Contents(target, record) == Contents(bench.source, original))
      }
      if done != nil, faulty.operations.filter(\.isChange).count <= stopped { break }
      stopped += 1
    }
    #expect(stopped > 10)
  }

  /// Ended in the middle of a large snapshot, the next run finds what was stored.
  @Test func anInterruptedCopyGoesOn() throws {
    let bench = try CopyBench(packSize: 1 << 16)
    for number in 0..<120 {
      try bench.source.write("f\(number)", noise(60_000, seed: UInt64(number + 1)))
    }
    let snapshot = try bench.backUp()
    let flag = CancellationFlag()
    let observer = CopyWatcher { _ in flag.cancel() }
    // Storage that takes its time, so that the first partial snapshot comes before the end on a busy machine, too.
    let slow = FaultStorage(bench.target.storage) { operation, _ in
      if operation.puts("packs/") && !flag.isCancelled { usleep(10_000) }
      return .pass
    }
    #expect(throws: VarveError(.interrupted, "")) {
      try bench.copy(
        to: bench.target.unlocked(slow), observer: observer, cancellation: flag
      ) {
        $0.partialInterval = 1
        $0.stepByteCount = 20_000
      }
    }
    try bench.target.unlocked.log.refresh()
    let state = bench.target.unlocked.log.state
    #expect(state.snapshots.count == 1, "a partial one")
    let partial = try #require(state.snapshotsInOrder.first)
    #expect(partial.isPartial && partial.parent == snapshot && partial.original == nil)
    let record = try bench.target.unlocked.snapshotRecord(partial.id)
    #expect(record.tree.entries == 0 && !record.unfinished.isEmpty)
    // A prune takes nothing of it.
    var prune = PruneOptions()
    prune.grace = 0
    prune.maxUnused = .bytes(0)
    _ = try Prune(bench.target.unlocked, options: prune).run()
    let report = try bench.copy { $0.partialInterval = 1 }
    #expect(report.dataAdded < 120 * 60_000)
    try bench.expectEqual(report.copied)
    #expect(bench.target.unlocked.log.state.snapshots.count == 1)
  }

  // MARK: Meanwhile

  /// What the copy found stored is condemned and swept before it commits: it begins again and stores it itself.
  @Test func whatItReliesOnIsPrunedAtTheTarget() throws {
    let bench = try CopyBench()
    try bench.source.write("file", noise(4_000))
    try bench.source.write("new", noise(4_000, seed: 2))
    try bench.backUp()
    mkdir(bench.target.scratch.path + "/own", 0o755)
    try bench.target.write("file", noise(4_000))
    let own = try #require(try bench.target.backUp().snapshot)
    nonisolated(unsafe) let target = bench.target
    let watched = Meanwhile.storage(
      target.storage, beforeFirst: { $0.puts("snapshots/") },
      comes: {
        try target.prune(forgetting: own)
      })
    let report = try bench.copy(to: target.unlocked(watched))
    try target.unlocked.log.refresh()
    #expect(target.unlocked.log.state.forgotten[own] != nil)
    #expect(report.copied.count == 1)
    try bench.expectEqual(report.copied)
  }

  /// The source's packs are replaced by others while they are being read.
  @Test func theSourceIsPrunedMeanwhile() throws {
    let bench = try Self.history()
    nonisolated(unsafe) let source = bench.source
    let snapshots = source.unlocked.liveSnapshots
    let watched = Meanwhile.storage(
      source.storage, beforeFirst: { $0.reads("packs/") },
      comes: {
        try source.prune(forgetting: snapshots[0], repackSmall: true)
      })
    var options = CopyOptions()
    options.workers = 1
    let report = try Copy(
      from: source.unlocked(watched), to: bench.target.unlocked, options: options
    ).run(snapshots)
    #expect(report.gone == [snapshots[0]], "that is no damage")
    #expect(report.failed.isEmpty && report.problems.isEmpty)
    #expect(report.copied.map(\.source) == [snapshots[1], snapshots[2]])
    try source.unlocked.log.refresh()
    try bench.expectEqual(report.copied)
  }

  /// Two copies of the same at the same time leave each snapshot once.
  @Test func twoCopiesAtOnce() throws {
    nonisolated(unsafe) let bench = try Self.history()
    let watched = Meanwhile.storage(
      bench.target.storage, beforeFirst: { $0.creates("") },
      comes: {
        let source = bench.source.unlocked
        let other = try bench.target.unlocked(bench.target.storage)
        let report = try Copy(from: source, to: other).run([source.liveSnapshots[1]])
        #expect(report.copied.count == 1)
      })
    let report = try bench.copy(to: bench.target.unlocked(watched))
    #expect(report.copied.count == 2 && report.present.count == 1)
    try bench.expectEqual(report.copied)
    #expect(bench.target.unlocked.liveSnapshots.count == 3)
  }
}

/// Tells of partial snapshots.
private final class CopyWatcher: CopyObserver {
  let progress = CopyProgress()
  private let count = Mutex(0)
  private let saved: @Sendable (Int) -> Void

  init(_ saved: @escaping @Sendable (Int) -> Void) { self.saved = saved }

  func copied(_ copy: CopyReport.Copied) {}
  func failed(_ problem: CopyReport.Problem) {}
  func savedPartial(_ snapshot: Digest) {
    saved(
      count.withLock {
        $0 += 1
        return $0
      })
  }
}
