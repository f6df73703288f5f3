import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// How partial snapshots get into the log and out of it again.
@Suite(.timeLimit(.minutes(60))) struct PartialCommitTests {
  private func fill(_ bench: BackupBench, files: Int = 60, seed: UInt64 = 1) throws {
    for number in 0..<files {
      let directory = "d\(number % 5)"
      mkdir("\(bench.source)/\(directory)", 0o755)
      try bench.write("\(directory)/f\(number)", noise(1_500, seed: seed * 1000 + UInt64(number)))
    }
    bench.settle()
  }

  private func partials(_ bench: BackupBench) throws -> [LogState.Snapshot] {
    try bench.unlocked.log.refresh()
    return bench.unlocked.log.state.snapshotsInOrder.filter(\.isPartial)
  }

  private func interrupt(_ bench: BackupBench, in unlocked: UnlockedRepository? = nil) throws {
    let (report, _) = try bench.backUpInParts(stopAfter: 2, in: unlocked)
    try #require(report == nil)
  }

  /// What was named by a partial snapshot's entry is not named again.
  @Test func everyObjectIsNamedOnce() throws {
    let bench = try BackupBench()
    try fill(bench, files: 200)
    let (report, observer) = try bench.backUpInParts()
    #expect(report != nil && observer.partials.count > 2)
    var named: [String] = []
    bench.unlocked.log.state.listedObjects.forEachObject { kind, _, _ in named.append("\(kind)") }
    #expect(Set(named).count == named.count)
    var stored: [String: UInt64] = [:]
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix] {
      try bench.storage.list(prefix) { stored[$0] = $1 }
    }
    let live = try LiveObjects(bench.unlocked.log.state, storage: bench.storage).sizes
    #expect(live == stored)
  }

  /// I1 and I7 with partial snapshots: stopped before or after any change of storage, whatever the log says is there, and the
  /// next run goes on.
  @Test(arguments: [false, true]) func aBackupMayStopAnywhere(afterEffect: Bool) throws {
    let bench = try BackupBench()
    var stopped = 2
    var ended = false
    while !ended {
      try fill(bench, files: 40, seed: UInt64(stopped))
      let faulty = FaultStorage(
        bench.storage, stoppingAtChange: stopped, afterEffect: afterEffect)
      let unlocked = try Repository.open(storage: faulty).unlock(
        .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
      let (report, observer) =
        (try? bench.backUpInParts(delay: 100, in: unlocked)) ?? (nil, PacedObserver())
      try bench.unlocked.log.refresh()
      let repository = try IndexedRepository(bench.unlocked)
      for (name, size) in repository.liveObjects.sizes {
        #expect(try bench.storage.size(name) == size, "\(name), stopped at \(stopped)")
      }
      ended = report != nil && observer.failures == 0
      let rest = try #require(try bench.backUpInParts(delay: 0).report)
      let snapshot = try #require(rest.snapshot)
      for number in 0..<40 {
        #expect(
          try bench.content(snapshot, "data/d\(number % 5)/f\(number)")
            == noise(1_500, seed: UInt64(stopped) * 1000 + UInt64(number)))
      }
      #expect(try partials(bench).isEmpty)
      stopped += stopped < 20 ? 1 : 9
      try #require(stopped < 2_000)
    }
  }

  /// When the entry of a partial snapshot cannot be appended, the backup goes on, and the next entry names everything.
  @Test func aPartialSnapshotThatCannotBeCommitted() throws {
    let bench = try BackupBench()
    try fill(bench, files: 100)
    let next = ObjectName.commit(bench.unlocked.log.head.size)
    let faulty = FaultStorage(bench.storage) { operation, _ in
      operation == .createExclusively(next) ? .failBeforeEffect : .pass
    }
    let unlocked = try Repository.open(storage: faulty).unlock(
      .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
    let partly = try? bench.backUpInParts(in: unlocked)
    // Nothing at all could be committed at that size: the complete one fails as well, and says so.
    #expect(partly == nil)
    #expect(try partials(bench).isEmpty)
    let report = try #require(try bench.backUpInParts().report)
    #expect(report.counts.filesProcessed == 100)
  }

  @Test func failuresToCommitAreMadeUpFor() throws {
    let bench = try BackupBench()
    try fill(bench, files: 120)
    let failures = Mutex(3)
    let faulty = FaultStorage(bench.storage) { operation, _ in
      guard case .put(let name) = operation, name.hasPrefix(ObjectName.snapshotPrefix) else {
        return .pass
      }
      return failures.withLock { left in
        left -= 1
        return left >= 0 ? .failBeforeEffect : .pass
      }
    }
    let unlocked = try Repository.open(storage: faulty).unlock(
      .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
    let (report, observer) = try bench.backUpInParts(in: unlocked)
    #expect(observer.failures == 3 && !observer.partials.isEmpty)
    let snapshot = try #require(report?.snapshot)
    try bench.unlocked.log.refresh()
    for number in 0..<120 {
      _ = try bench.content(snapshot, "data/d\(number % 5)/f\(number)")
    }
    #expect(try partials(bench).isEmpty)
  }

  /// A writer drops its own, an owner everybody's; nobody another source's, or one that is held.
  @Test func whoDropsWhat() throws {
    let bench = try BackupBench()
    try fill(bench)
    let file = try bench.unlocked.addKeyFile(role: .writer)
    let text = file.text.copy()
    func writer() throws -> UnlockedRepository {
      try Repository.open(storage: bench.storage).unlock(
        .keyText(text.copy()),
        client: ClientDirectories(
          cache: bench.scratch.path + "/writer-cache", state: bench.scratch.path + "/writer-state"))
    }
    mkdir(bench.scratch.path + "/writer-cache", 0o700)
    let first = try writer()
    try interrupt(bench, in: first)
    #expect(try partials(bench).map(\.author) == [first.log.authorKeyID])
    // The owner's run is interrupted, too, and the writer's next one leaves the owner's partial snapshot.
    try interrupt(bench)
    #expect(try partials(bench).count == 1 || partials(bench).count == 2)
    let second = try writer()
    let own = try #require(try bench.backUpInParts(delay: 0, in: second).report)
    #expect(own.snapshot != nil)
    let left = try partials(bench)
    #expect(left.allSatisfy { $0.author == bench.unlocked.log.authorKeyID } && left.count == 1)
    // Another source drops none of them.
    _ = try bench.backUpInParts(delay: 0) { $0.host = Array("elsewhere".utf8) }
    #expect(try partials(bench).count == 1)
    // A held one stays.
    let held = try #require(left.first).id
    try bench.unlocked.log.append { _ in
      [.hold(.init(snapshots: [held], term: .released, reason: "evidence"))]
    }
    _ = try bench.backUpInParts(delay: 0)
    #expect(try partials(bench).map(\.id) == [held])
    try bench.unlocked.log.append { _ in [.release(.init(snapshots: [held], reason: "done"))] }
    _ = try bench.backUpInParts(delay: 0)
    #expect(try partials(bench).isEmpty)
  }

  /// A session does not drop what another one has committed since it began.
  @Test func sessionsLeaveEachOtherAlone() throws {
    nonisolated(unsafe) let bench = try BackupBench()
    try fill(bench, files: 120)
    let other = Mutex<Digest?>(nil)
    let nested = Atomic<Bool>(false)
    let observer = PacedObserver(delay: 300) { _ in
      guard nested.exchange(true, ordering: .relaxed) == false else { return }
      // In the middle of the first backup, another one of the same source is interrupted.
      let unlocked = try? Repository.open(storage: bench.storage).unlock(
        .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
      guard let unlocked, let run = try? bench.backUpInParts(stopAfter: 1, in: unlocked) else {
        return
      }
      other.withLock { $0 = run.observer.partials.last }
    }
    let (report, _) = try bench.backUpInParts(observer: observer)
    #expect(report?.snapshot != nil)
    let left = try partials(bench).map(\.id)
    #expect(other.withLock { $0 } != nil)
    #expect(left.count == 1)
    _ = try bench.backUpInParts(delay: 0)
    #expect(try partials(bench).isEmpty)
  }

  /// Killed after the log entry and before the cache's head was in its place.
  @Test func theNewerHeadCountsWhenItsSnapshotIsLive() throws {
    let bench = try BackupBench()
    try fill(bench)
    _ = try bench.backUp()
    let directory = "\(bench.scratch.path)/cache/\(bench.unlocked.config.id.hex)/changes"
    func head() throws -> String {
      let output = try RunProgram(
        ["sh", "-c", "ls \(directory)/*.head"], in: try ScratchDirectory())
      return String(decoding: output.output, as: UTF8.self).trimmingNewline
    }
    let path = try head()
    let old = try RunProgram.contents(Array(path.utf8))
    try bench.write("d0/f0", noise(1_700, seed: 99))
    bench.settle()
    let second = try bench.backUp()
    let new = try RunProgram.contents(Array(path.utf8))
    func put(_ bytes: [UInt8], _ name: String) throws {
      let file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      try #require(write(file, bytes, bytes.count) == bytes.count)
      close(file)
    }
    try put(old, path)
    try put(new, String(path.dropLast(4)) + "next")
    let third = try bench.backUpInParts(delay: 0)
    #expect(third.observer.filesRead == 0 && third.report?.parent == second.snapshot)
    // One whose snapshot never came to be does not count.
    var dead = new
    for index in 16..<48 { dead[index] = 7 }
    let check = SHA256.digest(Array(dead.dropLast(8))).prefix64.littleEndian
    dead.replaceSubrange((dead.count - 8)..., with: withUnsafeBytes(of: check, Array.init))
    try put(dead, String(path.dropLast(4)) + "next")
    let fourth = try bench.backUpInParts(delay: 0)
    #expect(fourth.observer.filesRead == 0 && fourth.report?.parent == third.report?.snapshot)
    #expect(access(String(path.dropLast(4)) + "next", F_OK) != 0)
  }

  /// The records file is copied when little of it is in use, and what it says stays the same.
  @Test func theCacheDoesNotGrowForEver() throws {
    let bench = try BackupBench()
    for directory in 0..<10 {
      mkdir("\(bench.source)/d\(directory)", 0o755)
      mkdir("\(bench.source)/d\(directory)/inner", 0o755)
      for number in 0..<600 { try bench.write("d\(directory)/inner/f\(number)", []) }
    }
    bench.settle()
    var sizes: [Int] = []
    let directory = "\(bench.scratch.path)/cache/\(bench.unlocked.config.id.hex)/changes"
    for round in 0..<7 {
      for directory in 0..<10 {
        try bench.write("d\(directory)/inner/f\(round)", noise(10, seed: UInt64(round)))
      }
      bench.settle()
      let (report, observer) = try bench.backUpInParts(delay: 0)
      #expect(observer.filesRead == (round == 0 ? 6_000 : 10), "round \(round)")
      #expect(report?.counts.filesProcessed == 6_000)
      let output = try RunProgram(["du", "-sb", directory], in: try ScratchDirectory())
      let text = String(decoding: output.output, as: UTF8.self)
      sizes.append(try #require(Int(text.prefix { $0.isNumber })))
    }
    // Each round but the first writes the records of all directories anew.
    #expect(try #require(sizes.max()) < 5 * sizes[0] / 2, "\(sizes)")
  }
}

extension String {
  fileprivate var trimmingNewline: String { String(split(separator: "\n").first ?? "") }
}
