import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

@Suite struct SnapshotRepairTests {
  private let scratch: ScratchDirectory
  private let repository: MemoryRepository
  private let chunks = MemoryChunks()

  init() throws {
    scratch = try ScratchDirectory()
    repository = try MemoryRepository(directory: scratch)
  }

  private var unlocked: UnlockedRepository { repository.unlocked }

  /// Commits a snapshot of the tree without what `lost` says: in a repository that never had it.
  private func add(
    _ record: SnapshotRecord, losing lost: [Digest]
  ) throws -> Digest {
    for id in lost { chunks.remove(id) }
    return try repository.add(record, chunks)
  }

  private func repair(
    _ snapshots: [Digest], _ change: (inout SnapshotRepair.Options) -> Void = { _ in }
  ) throws -> [SnapshotRepair.Repaired] {
    var options = SnapshotRepair.Options()
    change(&options)
    return try SnapshotRepair(unlocked, options: options).run(on: snapshots)
  }

  private func only(
    _ repaired: [SnapshotRepair.Repaired]
  ) throws -> (SnapshotRepair.Repaired, Digest) {
    let one = try #require(repaired.first)
    #expect(repaired.count == 1)
    guard case .repaired(let id?) = one.outcome else {
      throw VarveError(.notFound, "\(one.outcome)")
    }
    let entry = try #require(unlocked.log.state.snapshots[id]).entry
    let record = try unlocked.snapshotRecord(id)
    guard case .snapshot(let addition) = try unlocked.log.entry(entry).statement.body else {
      throw VarveError(.notFound, "entry \(entry)")
    }
    #expect(record.treeSalt != nil && addition.tree == record.treeCommitment)
    return (one, id)
  }

  /// All paths of a snapshot, those of directories with a slash behind them.
  private func paths(_ snapshot: Digest) throws -> [String] {
    let reader = try IndexedRepository(unlocked).makeReader()
    func list(_ id: Digest, _ path: String) throws -> [String] {
      var found: [String] = []
      var below: [(String, Digest)] = []
      try DirectoryReader.forEachEntry(of: id, fetch: reader.chunk) { raw in
        let entry = try raw.decode()
        let name = path + String(decoding: entry.name, as: UTF8.self)
        if case .directory(let content) = entry.content {
          found.append(name + "/")
          below.append((name + "/", content.id))
        } else {
          found.append(name)
        }
      }
      return try found + below.flatMap { try list($1, $0) }
    }
    return try list(try unlocked.snapshotRecord(snapshot).tree.id, "").sorted()
  }

  /// - Parameter proofRoots: whether all of them are right: those of `MemoryChunks` are not.
  private func expectChecks(proofRoots: Bool = false) throws {
    var options = CheckOptions(readData: .all)
    options.record = false
    options.verifyProofRoots = proofRoots
    let report = try Check.run(
      storage: repository.storage, client: unlocked.client, options: options
    ) { try $0.unlock(.password(secret("secret")), client: unlocked.client) }
    #expect(report.isOK, "\(report.damages)")
  }

  private static func addresses(_ bytes: [UInt8], chunkSize: Int = 1 << 16) -> [Digest] {
    stride(from: 0, to: bytes.count, by: chunkSize).map {
      SHA256.digest(Array(bytes[$0..<min($0 + chunkSize, bytes.count)]))
    }
  }

  @Test func whatCannotBeReadIsLeftOut() throws {
    let (big, small) = (noise(300_000, seed: 1), noise(1_000, seed: 2))
    let inner = try chunks.tree([("gone", .text("x"))])
    var record = try chunks.snapshot([
      ("a", .directory([("big", .file(big)), ("small", .file(small)), ("sub", .directory([]))])),
      ("b", .directory([("gone", .text("x"))])), ("c", .text("kept")),
    ])
    record.tags = ["one", "two"]
    record.host = Array("lake".utf8)
    record.paths = [Array("/a".utf8)]
    record.time = Timestamp(seconds: 77, nanoseconds: 5, offset: 3600)
    let old = try add(record, losing: [Self.addresses(big)[2], inner.id])
    let plan = try repair([old]) { $0.isDryRun = true }
    #expect(plan.map(\.outcome) == [.repaired(nil)])
    let size = unlocked.log.state.size
    let (result, new) = try only(try repair([old]))
    #expect(unlocked.log.state.size == size + 1)
    #expect(
      result.unreadable.map { String(decoding: $0.path, as: UTF8.self) } == ["a/big", "b"])
    #expect(result.unreadable.map(\.kind) == [.file, .directory])
    #expect(try paths(new) == ["a/", "a/small", "a/sub/", "c"])
    var wanted = record
    let repaired = try unlocked.snapshotRecord(new)
    wanted.tree = repaired.tree
    wanted.treeSalt = repaired.treeSalt
    wanted.original = old
    #expect(repaired == wanted)
    // Its entry names no original: change caches of the old one do not hold for it.
    #expect(unlocked.log.state.snapshots[new]?.original == nil)
    #expect(unlocked.log.state.snapshots[old] != nil)

    // A second time the same is found; with --forget the old one goes, and all is well.
    #expect(try repair([old, new]).map(\.outcome) == [.isThere(new)])
    let forgotten = try repair([old, new]) { $0.forgets = true }
    #expect(forgotten.map(\.isForgotten) == [true])
    #expect(unlocked.log.state.snapshotsInOrder.map(\.id) == [new])
    #expect(try repair([new]).isEmpty)
  }

  @Test func proofRootsAreRight() throws {
    let lost = noise(1_000, seed: 3)
    let old = try add(
      try chunks.snapshot([
        (
          "a",
          .directory([
            ("b", .directory([("x", .file(lost)), ("y", .text("y"))])), ("c", .text("c")),
          ])
        )
      ]), losing: Self.addresses(lost))
    _ = try only(try repair([old]) { $0.forgets = true })
    try expectChecks(proofRoots: true)
  }

  @Test func marks() throws {
    let lost = noise(1_000, seed: 4)
    let long = String(repeating: "n", count: 255)
    let directory = try chunks.tree([("in", .text("in"))])
    let old = try add(
      try chunks.snapshot([
        ("a", .mode(0o751, .directory([("in", .text("in"))]))), ("x", .mode(0o640, .file(lost))),
        ("x!", .text("before it")), ("x.unreadable", .text("taken")), ("x.unreadable.1", .fifo),
        (long, .hardLinked(.file(lost))),
      ]), losing: Self.addresses(lost) + [directory.id])
    let (result, new) = try only(
      try repair([old]) {
        $0.marks = true
        $0.forgets = true
      })
    let shortened = String(repeating: "n", count: 244) + ".unreadable"
    #expect(
      try paths(new) == [
        "a.unreadable/", shortened, "x!", "x.unreadable", "x.unreadable.1", "x.unreadable.2",
      ])
    #expect(
      result.unreadable.map { $0.mark.map { String(decoding: $0, as: UTF8.self) } }
        == ["a.unreadable", shortened, "x.unreadable.2"])
    let reader = try IndexedRepository(unlocked).makeReader()
    let root = try unlocked.snapshotRecord(new).rootDirectory
    func entry(_ path: String) throws -> TreeEntry {
      try #require(
        try TreeLookup.entry(at: SnapshotPath(Array(path.utf8)), below: root, from: reader))
    }
    #expect(try entry("x.unreadable.2").content == .file(.empty))
    #expect(try entry("x.unreadable.2").attributes.mode == 0o640)
    #expect(try entry("a.unreadable").attributes.mode == 0o751)
    #expect(try entry(shortened).attributes.isHardLinked == false)
    try expectChecks()
  }

  @Test func linksAndUnfinishedFiles() throws {
    let lost = noise(1_000, seed: 5)
    let entries: [(name: String, node: Node)] = [
      ("d", .directory([("1", .hardLinked(.text("one"))), ("2", .hardLinked(.text("one")))])),
      ("3", .hardLinked(.file(lost))), ("4", .hardLinked(.file(lost))),
      ("5", .hardLinked(.text("five"))), ("6", .hardLinked(.text("five"))),
    ]
    var record = try chunks.snapshot(
      entries, links: [["3", "4"], ["5", "6"], ["d/1", "d/2"]])
    let table = record.links
    record.isPartial = true
    let known = chunks.store(noise(500, seed: 6))
    func list(_ address: Digest) -> Digest {
      ChunkListNode(chunks: [ChunkReference(address: address, length: 500)]).encode()
        .withUnsafeBytes { chunks.store($0) }
    }
    let (whole, gone, unlisted) = (list(known), list(SHA256.digest([1])), SHA256.digest([2]))
    record.unfinished = [whole, gone, unlisted]
    let old = try add(record, losing: Self.addresses(lost))
    let (result, new) = try only(try repair([old]) { $0.forgets = true })
    #expect(result.unfinished == 2 && !result.hasLostLinks)
    let repaired = try unlocked.snapshotRecord(new)
    #expect(repaired.unfinished == [whole] && repaired.isPartial && repaired.links != table)
    let reader = try IndexedRepository(unlocked).makeReader()
    let names = try LinkTable.groups(of: repaired, from: reader)
      .map { $0.map { String(decoding: $0, as: UTF8.self) } }
    #expect(names == [["5", "6"], ["d/1", "d/2"]])
    try expectChecks()
  }

  @Test func aLostLinkTable() throws {
    let record = try chunks.snapshot(
      [("1", .hardLinked(.text("x"))), ("2", .hardLinked(.text("x")))], links: [["1", "2"]])
    let old = try add(record, losing: record.links)
    let (result, new) = try only(try repair([old]) { $0.forgets = true })
    #expect(result.hasLostLinks && result.unreadable.isEmpty)
    #expect(try unlocked.snapshotRecord(new).links.isEmpty)
    #expect(try paths(new) == ["1", "2"])
    try expectChecks()
  }

  /// Of a huge directory the parts that can be read stay.
  @Test func aPartOfAHugeDirectory() throws {
    let root = try chunks.tree([
      ("huge", .directory((0..<9_000).map { ("a file with a name \($0)", .text("\($0 % 7)")) }))
    ])
    let record = SnapshotRecord(
      time: Timestamp(seconds: 0), host: [], user: [], uid: 0, gid: 0, paths: [],
      tree: SnapshotRecord.Tree(id: root.id, root: root.proofRoot, entries: root.entryCount),
      program: "test")
    var huge = Digest.zero
    func node(_ id: Digest) throws -> [UInt8] { try #require(chunks.chunks[id]) }
    try DirectoryReader.forEachEntry(of: root.id, fetch: node) { raw in
      if case .directory(let content) = try raw.decode().content { huge = content.id }
    }
    var parts: [Digest] = []
    try node(huge).withUnsafeBytes {
      var node = try TreeNodeReader($0)
      while let part = try node.nextPart() { parts.append(part.id) }
    }
    try #require(parts.count > 2)
    let old = try add(record, losing: [parts[1]])
    let (result, new) = try only(try repair([old]) { $0.forgets = true })
    guard case .entries(let count)? = result.unreadable.first?.kind else {
      Issue.record("\(result.unreadable)")
      return
    }
    #expect(result.unreadable.map(\.path) == [Array("huge".utf8)])
    #expect(try paths(new).count == 9_001 - Int(count))
    try expectChecks()
  }

  @Test func beyondRepairAndHeld() throws {
    let record = try chunks.snapshot([("x", .text("x"))])
    let rootless = try add(record, losing: [record.tree.id])
    let lost = noise(1_000, seed: 8)
    let held = try add(try chunks.snapshot([("y", .file(lost))]), losing: Self.addresses(lost))
    let recordless = try add(try chunks.snapshot([("z", .text("z"))]), losing: [])
    try repository.storage.remove(ObjectName.snapshot(recordless))
    try unlocked.log.append { _ in
      [.hold(.init(snapshots: [held, rootless], term: .permanent, reason: ""))]
    }
    let results = try repair([rootless, held, recordless]) { $0.forgets = true }
    #expect(results.map(\.isForgotten) == [false, false, true])
    #expect(results.map { $0.hold != nil } == [true, true, false])
    let live = Set(unlocked.log.state.snapshotsInOrder.map(\.id))
    #expect(live.isSuperset(of: [rootless, held]) && !live.contains(recordless))
    #expect(live.count == 3)
  }

  /// What the log does not call lost yet is for `repair index` and `repair packs`.
  @Test func damageThatIsNotLoggedStopsIt() throws {
    let (bench, snapshots) = try StorageRepairTests.history()
    let size = bench.unlocked.log.state.size
    func expectRefusal(_ code: VarveError.Code, _ what: String) throws {
      #expect(throws: VarveError(code, ""), "\(what)") {
        try SnapshotRepair(bench.unlocked).run(on: snapshots)
      }
      #expect(bench.unlocked.log.state.size == size)
    }
    for name in try bench.names("packs/") {
      let bytes = try bench.storage.read(name)
      try bench.storage.remove(name)
      try expectRefusal(.missing, name)
      try bench.storage.put(name, Array(bytes.dropLast()))
      try expectRefusal(.damaged, name)
      try bench.storage.put(name, bytes)
    }
    let live = try LiveObjects(bench.unlocked.log.state, storage: bench.storage)
    let smallest = try #require(live.packs.filter { $0.value < 5_000 }.keys.min())
    var bytes = try bench.storage.read(ObjectName.pack(smallest))
    bytes[200] ^= 1
    try bench.storage.put(ObjectName.pack(smallest), bytes)
    try expectRefusal(.damaged, "a tree pack")
  }

  /// A repaired snapshot has less than the one that the client's change cache describes.
  @Test(arguments: [false, true]) func theNextBackupReadsWhatIsLost(prunes: Bool) throws {
    let (bench, snapshots) = try StorageRepairTests.history()
    let packs = try bench.names("packs/").map { ($0, try bench.storage.read($0).count) }
    for (name, count) in packs where count > 50_000 { try bench.storage.remove(name) }
    _ = try StorageRepairTests.repair(bench)
    var options = SnapshotRepair.Options()
    options.forgets = true
    let repaired = try SnapshotRepair(bench.unlocked, options: options).run(on: snapshots)
    #expect(repaired.count == 3)
    if prunes { try bench.prune() }
    let new = try bench.backUp()
    for (name, bytes) in try #require(bench.contents[snapshots[2]]) {
      #expect(try bench.bench.content(new, "data/\(name)") == bytes)
    }
    if !prunes {
      _ = try Undo(bench.unlocked).run(snapshots)
      for snapshot in snapshots {
        for (name, bytes) in try #require(bench.contents[snapshot]) {
          #expect(try bench.bench.content(snapshot, "data/\(name)") == bytes)
        }
      }
    }
  }

  @Test func canBeStoppedAnywhere() throws {
    var stop = 0
    while true {
      let (bench, snapshots) = try StorageRepairTests.history()
      try bench.storage.remove(try StorageRepairTests.largestPack(bench))
      _ = try StorageRepairTests.repair(bench)
      var options = SnapshotRepair.Options()
      options.forgets = true
      for after in [false, true] {
        let faulty = FaultStorage(bench.storage, stoppingAtChange: stop, afterEffect: after)
        let done = try? SnapshotRepair(bench.bench.unlocked(faulty), options: options)
          .run(on: bench.bench.unlocked(faulty).log.state.snapshotsInOrder.map(\.id))
        if done != nil && !after { return #expect(stop > 3) }
        try bench.unlocked.log.refresh()
      }
      try bench.unlocked.log.refresh()
      let live = bench.unlocked.log.state.snapshotsInOrder.map(\.id)
      #expect(live.count >= 3)
      _ = try SnapshotRepair(bench.unlocked, options: options).run(on: live)
      let left = bench.unlocked.log.state.snapshotsInOrder.map(\.id)
      #expect(left.count == 3, "stop \(stop)")
      #expect(try SnapshotRepair(bench.unlocked, options: options).run(on: left).isEmpty)
      for snapshot in snapshots where left.contains(snapshot) {
        for (name, bytes) in try #require(bench.contents[snapshot]) {
          #expect(try bench.bench.content(snapshot, "data/\(name)") == bytes, "stop \(stop)")
        }
      }
      stop += 1
    }
  }
}
