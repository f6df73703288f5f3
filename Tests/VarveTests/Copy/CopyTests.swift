import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite(.timeLimit(.minutes(60))) struct CopyTests {
  @Test func aCopyIsTheSame() throws {
    let bench = try CopyBench()
    try bench.source.writeEveryKind()
    try bench.backUp()
    try bench.source.write("small", noise(400, seed: 9))
    try bench.source.write("a/new", noise(40_000, seed: 10))
    try bench.backUp()
    let before = try bench.source.names()
    let size = bench.source.unlocked.log.state.size
    let report = try bench.copy()
    #expect(report.copied.count == 2 && report.problems.isEmpty && report.failed.isEmpty)
    try bench.expectEqual(report.copied)
    #expect(try bench.source.names() == before, "the source is only read")
    #expect(bench.source.unlocked.log.state.size == size)
    #expect(try bench.target.names("sessions/").isEmpty)
  }

  /// Where no file has more than one chunk, a backup into the target cannot be told from a copy: not by its nodes, nor by its
  /// proof roots, which depend on the target's key.
  @Test func theTreeIsThatOfABackupIntoTheTarget() throws {
    let bench = try CopyBench()
    for directory in ["d", "d/e", "d/e/f", "g"] {
      mkdir("\(bench.source.source)/\(directory)", 0o755)
    }
    for number in 0..<30 {
      let directory = ["", "d/", "d/e/", "d/e/f/", "g/"][number % 5]
      try bench.source.write(
        "\(directory)f\(number)", noise(1_000 + number, seed: UInt64(number + 1)))
    }
    symlink("x", "\(bench.source.source)/d/link")
    let snapshot = try bench.backUp()
    let report = try bench.copy()
    let copy = try #require(report.copied.first?.target)
    let saved = try #require(
      try bench.target.backUp(bench.source.source) { $0.parent = .none }.snapshot)
    let (one, other) = (
      try bench.target.unlocked.snapshotRecord(copy),
      try bench.target.unlocked.snapshotRecord(saved)
    )
    #expect(one.tree == other.tree)
    #expect(try bench.source.unlocked.snapshotRecord(snapshot).tree != one.tree)
  }

  @Test func whatIsThereIsNotCopiedAgain() throws {
    let bench = try CopyBench()
    try bench.source.writeEveryKind()
    try bench.backUp()
    _ = try bench.copy()
    let (names, size) = (try bench.target.names(), bench.target.unlocked.log.state.size)
    let again = try bench.copy()
    #expect(again.copied.isEmpty && again.present.count == 1 && again.dataAddedPacked == 0)
    #expect(try bench.target.names() == names)
    #expect(bench.target.unlocked.log.state.size == size)
    // One more snapshot costs what is new in it.
    try bench.source.write("new", noise(20_000, seed: 77))
    try bench.backUp()
    let third = try bench.copy()
    #expect(third.copied.count == 1 && third.present.count == 1)
    #expect(third.dataAddedPacked < 60_000, "\(third.dataAddedPacked)")
    try bench.expectEqual(third.copied)
  }

  /// Forgotten at the target, a snapshot is copied again, and what is still stored of it is used.
  @Test func whatIsStoredStillIsUsed() throws {
    let bench = try CopyBench()
    try bench.source.writeEveryKind()
    try bench.backUp()
    let id = try #require(try bench.copy().copied.first?.target)
    try bench.target.unlocked.log.append { _ in
      [.forget(.init(snapshots: [id], reason: "test"))]
    }
    let again = try bench.copy()
    #expect(again.copied.count == 1 && again.dataChunks == 0 && again.treeChunks == 0)
    try bench.expectEqual(again.copied)
  }

  @Test func aDryRunChangesNothing() throws {
    let bench = try CopyBench()
    try bench.source.writeEveryKind()
    try bench.backUp()
    let (names, size) = (try bench.target.names(), bench.target.unlocked.log.state.size)
    let report = try bench.copy { $0.dryRun = true }
    #expect(
      report.copied.count == 1 && report.copied[0].target == nil && report.dataAdded > 900_000)
    #expect(try bench.target.names() == names)
    #expect(bench.target.unlocked.log.state.size == size)
  }

  @Test func manySnapshotsAreCommittedTogether() throws {
    let bench = try CopyBench()
    for number in 0..<12 {
      try bench.source.write("f\(number)", noise(3_000, seed: UInt64(number + 1)))
      try bench.backUp()
    }
    let report = try bench.copy()
    #expect(report.copied.count == 12)
    #expect(try bench.target.names("packs/").count == 2)
    #expect(try bench.target.names("index/").count == 1)
    try bench.expectEqual(report.copied)
  }

  // MARK: Provenance

  @Test func copiesOfCopiesAreRecognised() throws {
    let (a, b, c) = (try BackupBench(), try BackupBench(), try BackupBench())
    func copy(_ from: BackupBench, _ to: BackupBench) throws -> CopyReport {
      try from.unlocked.log.refresh()
      try to.unlocked.log.refresh()
      return try Copy(from: from.unlocked, to: to.unlocked).run(from.unlocked.liveSnapshots)
    }
    try a.write("file", noise(30_000))
    let first = try #require(try a.backUp().snapshot)
    #expect(try copy(a, b).copied.count == 1)
    #expect(try copy(b, c).copied.count == 1)
    #expect(try copy(a, c).copied.count == 0)
    #expect(try copy(c, b).copied.count == 0)
    #expect(try copy(c, a).copied.count == 0, "the original is there")
    let copied = try #require(c.unlocked.liveSnapshots.first)
    #expect(try c.unlocked.snapshotRecord(copied).original == first)
    // Brought back from a copy, it has the tree that it had.
    let tree = try a.unlocked.snapshotRecord(first).tree
    try a.unlocked.log.append { _ in [.forget(.init(snapshots: [first], reason: "test"))] }
    let back = try #require(try copy(c, a).copied.first?.target)
    #expect(try a.unlocked.snapshotRecord(back).tree == tree)
    try a.expectSound()
  }

  @Test func aChangedSnapshotIsAnotherOne() throws {
    let bench = try CopyBench()
    try bench.source.write("file", noise(30_000))
    try bench.source.write("secret", noise(30_000, seed: 2))
    let first = try bench.backUp()
    let copied = try #require(try bench.copy().copied.first?.target)
    // Tags given to the copy do not make it another.
    _ = try TagChange(.set(["offsite"])).run(on: [copied], in: bench.target.unlocked)
    #expect(try bench.copy().copied.isEmpty)
    // What is done to the one at the source does.
    _ = try TagChange(.set(["kept"])).run(on: [first], in: bench.source.unlocked)
    #expect(try bench.copy().copied.count == 1)
    var options = RewriteOptions()
    options.excludes = [Array("secret".utf8)]
    options.forgets = true
    _ = try Rewrite(bench.source.unlocked, options: options).run(
      on: bench.source.unlocked.liveSnapshots)
    let report = try bench.copy()
    #expect(report.copied.count == 1)
    try bench.expectEqual(report.copied)
    #expect(try bench.copy().copied.isEmpty)
  }

  @Test func holdsAreCopiedWhenAsked() throws {
    for asked in [false, true] {
      let bench = try CopyBench()
      try bench.source.write("file", noise(3_000))
      let first = try bench.backUp()
      try bench.source.unlocked.log.append { _ in
        [.hold(.init(snapshots: [first], term: .released, reason: "audit"))]
      }
      let copied = try #require(try bench.copy { $0.copiesHolds = asked }.copied.first?.target)
      #expect(bench.target.unlocked.log.state.holds[copied]?.reason == (asked ? "audit" : nil))
    }
  }

  /// The night after somebody has held the original, the copy that is there is held, too: once, and never for shorter.
  @Test func copiesThatAreThereAreHeldLater() throws {
    let bench = try CopyBench()
    try bench.source.write("file", noise(3_000))
    let first = try bench.backUp()
    let copied = try #require(try bench.copy { $0.copiesHolds = true }.copied.first?.target)
    func hold(_ term: LogStatement.Hold.Term) throws {
      try bench.source.unlocked.log.append { _ in
        [.hold(.init(snapshots: [first], term: term, reason: "audit"))]
      }
    }
    func held() -> LogState.Hold? { bench.target.unlocked.log.state.holds[copied] }
    let (soon, later) = (
      Timestamp(seconds: WallClock.now().seconds + 5_000),
      Timestamp(seconds: WallClock.now().seconds + 9_000)
    )
    try hold(.until(soon))
    #expect(try bench.copy().held.isEmpty && held() == nil, "only when asked")
    let dry = try bench.copy {
      $0.copiesHolds = true
      $0.dryRun = true
    }
    #expect(dry.held == [copied] && held() == nil)
    #expect(try bench.copy { $0.copiesHolds = true }.held == [copied])
    #expect(held()?.term == .until(soon) && held()?.reason == "audit")
    let size = bench.target.unlocked.log.state.size
    #expect(try bench.copy { $0.copiesHolds = true }.held.isEmpty)
    #expect(bench.target.unlocked.log.state.size == size)
    try hold(.until(later))
    #expect(try bench.copy { $0.copiesHolds = true }.held == [copied])
    #expect(held()?.term == .until(later))
    // Tags of the copy have changed: it is another record now, of the same original.
    try bench.target.unlocked.log.append { _ in
      [.release(.init(snapshots: [copied], reason: ""))]
    }
    let tagged = try #require(
      try TagChange(.set(["x"])).run(on: [copied], in: bench.target.unlocked).first?.new)
    #expect(try bench.copy { $0.copiesHolds = true }.held == [tagged])
  }

  @Test func anUnfinishedFileOfAPartialSnapshotIsCopied() throws {
    let bench = try CopyBench()
    try bench.source.write("long", noise(900_000))
    let first = try bench.backUp()
    guard case .file(let file) = try bench.source.entry(first, "data/long").content,
      case .lists(let lists) = file.form
    else { throw VarveError(.notFound, "no lists") }
    var record = try bench.source.unlocked.snapshotRecord(first)
    let none = bench.source.scratch.path + "/none"
    mkdir(none, 0o755)
    let empty = try bench.source.backUp(none)
    record.tree = try bench.source.unlocked.snapshotRecord(try #require(empty.snapshot)).tree
    record.isPartial = true
    record.unfinished = lists.map(\.id)
    let bytes = try bench.source.unlocked.seal(record)
    let id = SHA256.digest(bytes)
    try bench.source.storage.put(ObjectName.snapshot(id), bytes)
    let ids = try bench.source.unlocked.keys.opaqueIDs()
    try bench.source.unlocked.log.append { _ in
      [
        .snapshot(
          try LogStatement.SnapshotAddition(
            snapshot: id, record: record, additions: .listed([]), parent: nil, original: nil,
            ids: ids))
      ]
    }
    let report = try bench.copy([id])
    let copied = try #require(report.copied.first?.target)
    let new = try bench.target.unlocked.snapshotRecord(copied)
    #expect(new.isPartial && new.unfinished == record.unfinished)
    let reader = try IndexedRepository(bench.target.unlocked).makeReader()
    for list in lists {
      let node = try reader.chunk(list.id).withUnsafeBytes { try ChunkListNode(decoding: $0) }
      for chunk in node.chunks {
        #expect(try reader.chunk(chunk.address).count == Int(chunk.length))
      }
    }
    try bench.target.expectSound()
  }

  // MARK: Who may

  @Test func rolesAndRepositories() throws {
    let bench = try CopyBench()
    try bench.source.write("file", noise(3_000))
    try bench.backUp()
    func unlocked(_ bench: BackupBench, _ role: Role) throws -> UnlockedRepository {
      let key = try bench.unlocked.addKeyFile(role: role)
      return try Repository.open(storage: bench.storage).unlock(
        .keyText(key.text.copy()), client: bench.client)
    }
    #expect(throws: VarveError(.usage, "")) {
      try Copy(from: bench.source.unlocked, to: unlocked(bench.source, .writer))
    }
    #expect(throws: VarveError(.forbidden, "")) {
      try Copy(from: unlocked(bench.source, .writer), to: bench.target.unlocked)
    }
    #expect(throws: VarveError(.forbidden, "")) {
      try Copy(from: bench.source.unlocked, to: unlocked(bench.target, .reader))
    }
    // Least privilege: a reader of the source and a writer of the target.
    let (reader, writer) = (
      try unlocked(bench.source, .reader), try unlocked(bench.target, .writer)
    )
    let report = try Copy(from: reader, to: writer).run(reader.liveSnapshots)
    try bench.expectEqual(report.copied)
    #expect(try Copy(from: reader, to: writer).run(reader.liveSnapshots).present.count == 1)
  }
}
