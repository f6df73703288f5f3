import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite(.timeLimit(.minutes(60))) struct RewriteTests {
  private static func rewrite(
    _ bench: BackupBench, _ patterns: [String], on snapshots: [Digest]? = nil,
    _ change: (inout RewriteOptions) -> Void = { _ in }
  ) throws -> RewriteReport {
    var options = RewriteOptions()
    options.excludes = patterns.map { Array($0.utf8) }
    options.workers = 2
    change(&options)
    try bench.unlocked.log.refresh()
    return try Rewrite(bench.unlocked, options: options).run(
      on: snapshots ?? bench.unlocked.liveSnapshots)
  }

  @Test func nothingThatMatchesNothingToDo() throws {
    let bench = try BackupBench()
    try bench.writeEveryKind()
    let snapshot = try #require(try bench.backUp().snapshot)
    let (size, names) = (bench.unlocked.log.state.size, try bench.names())
    let report = try Self.rewrite(bench, ["*.iso"]) { $0.forgets = true }
    #expect(report.unchanged == [snapshot] && report.changes.isEmpty)
    #expect(bench.unlocked.log.state.size == size)
    #expect(try bench.names() == names)
    #expect(throws: VarveError(.usage, "")) { try Self.rewrite(bench, []) }
  }

  /// The tree, the links and the counts are what a backup with the same patterns gives.
  @Test(arguments: [
    ["deep*"], ["many"], ["many/1*"], ["a"], ["/data/a/b/**"], ["link*"], ["small", "!a/*"],
    ["/data"],
    ["long", "sparse", "empty", "fifo"], ["**/b/deep"], ["odd*"],
  ])
  func aRewrittenTreeIsThatOfABackupWithoutThePaths(patterns: [String]) throws {
    let bench = try BackupBench()
    try bench.writeEveryKind()
    let snapshot = try #require(try bench.backUp().snapshot)
    // A backup of nothing is refused.
    guard patterns != ["/data"] else {
      let report = try Self.rewrite(bench, patterns, on: [snapshot])
      let new = try #require(report.changes.first?.new)
      #expect(try bench.unlocked.snapshotRecord(new).tree.entries == 0)
      #expect(report.changes.first?.files == 0 && report.changes.first?.bytes == 0)
      return try bench.expectSound()
    }
    let saved = try #require(
      try bench.backUp {
        $0.parent = .none
        // The patterns of a backup are for the paths of the file system.
        $0.excludes = patterns.map {
          let isRooted = $0.hasPrefix("/data")
          return Array((isRooted ? bench.source + $0.dropFirst(5) : $0).utf8)
        }
      }.snapshot)
    let report = try Self.rewrite(bench, patterns, on: [snapshot])
    let change = try #require(report.changes.first)
    let (old, new, fresh) = (
      try bench.unlocked.snapshotRecord(snapshot),
      try bench.unlocked.snapshotRecord(try #require(change.new)),
      try bench.unlocked.snapshotRecord(saved)
    )
    #expect(new.tree == fresh.tree)
    #expect(new.tree != old.tree)
    #expect(new.links == fresh.links)
    for member in ["total_files_processed", "total_bytes_processed"] {
      #expect(new.summary[member] == fresh.summary[member], "\(member)")
    }
    #expect(new.original == snapshot && new.tags == ["rewrite"])
    #expect(new.excludes == patterns.map { Array($0.utf8) })
    try bench.expectSound()
  }

  /// Random trees and patterns, several snapshots of each that share most.
  @Test(arguments: 0..<12) func generatedTrees(seed: UInt64) throws {
    var random = SeededGenerator(seed: seed + 1)
    let bench = try BackupBench()
    let words = ["ab", "ac", "bc", "a.tmp", "b.tmp", "cache"]
    func path() -> String {
      (0..<Int.random(in: 1...4, using: &random)).map { _ in words.randomElement(using: &random)! }
        .joined(separator: "/")
    }
    var snapshots: [Digest] = []
    for _ in 0..<3 {
      for _ in 0..<25 {
        let path = path()
        var directory = bench.source
        let names = path.split(separator: "/")
        for name in names.dropLast() {
          directory += "/" + name
          mkdir(directory, 0o755)
        }
        var status = stat()
        guard stat(directory, &status) == 0, status.st_mode & S_IFMT == S_IFDIR,
          lstat("\(bench.source)/\(path)", &status) != 0
        else { continue }
        try bench.write(
          path, noise(Int.random(in: 0...30_000, using: &random), seed: random.next()))
      }
      bench.settle()
      snapshots.append(try #require(try bench.backUp().snapshot))
    }
    let patterns = (0..<2).map { _ in
      ["a*", "*.tmp", "**/cache/*", path(), "b?", "cache"].randomElement(using: &random)!
    }
    let fresh = try #require(
      try bench.backUp {
        $0.parent = .none
        $0.excludes = patterns.map { Array($0.utf8) }
      }.snapshot)
    let expected = try bench.unlocked.snapshotRecord(fresh).tree
    let report = try Self.rewrite(bench, patterns, on: snapshots)
    #expect(report.changes.count + report.unchanged.count == 3)
    let last = report.changes.first { $0.old == snapshots[2] }?.new ?? snapshots[2]
    #expect(try bench.unlocked.snapshotRecord(last).tree == expected, "\(patterns)")
    try bench.expectSound()
  }

  @Test func hostAndTime() throws {
    let bench = try BackupBench()
    try bench.write("file", noise(100))
    let snapshot = try #require(try bench.backUp { $0.host = Array("old".utf8) }.snapshot)
    let time = Timestamp(seconds: 1_600_000_000)
    let report = try Self.rewrite(bench, []) {
      $0.host = Array("new".utf8)
      $0.time = time
      $0.forgets = true
    }
    let id = try #require(report.changes.first?.new)
    var (old, new) = (
      try bench.unlocked.snapshotRecord(snapshot), try bench.unlocked.snapshotRecord(id)
    )
    #expect(new.host == Array("new".utf8) && new.time == time && new.original == snapshot)
    (old.host, old.time, old.original) = (new.host, new.time, new.original)
    #expect(old.treeSalt != new.treeSalt)
    old.treeSalt = new.treeSalt
    #expect(old == new)
    let ids = try bench.unlocked.keys.opaqueIDs()
    let row = try #require(bench.unlocked.log.state.snapshots[id])
    #expect(row.source == ids.source(host: new.host, paths: new.paths))
    #expect(bench.unlocked.liveSnapshots == [id])
  }

  // MARK: Forgetting

  @Test func theOldOneIsForgottenInTheSameCommit() throws {
    let bench = try BackupBench()
    try bench.write("keep", noise(9_000))
    try bench.write("drop", noise(9_000, seed: 2))
    let snapshots = try (0..<2).map { _ in try #require(try bench.backUp().snapshot) }
    let size = bench.unlocked.log.state.size
    let report = try Self.rewrite(bench, ["drop"]) { $0.forgets = true }
    #expect(bench.unlocked.log.state.size == size + 3)
    #expect(report.changes.map(\.old) == snapshots)
    #expect(report.changes.allSatisfy { $0.removedFiles == 1 && $0.removedBytes == 9_000 })
    #expect(bench.unlocked.liveSnapshots == report.changes.compactMap(\.new))
    for id in bench.unlocked.liveSnapshots {
      #expect(try bench.unlocked.snapshotRecord(id).tags.isEmpty)
      #expect(try bench.content(id, "data/keep") == noise(9_000))
    }
    // It can be undone until it is swept.
    _ = try Undo(bench.unlocked).run(snapshots)
    #expect(try bench.content(snapshots[0], "data/drop") == noise(9_000, seed: 2))
    try bench.expectSound()
  }

  @Test func whatIsHeldStaysAndNothingIsDone() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(9_000))
    let snapshots = try (0..<2).map { _ in try #require(try bench.backUp().snapshot) }
    try bench.unlocked.log.append { _ in
      [.hold(.init(snapshots: [snapshots[1]], term: .released, reason: "audit"))]
    }
    let size = bench.unlocked.log.state.size
    let error = #expect(throws: VarveError(.forbidden, "")) {
      try Self.rewrite(bench, ["drop"]) { $0.forgets = true }
    }
    #expect(error?.message.contains("holds") == true)
    #expect(bench.unlocked.log.state.size == size)
    #expect(bench.unlocked.liveSnapshots == snapshots)
    // Held ones of which nothing would change are in nobody's way, and the others stay when asked to.
    #expect(try Self.rewrite(bench, ["other"]) { $0.forgets = true }.unchanged.count == 2)
    #expect(try Self.rewrite(bench, ["drop"]).changes.count == 2)
    #expect(bench.unlocked.liveSnapshots.count == 4)
  }

  @Test func aSecondTimeFindsWhatTheFirstHasMade() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(9_000))
    let snapshot = try #require(try bench.backUp().snapshot)
    let new = try #require(try Self.rewrite(bench, ["drop"]).changes.first?.new)
    var again = try Self.rewrite(bench, ["drop"])
    #expect(again.changes.isEmpty && again.present == [snapshot: new] && again.unchanged == [new])
    #expect(again.forgotten.isEmpty)
    again = try Self.rewrite(bench, ["drop"]) {
      $0.forgets = true
      $0.dryRun = true
    }
    #expect(again.present == [snapshot: new] && again.forgotten == [snapshot])
    #expect(bench.unlocked.liveSnapshots == [snapshot, new])
    again = try Self.rewrite(bench, ["drop"]) { $0.forgets = true }
    #expect(again.present == [snapshot: new] && again.forgotten == [snapshot])
    #expect(bench.unlocked.liveSnapshots == [new])
  }

  @Test func whatIsForgottenIsReported() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(9_000))
    let snapshot = try #require(try bench.backUp().snapshot)
    let report = try Rewrite(
      bench.unlocked,
      options: {
        var options = RewriteOptions()
        options.excludes = [Array("drop".utf8)]
        options.forgets = true
        return options
      }()
    ).run(on: [snapshot, snapshot])
    #expect(report.changes.map(\.old) == [snapshot], "named twice, rewritten once")
    #expect(report.forgotten == [snapshot])
  }

  /// A record that cannot be read is none that an earlier run has made.
  @Test func anotherRecordMayBeLost() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(9_000))
    let lost = try #require(try bench.backUp().snapshot)
    try bench.write("keep", noise(9_000, seed: 2))
    let snapshot = try #require(try bench.backUp { $0.parent = .none }.snapshot)
    try bench.storage.remove(ObjectName.snapshot(lost))
    let fresh = try bench.unlocked(bench.storage)
    var options = RewriteOptions()
    options.excludes = [Array("drop".utf8)]
    #expect(
      try Rewrite(fresh, options: options).run(on: [snapshot]).changes.map(\.old) == [snapshot])
  }

  /// A change cache describes a tree: one of which something was taken out is not what it describes, whatever its tags
  /// become.
  @Test func aBackupAfterwardsKnowsThatThePathsAreGone() throws {
    let bench = try BackupBench()
    try bench.write("keep", noise(9_000))
    try bench.write("drop", noise(9_000, seed: 2))
    bench.settle()
    _ = try bench.backUp()
    let new = try #require(
      try Self.rewrite(bench, ["drop"]) { $0.forgets = true }.changes.first?.new)
    _ = try TagChange(.set(["tag"])).run(on: [new], in: bench.unlocked)
    var prune = PruneOptions()
    prune.grace = 0
    prune.maxUnused = .bytes(0)
    _ = try Prune(bench.unlocked, options: prune).run()
    let saved = try #require(try bench.backUp().snapshot)
    #expect(try bench.content(saved, "data/drop") == noise(9_000, seed: 2))
    #expect(try bench.content(saved, "data/keep") == noise(9_000))
    try bench.expectSound()
  }

  /// Where only the time has changed it still holds.
  @Test func aBackupAfterAChangeOfTimeReadsNothing() throws {
    let bench = try BackupBench()
    try bench.write("keep", noise(9_000))
    bench.settle()
    _ = try bench.backUp()
    _ = try Self.rewrite(bench, []) {
      $0.time = Timestamp(seconds: 1_600_000_000)
      $0.forgets = true
    }
    let report = try bench.backUp()
    #expect(report.counts.filesUnmodified == 1 && report.counts.dataChunks == 0)
  }

  @Test func aDryRunChangesNothing() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(9_000))
    let snapshot = try #require(try bench.backUp().snapshot)
    let (size, names) = (bench.unlocked.log.state.size, try bench.names())
    let report = try Self.rewrite(bench, ["drop"]) { $0.dryRun = true }
    #expect(report.changes.map(\.old) == [snapshot] && report.changes[0].new == nil)
    #expect(report.changes[0].removedFiles == 1)
    #expect(bench.unlocked.log.state.size == size)
    #expect(try bench.names() == names)
  }

  // MARK: Stopped, and others at work

  @Test(arguments: [false, true], [false, true])
  func itMayStopAnywhere(forgets: Bool, afterEffect: Bool) throws {
    var stopped = 0
    while true {
      let bench = try BackupBench()
      try bench.write("keep", noise(9_000))
      try bench.write("drop", noise(9_000, seed: 2))
      let snapshots = try (0..<2).map { number in
        try bench.write("more", noise(500, seed: UInt64(number + 9)))
        return try #require(try bench.backUp().snapshot)
      }
      let faulty = FaultStorage(
        bench.storage, stoppingAtChange: stopped, afterEffect: afterEffect)
      var options = RewriteOptions()
      options.excludes = [Array("drop".utf8)]
      options.forgets = forgets
      options.workers = 1
      let done = try? Rewrite(bench.unlocked(faulty), options: options).run(on: snapshots)
      try bench.unlocked.log.refresh()
      try bench.expectSound()
      let live = bench.unlocked.liveSnapshots
      for id in live { #expect(try bench.content(id, "data/keep") == noise(9_000)) }
      let isOld = live.filter { snapshots.contains($0) }
      #expect(!forgets || isOld.count == 2 || isOld.isEmpty, "both in one commit")
      _ = try Self.rewrite(bench, ["drop"], on: forgets ? isOld : snapshots) {
        $0.forgets = forgets
      }
      #expect(bench.unlocked.liveSnapshots.count == (forgets ? 2 : 4), "stopped at \(stopped)")
      try bench.expectSound()
      if done != nil, faulty.operations.filter(\.isChange).count <= stopped { break }
      stopped += 1
    }
    #expect(stopped > 4)
  }

  /// The old snapshot is forgotten and pruned while it is being rewritten.
  @Test func whatIsForgottenMeanwhileIsNotBroughtBack() throws {
    nonisolated(unsafe) let bench = try BackupBench()
    try bench.write("keep", noise(9_000))
    try bench.write("drop", noise(9_000, seed: 2))
    let snapshot = try #require(try bench.backUp().snapshot)
    let watched = Meanwhile.storage(
      bench.storage, beforeFirst: { $0.puts("snapshots/") },
      comes: {
        try bench.prune(forgetting: snapshot)
      })
    var options = RewriteOptions()
    options.excludes = [Array("drop".utf8)]
    #expect(throws: VarveError(.notFound, "")) {
      try Rewrite(bench.unlocked(watched), options: options).run(on: [snapshot])
    }
    try bench.unlocked.log.refresh()
    #expect(bench.unlocked.liveSnapshots.isEmpty)
    try bench.expectSound()
  }

  @Test func onlyOwners() throws {
    let bench = try BackupBench()
    try bench.write("drop", noise(90))
    let snapshot = try #require(try bench.backUp().snapshot)
    for role in [Role.writer, .reader] {
      let key = try bench.unlocked.addKeyFile(role: role)
      let unlocked = try Repository.open(storage: bench.storage).unlock(
        .keyText(key.text.copy()), client: bench.client)
      var options = RewriteOptions()
      options.excludes = [Array("drop".utf8)]
      #expect(throws: VarveError(.forbidden, "")) {
        try Rewrite(unlocked, options: options).run(on: [snapshot])
      }
    }
  }
}
