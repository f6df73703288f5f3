import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Backups that commit what is done while they go on, and go on from there.
@Suite(.timeLimit(.minutes(60))) struct PartialSnapshotTests {
  /// Directories within directories, of small files that all differ.
  private static let fileCount = 6 * 2 * 10

  private func fill(_ bench: BackupBench, seed: UInt64 = 1) throws {
    for directory in 0..<6 {
      for place in ["d\(directory)", "d\(directory)/inner"] {
        mkdir("\(bench.source)/\(place)", 0o755)
        for number in 0..<10 {
          let content = noise(2_000 + number, seed: seed * 1000 + UInt64(directory))
          try bench.write("\(place)/f\(number)", Array(place.utf8) + content)
        }
      }
    }
    bench.settle()
  }

  private func partials(_ bench: BackupBench) throws -> [Digest] {
    try bench.unlocked.log.refresh()
    let partials = bench.unlocked.log.state.snapshotsInOrder.filter(\.isPartial).map(\.id)
    if !partials.isEmpty { try bench.unlocked.expectTreeCommitments() }
    return partials
  }

  /// Paths of the files in a snapshot, their content compared with the source's.
  @discardableResult
  private func files(_ bench: BackupBench, _ snapshot: Digest) throws -> Set<String> {
    let record = try bench.unlocked.snapshotRecord(snapshot)
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    var found: Set<String> = []
    func visit(_ directory: DirectoryContent, _ path: String) throws {
      var entries: [TreeEntry] = []
      try DirectoryReader.forEachEntry(
        of: directory.id, entryCount: directory.entryCount, fetch: reader.chunk
      ) { entries.append(try TreeEntry(body: $0.body)) }
      for entry in entries {
        let name = path + (path.isEmpty ? "" : "/") + EscapedBytes.text(entry.name)
        switch entry.content {
        case .directory(let inner): try visit(inner, name)
        case .file:
          found.insert(name)
          let source = bench.source + name.dropFirst("data".count)
          #expect(
            try bench.content(snapshot, name) == RunProgram.contents(Array(source.utf8)), "\(name)")
        default: break
        }
      }
    }
    try visit(record.rootDirectory, "")
    return found
  }

  /// Every byte, and every proof root.
  private func check(_ bench: BackupBench) throws {
    var options = CheckOptions(readData: .all)
    options.record = false
    let report = try Check.run(storage: bench.storage, client: bench.client, options: options) {
      try $0.unlock(
        .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
    }
    #expect(report.damages.isEmpty, "\(report.damages)")
  }

  /// That a snapshot is what a backup makes that looks at nothing but the source.
  private func expectComplete(_ bench: BackupBench, _ snapshot: Digest?) throws {
    let fresh = try bench.backUp { $0.parent = .none }
    let trees = try [snapshot, fresh.snapshot].map {
      try bench.unlocked.snapshotRecord(try #require($0)).tree
    }
    #expect(trees[0] == trees[1])
  }

  @Test func anInterruptedBackupGoesOn() throws {
    let bench = try BackupBench()
    try fill(bench)
    let (report, observer) = try bench.backUpInParts(stopAfter: 3)
    #expect(report == nil)
    // Each takes the place of the one before it, and the interruption has saved one more.
    let left = try partials(bench)
    #expect(left.count == 1)
    let partial = try #require(left.first)
    let record = try bench.unlocked.snapshotRecord(partial)
    #expect(record.isPartial && record.parent == nil)
    let saved = try files(bench, partial)
    #expect(saved.count >= 3 && saved.count < Self.fileCount)
    try check(bench)
    #expect(throws: VarveError(.notFound, "")) {
      try SnapshotSearch(bench.unlocked).find(SnapshotSelector(parsing: Array("latest".utf8)))
    }

    let rest = try bench.backUpInParts(delay: 0) { $0.partialInterval = 0 }
    let result = try #require(rest.report)
    #expect(result.resumed == partial && result.parent == nil)
    #expect(result.counts.filesUnmodified == UInt64(saved.count))
    #expect(result.counts.dataChunks == UInt64(Self.fileCount - saved.count))
    #expect(rest.observer.filesRead == Self.fileCount - saved.count)
    #expect(observer.filesRead == saved.count)
    #expect(try partials(bench).isEmpty)
    #expect(try files(bench, try #require(result.snapshot)).count == Self.fileCount)
    try expectComplete(bench, result.snapshot)
    try check(bench)
  }

  /// Whatever is interrupted, and however often: what the last complete snapshot knew is not lost, nor what any of the
  /// interrupted runs has done.
  @Test(arguments: 1...6) func nothingIsReadTwice(seed: UInt64) throws {
    let bench = try BackupBench()
    var random = SeededGenerator(seed: seed)
    try fill(bench)
    _ = try bench.backUp()
    // Some of the files change, so that each run finds a few of them in its way.
    var changed: Set<String> = []
    for _ in 0..<30 {
      let directory = Int.random(in: 0..<6, using: &random)
      let name =
        "d\(directory)/\(Bool.random(using: &random) ? "inner/" : "")f\(Int.random(in: 0..<10, using: &random))"
      try bench.write(name, random.bytes(3_000))
      changed.insert(name)
    }
    bench.settle()
    var read = 0
    var runs = 0
    var result: BackupReport?
    while result == nil {
      try #require(runs < 60)
      let stop = Int.random(in: 1...3, using: &random)
      let (report, observer) = try bench.backUpInParts(stopAfter: runs < 20 ? stop : .max)
      read += observer.filesRead
      runs += 1
      result = report
      for partial in try partials(bench) { try files(bench, partial) }
      // No run leaves more than one, and the last one of them drops all.
      #expect(try partials(bench).count <= (report == nil ? runs : 0))
    }
    #expect(read == changed.count, "after \(runs) runs")
    #expect(result?.counts.filesProcessed == UInt64(Self.fileCount))
    #expect(try partials(bench).isEmpty)
    try expectComplete(bench, result?.snapshot)
    try check(bench)
    // The cache of the complete one is as good as any.
    #expect(try bench.backUpInParts(delay: 0).observer.filesRead == 0)
  }

  /// The source changes under the feet of interrupted runs: what is not there any more is not in the end, either.
  @Test(arguments: 1...6) func whatChangesMeanwhileIsNoticed(seed: UInt64) throws {
    let bench = try BackupBench()
    var random = SeededGenerator(seed: seed + 100)
    try fill(bench)
    if seed % 2 == 0 { _ = try bench.backUp() }
    for round in 0..<6 {
      for _ in 0..<8 {
        let directory = "d\(Int.random(in: 0..<6, using: &random))"
        let name = directory + "/f\(Int.random(in: 0..<12, using: &random))"
        switch Int.random(in: 0..<5, using: &random) {
        case 0: unlink("\(bench.source)/\(name)")
        case 1:
          rename("\(bench.source)/\(directory)/inner", "\(bench.source)/\(directory)/moved\(round)")
        case 2: mkdir("\(bench.source)/\(directory)/new\(round)", 0o755)
        case 3: link("\(bench.source)/\(directory)/f1", "\(bench.source)/link\(round)")
        default: try bench.write(name, random.bytes(2_500))
        }
      }
      if Bool.random(using: &random) { bench.settle() }
      _ = try bench.backUpInParts(stopAfter: Int.random(in: 1...4, using: &random), delay: 200) {
        $0.ignoreCtime = Bool.random(using: &random)
      }
    }
    let result = try bench.backUpInParts(delay: 0).report
    #expect(try partials(bench).isEmpty)
    try expectComplete(bench, result?.snapshot)
    try check(bench)
  }

  /// A file that is not done is in no partial snapshot, but its chunks are.
  @Test func aHugeFileMakesProgress() throws {
    let bench = try BackupBench()
    try bench.write("a", noise(1000, seed: 9))
    try bench.write("huge", noise(48 << 20, seed: 4))
    bench.settle()
    var added: UInt64 = 0
    var runs = 0
    var result: BackupReport?
    var unfinished: UInt64 = 0
    while result == nil && runs < 50 {
      result = try bench.backUpInParts(stopAfter: runs < 4 ? 2 : .max).report
      runs += 1
      guard result == nil else { break }
      let partial = try #require(try partials(bench).last)
      let record = try bench.unlocked.snapshotRecord(partial)
      #expect(!(try files(bench, partial).contains("data/huge")))
      // What is stored of it is named all the same.
      let reader = try IndexedRepository(bench.unlocked).makeReader()
      var named: UInt64 = 0
      for list in record.unfinished {
        named += try reader.withChunk(list) { try ChunkListNode(decoding: $0).byteCount }
      }
      #expect(named > 0 && named < 48 << 20)
      unfinished = max(unfinished, named)
      guard case .integer(let chunks)? = record.summary["data_blobs"] else {
        throw VarveError(.damaged, "no count")
      }
      added += UInt64(chunks)
    }
    try #require(runs > 1 && added > 1)
    #expect(unfinished > 1 << 20)
    let report = try #require(result)
    added += report.counts.dataChunks
    // No chunk was stored twice.
    let snapshot = try #require(report.snapshot)
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    var chunks: Set<Digest> = []
    for path in ["data/a", "data/huge"] {
      guard case .file(let file) = try bench.entry(snapshot, path).content else { continue }
      try file.forEachChunk(from: reader) { chunks.insert($0.address) }
    }
    #expect(added == UInt64(chunks.count), "in \(runs) runs")
    #expect(try files(bench, snapshot) == ["data/a", "data/huge"])
    try check(bench)
  }

  @Test func aStreamMakesProgressToo() throws {
    let bench = try BackupBench()
    try bench.write("stream", noise(24 << 20, seed: 6))
    let path = "\(bench.source)/stream"
    let script = "head -c 12000000 \(path); sleep 0.5; tail -c +12000001 \(path)"
    let command = ["sh", "-c", script].map { Array($0.utf8) }
    func run(_ limit: Int) throws -> (BackupReport?, PacedObserver) {
      // At the latest while it sleeps.
      try bench.backUpInParts(stopAfter: limit, leastBytes: 6 << 20) {
        $0.source = .command(command, name: Array("dump".utf8))
      }
    }
    let (interrupted, _) = try run(1)
    try #require(interrupted == nil)
    let partial = try #require(try partials(bench).first)
    #expect(try bench.unlocked.snapshotRecord(partial).tree.entries == 0)
    let rest = try #require(try run(.max).0)
    #expect(rest.counts.dataAdded < 24 << 20)
    #expect(
      try bench.content(try #require(rest.snapshot), "dump") == noise(24 << 20, seed: 6))
    #expect(try partials(bench).isEmpty)
    try check(bench)
  }

  /// A partial snapshot's link table has only what it has.
  @Test func hardLinksOfPartialSnapshots() throws {
    let bench = try BackupBench()
    try fill(bench)
    for directory in 0..<6 {
      let file = "\(bench.source)/d\(directory)/inner/f1"
      link(file, "\(bench.source)/d\(directory)/inner/again")
      link(file, "\(bench.source)/d\((directory + 3) % 6)/link")
    }
    let (report, _) = try bench.backUpInParts(stopAfter: 2)
    try #require(report == nil)
    let partial = try #require(try partials(bench).first)
    let saved = try files(bench, partial)
    let record = try bench.unlocked.snapshotRecord(partial)
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    if !record.links.isEmpty {
      var bytes: [UInt8] = []
      for id in record.links { bytes += try reader.chunk(id) }
      for group in try bytes.withUnsafeBytes({ try LinkTable(decoding: $0) }).groups {
        #expect(group.count > 1)
        for path in group { #expect(saved.contains(String(decoding: path, as: UTF8.self))) }
      }
    }
    let rest = try bench.backUpInParts(delay: 0).report
    try expectComplete(bench, rest?.snapshot)
    try check(bench)
  }

  @Test func noneUnlessAskedFor() throws {
    let bench = try BackupBench()
    try fill(bench)
    let first = try bench.backUpInParts { $0.partialInterval = 0 }
    #expect(first.observer.partials.isEmpty && first.report != nil)
    try fill(bench, seed: 2)
    let dry = try bench.backUpInParts { $0.dryRun = true }
    #expect(dry.observer.partials.isEmpty)
    // Nothing is read, so there is nothing to save.
    _ = try bench.backUpInParts()
    let unchanged = try bench.backUpInParts(delay: 0)
    #expect(unchanged.observer.partials.isEmpty)
    #expect(try partials(bench).isEmpty)
  }

  /// An interrupted run that would have found nothing new leaves nothing behind.
  @Test func skippingDropsPartialSnapshots() throws {
    let bench = try BackupBench()
    try fill(bench)
    let complete = try bench.backUp().snapshot
    let (report, _) = try bench.backUpInParts(stopAfter: 1) { $0.parent = .none }
    try #require(report == nil)
    #expect(try partials(bench).count == 1)
    let skipped = try bench.backUpInParts(delay: 0) { $0.skipIfUnchanged = true }
    #expect(skipped.report?.snapshot == nil && skipped.report?.parent == complete)
    #expect(try partials(bench).isEmpty)
    #expect(try bench.backUpInParts(delay: 0).observer.filesRead == 0)
  }
}
