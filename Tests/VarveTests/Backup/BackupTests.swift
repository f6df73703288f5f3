import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct BackupTests {
  @Test func contentOfAllSizesIsStored() throws {
    let bench = try BackupBench()
    // Around the limits: empty, one chunk, the minimum, the maximum, more than 32 chunks (a chunk list),
    // and more than four of the longest chunks (spread over threads).
    let sizes = [0, 1, 4095, 4096, 4097, 32_768, 32_769, 131_071, 131_072, 700_000, 3_000_000]
    for size in sizes { try bench.write("f\(size)", noise(size, seed: UInt64(size + 1))) }
    for workers in [1, 3] {
      let report = try bench.backUp {
        $0.workers = workers
        $0.parent = .none
      }
      let snapshot = try #require(report.snapshot)
      #expect(report.problems.isEmpty)
      #expect(report.counts.filesNew == UInt64(sizes.count))
      for size in sizes {
        #expect(
          try bench.content(snapshot, "data/f\(size)") == noise(size, seed: UInt64(size + 1)))
      }
    }
  }

  @Test func theSameTreeHasTheSameId() throws {
    let bench = try BackupBench()
    for number in 0..<40 { try bench.write("f\(number)", noise(number * 977, seed: 5)) }
    mkdir(bench.source + "/d", 0o755)
    try bench.write("d/x", [1, 2, 3])
    var trees: Set<Digest> = []
    var roots: Set<Digest> = []
    // With and without the cache, by one thread and by several.
    for (index, parent) in [BackupOptions.Parent.none, .automatic, .none, .automatic].enumerated() {
      bench.settle()
      let report = try bench.backUp {
        $0.parent = parent
        $0.workers = index + 1
      }
      let record = try bench.unlocked.snapshotRecord(try #require(report.snapshot))
      trees.insert(record.tree.id)
      roots.insert(record.tree.root)
    }
    #expect(trees.count == 1)
    #expect(roots.count == 1)
  }

  @Test func anUnchangedTreeIsNotRead() throws {
    let bench = try BackupBench()
    for number in 0..<20 { try bench.write("f\(number)", noise(5000, seed: UInt64(number))) }
    bench.settle()
    _ = try bench.backUp()
    let second = try bench.backUp()
    #expect(second.counts.filesUnmodified == 20)
    #expect(second.counts.directoriesUnmodified == 2)
    #expect(second.counts.dataChunks == 0 && second.counts.treeChunks == 0)
    #expect(second.parent != nil)
    // The third runs on records that the second one shares with the first.
    let third = try bench.backUp()
    #expect(third.counts.filesUnmodified == 20)
    let skipped = try bench.backUp { $0.skipIfUnchanged = true }
    #expect(skipped.snapshot == nil)
  }

  @Test func everyKindOfChangeIsNoticed() throws {
    let bench = try BackupBench()
    mkdir(bench.source + "/d", 0o755)
    for name in ["same", "longer", "edited", "mode", "gone", "replaced", "d/inner"] {
      try bench.write(name, noise(9000, seed: UInt64(name.count)))
    }
    symlink("one", bench.source + "/link")
    bench.settle()
    _ = try bench.backUp()
    try bench.write("longer", noise(9001, seed: 77))
    // Same size and, set back, the same mtime: only the ctime tells.
    var status = stat()
    stat(bench.source + "/edited", &status)
    try bench.write("edited", noise(9000, seed: 78))
    let times = [status.st_atim, status.st_mtim]
    utimensat(AT_FDCWD, bench.source + "/edited", times, 0)
    chmod(bench.source + "/mode", 0o600)
    unlink(bench.source + "/gone")
    unlink(bench.source + "/replaced")
    try bench.write("replaced", noise(9000, seed: 79))
    unlink(bench.source + "/link")
    symlink("two", bench.source + "/link")
    try bench.write("d/new", [1])
    let report = try bench.backUp()
    let snapshot = try #require(report.snapshot)
    #expect(try bench.content(snapshot, "data/same") == noise(9000, seed: 4))
    #expect(try bench.content(snapshot, "data/longer") == noise(9001, seed: 77))
    #expect(try bench.content(snapshot, "data/edited") == noise(9000, seed: 78))
    #expect(try bench.entry(snapshot, "data/mode").attributes.mode == 0o600)
    #expect(try bench.content(snapshot, "data/replaced") == noise(9000, seed: 79))
    #expect(try bench.entry(snapshot, "data/link").content == .link(Array("two".utf8)))
    #expect(try bench.content(snapshot, "data/d/new") == [1])
    #expect(throws: VarveError(.notFound, "")) { try bench.entry(snapshot, "data/gone") }
    #expect(report.counts.filesUnmodified == 2)
    // A fresh look at the same tree agrees to the last bit.
    let fresh = try bench.backUp { $0.parent = .none }
    let records = try [snapshot, try #require(fresh.snapshot)].map {
      try bench.unlocked.snapshotRecord($0).tree
    }
    #expect(records[0] == records[1])
  }

  @Test func aChangeWithinTheSameTickIsNoticed() throws {
    let bench = try BackupBench()
    for round in 0..<30 {
      try bench.write("file", noise(100, seed: UInt64(2 * round)))
      _ = try bench.backUp()
      // Same size, and as likely as not the same time stamps.
      try bench.write("file", noise(100, seed: UInt64(2 * round + 1)))
      let snapshot = try #require(try bench.backUp().snapshot)
      #expect(try bench.content(snapshot, "data/file") == noise(100, seed: UInt64(2 * round + 1)))
    }
  }

  @Test func aDamagedCacheCostsTimeOnly() throws {
    let bench = try BackupBench()
    for number in 0..<5 { try bench.write("f\(number)", noise(3000, seed: UInt64(number))) }
    bench.settle()
    let first = try #require(try bench.backUp().snapshot)
    let directory = "\(bench.client.cache ?? "")/\(bench.unlocked.config.id.hex)/changes"
    for position in stride(from: 0, to: 1_100, by: 41) {
      let path = Array("\(directory)/\(try #require(records(in: directory)))".utf8)
      var bad = try RunProgram.contents(path)
      bad[position % bad.count] ^= 0x10
      let file = open(path.map { CChar(bitPattern: $0) } + [0], O_WRONLY | O_TRUNC)
      #expect(write(file, bad, bad.count) == bad.count)
      close(file)
      let snapshot = try #require(try bench.backUp().snapshot)
      #expect(
        try bench.unlocked.snapshotRecord(snapshot).tree
          == bench.unlocked.snapshotRecord(first).tree)
    }
  }

  /// The file of a change cache that has its records.
  private func records(in directory: String) -> String? {
    guard let stream = opendir(directory) else { return nil }
    defer { closedir(stream) }
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if let last = name.last, last.isNumber { return name }
    }
    return nil
  }

  @Test func holesAreKept() throws {
    let bench = try BackupBench()
    let file = open(bench.source + "/sparse", O_WRONLY | O_CREAT, 0o644)
    try #require(ftruncate(file, 10 << 20) == 0)
    let island = noise(70_000, seed: 9)
    pwrite(file, island, island.count, 1 << 20)
    pwrite(file, island, island.count, 6 << 20)
    close(file)
    let snapshot = try #require(try bench.backUp().snapshot)
    guard case .file(let content) = try bench.entry(snapshot, "data/sparse").content else {
      Issue.record("not a file")
      return
    }
    #expect(content.holes.count == 3)
    let bytes = try bench.content(snapshot, "data/sparse")
    #expect(bytes.count == 10 << 20)
    #expect(Array(bytes[(6 << 20)..<(6 << 20) + island.count]) == island)
    #expect(bytes[5 << 20] == 0)
  }

  @Test func hardLinksAreInTheLinkTable() throws {
    let bench = try BackupBench()
    mkdir(bench.source + "/d", 0o755)
    try bench.write("a", [1])
    link(bench.source + "/a", bench.source + "/d/b")
    link(bench.source + "/a", bench.scratch.path + "/outside")
    try bench.write("single", [2])
    link(bench.source + "/single", bench.scratch.path + "/outside2")
    let snapshot = try #require(try bench.backUp().snapshot)
    let record = try bench.unlocked.snapshotRecord(snapshot)
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    let bytes = try record.links.flatMap { try reader.chunk($0) }
    let table = try bytes.withUnsafeBytes { try LinkTable(decoding: $0) }
    #expect(table.groups == [[Array("data/a".utf8), Array("data/d/b".utf8)]])
  }

  @Test func sourcesKeepTheirPlaces() throws {
    let bench = try BackupBench()
    for directory in ["a", "a/b", "a/c", "d"] { mkdir("\(bench.source)/\(directory)", 0o750) }
    try bench.write("a/b/one", [1])
    try bench.write("a/c/two", [2])
    try bench.write("d/three", [3])
    var options = BackupOptions(
      source: .paths(
        ["a/b", "d/three"].map { Array("\(bench.source)/\($0)".utf8) }))
    options.host = Array("elsewhere".utf8)
    let report = try Backup.run(try IndexedRepository(bench.unlocked), options: options)
    let snapshot = try #require(report.snapshot)
    let root = String(bench.source.dropFirst())
    #expect(try bench.content(snapshot, "\(root)/a/b/one") == [1])
    #expect(try bench.content(snapshot, "\(root)/d/three") == [3])
    // A directory on the way has its own metadata, but nothing that was not named.
    #expect(try bench.entry(snapshot, "\(root)/a").attributes.mode == 0o750)
    #expect(throws: VarveError(.notFound, "")) { try bench.entry(snapshot, "\(root)/a/c") }
    #expect(try bench.unlocked.snapshotRecord(snapshot).host == Array("elsewhere".utf8))
  }

  @Test func aMissingSourceIsAProblemAndOnlyMissingOnesAnError() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let missing = Array("\(bench.scratch.path)/nothing".utf8)
    let options = BackupOptions(source: .paths([Array(bench.source.utf8), missing]))
    let report = try Backup.run(try IndexedRepository(bench.unlocked), options: options)
    #expect(report.problems.map(\.path) == [missing])
    #expect(report.snapshot != nil)
    #expect(throws: VarveError(.io, "")) {
      try Backup.run(
        try IndexedRepository(bench.unlocked), options: BackupOptions(source: .paths([missing])))
    }
  }

  @Test func aDryRunStoresNothing() throws {
    let bench = try BackupBench()
    try bench.write("file", noise(100_000, seed: 1))
    var before: [String: UInt64] = [:]
    try bench.storage.list("") { before[$0] = $1 }
    let report = try bench.backUp { $0.dryRun = true }
    #expect(report.snapshot == nil && report.counts.dataChunks > 0)
    var after: [String: UInt64] = [:]
    try bench.storage.list("") { after[$0] = $1 }
    #expect(before == after)
  }

  /// Many times over, as a thread that is left waiting for a chunk shows only now and then.
  @Test(.timeLimit(.minutes(60))) func aLargeFileCanBeInterruptedAnywhere() throws {
    let bench = try BackupBench()
    try bench.write("large", noise(4 << 20, seed: 3))
    for round in 0..<40 {
      let cancelled = CancellationFlag()
      let observer = CancellingObserver(after: UInt64(round) * 100_000, cancelled)
      var options = BackupOptions(source: .paths([Array(bench.source.utf8)]))
      options.parent = .none
      options.workers = 3
      options.dryRun = true
      do {
        let report = try Backup.run(
          try IndexedRepository(bench.unlocked), options: options, observer: observer,
          cancellation: cancelled)
        #expect(report.counts.filesNew == 1)
      } catch let error as VarveError {
        #expect(error.code == .interrupted)
      }
    }
  }

  @Test func anInterruptedBackupCommitsNothing() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let cancelled = CancellationFlag()
    cancelled.cancel()
    let size = bench.unlocked.log.head.size
    #expect(throws: VarveError(.interrupted, "")) {
      try Backup.run(
        try IndexedRepository(bench.unlocked),
        options: BackupOptions(source: .paths([Array(bench.source.utf8)])),
        cancellation: cancelled)
    }
    try bench.unlocked.log.refresh()
    #expect(bench.unlocked.log.head.size == size)
  }
}

/// Cancels a backup from another thread once so many bytes are done.
private final class CancellingObserver: BackupObserver {
  let progress = BackupProgress()
  let wantsItems = false

  init(after bytes: UInt64, _ flag: CancellationFlag) {
    let progress = progress
    var thread = pthread_t()
    let context = Unmanaged.passRetained(
      Watch {
        for _ in 0..<200_000 {
          if progress.bytesDone.load(ordering: .relaxed) >= bytes { break }
          sched_yield()
        }
        flag.cancel()
      })
    let status = pthread_create(
      &thread, nil,
      { context in
        if let context { Unmanaged<Watch>.fromOpaque(context).takeRetainedValue().body() }
        return nil
      }, context.toOpaque())
    if status == 0 { pthread_detach(thread) } else { context.release() }
  }

  func failed(_ problem: SourceProblem) {}
  func finished(_ item: BackupItem) {}
  func scanFinished(duration nanoseconds: UInt64) {}

  private final class Watch: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}
