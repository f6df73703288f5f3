import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Two repositories in memory, each with its own keys, and a directory that is backed up into the first.
final class CopyBench {
  let source: BackupBench
  let target: BackupBench

  init(packSize: Int = RepositoryConfig.standardPackSize) throws {
    source = try BackupBench(packSize: packSize)
    target = try BackupBench(packSize: packSize)
  }

  @discardableResult func backUp() throws -> Digest {
    source.settle()
    return try #require(try source.backUp().snapshot)
  }

  /// Copies all that the source has, or some of it.
  func copy(
    _ snapshots: [Digest]? = nil, to unlocked: UnlockedRepository? = nil,
    observer: (any CopyObserver)? = nil, cancellation: CancellationFlag = CancellationFlag(),
    _ change: (inout CopyOptions) -> Void = { _ in }
  ) throws -> CopyReport {
    var options = CopyOptions()
    options.workers = 2
    change(&options)
    try source.unlocked.log.refresh()
    try target.unlocked.log.refresh()
    return try Copy(
      from: source.unlocked, to: unlocked ?? target.unlocked, options: options,
      observer: observer, cancellation: cancellation
    ).run(snapshots ?? source.unlocked.liveSnapshots)
  }

  /// Requires that what was copied says and holds the same as at the source, and that a check which reads all of the target
  /// finds nothing.
  func expectEqual(_ copied: [CopyReport.Copied]) throws {
    try target.unlocked.log.refresh()
    for copy in copied {
      let id = try #require(copy.target)
      var (old, new) = (
        try source.unlocked.snapshotRecord(copy.source), try target.unlocked.snapshotRecord(id)
      )
      #expect(try Contents(source, old) == Contents(target, new))
      (old.tree, new.tree) = (new.tree, new.tree)
      (old.links, new.links) = ([], [])
      (old.parent, old.original) = (new.parent, new.original)
      #expect(old.treeSalt != new.treeSalt)
      old.treeSalt = new.treeSalt
      #expect(old == new)
    }
    try target.expectSound()
  }
}

/// All that a snapshot holds: entries but for what depends on a repository's keys, digests of contents, and links.
struct Contents: Equatable {
  var entries: [String: TreeEntry] = [:]
  var links: [[[UInt8]]]

  init(_ bench: BackupBench, _ record: SnapshotRecord) throws {
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    links = try LinkTable.groups(of: record, from: reader)
    let walk = try TreeWalk(record.rootDirectory, from: reader)
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      var entry = try raw.decode()
      switch entry.content {
      case .directory(let content):
        entry.content = .directory(
          DirectoryContent(id: .zero, proofRoot: .zero, entryCount: content.entryCount))
        entries[EscapedBytes.text(walk.path)] = entry
        try walk.enter(content)
        continue
      case .file(let file):
        var length: UInt64 = 0
        try file.forEachChunk(from: reader) { chunk in
          let bytes = try reader.chunk(chunk.address)
          #expect(bytes.count == Int(chunk.length))
          length += UInt64(chunk.length)
        }
        #expect(length + file.holes.reduce(0) { $0 + $1.length } == file.size)
      case .link, .device, .none: break
      }
      entries[EscapedBytes.text(walk.path)] = entry
    }
  }
}

extension BackupBench {
  func names(_ prefix: String = "") throws -> Set<String> {
    var names: Set<String> = []
    try storage.list(prefix) { name, _ in names.insert(name) }
    return names
  }

  /// A check that reads everything finds nothing; it verifies proof roots, too.
  func expectSound() throws {
    let report = try Check.run(
      storage: storage, client: client, options: CheckOptions(readData: .all)
    ) { try $0.unlock(.password(secret("password")), client: client) }
    #expect(report.isOK, "\(report.damages)")
    if !unlocked.log.state.snapshots.isEmpty { try unlocked.expectTreeCommitments() }
  }

  /// Files and directories of every kind that can be made without privileges.
  func writeEveryKind(seed: UInt64 = 1) throws {
    try write("empty", [])
    try write("small", noise(300, seed: seed))
    try write("long", noise(900_000, seed: seed + 1))
    try write("odd \u{1}name\n", noise(20, seed: seed + 2))
    mkdir("\(source)/a", 0o2750)
    mkdir("\(source)/a/b", 0o700)
    mkdir("\(source)/a/b/empty", 0o755)
    try write("a/b/deep", noise(50_000, seed: seed + 3))
    symlink("b/deep", "\(source)/a/link")
    mkfifo("\(source)/a/fifo", 0o600)
    link("\(source)/small", "\(source)/a/linked")
    link("\(source)/a/b/deep", "\(source)/deep too")
    let sparse = open("\(source)/sparse", O_WRONLY | O_CREAT, 0o640)
    try #require(sparse >= 0)
    pwrite(sparse, noise(9_000, seed: seed + 4), 9_000, 1 << 20)
    ftruncate(sparse, 3 << 20)
    close(sparse)
    mkdir("\(source)/many", 0o755)
    // Enough for a directory in parts.
    for number in 0..<3_500 { try write("many/\(number)-\(String(repeating: "x", count: 60))", []) }
  }
}
