import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage

/// A repository with a history to prune: snapshots of a directory in which files come, change and go.
final class PruneBench {
  let bench: BackupBench
  var storage: MemoryStorage { bench.storage }
  var unlocked: UnlockedRepository { bench.unlocked }
  /// What each snapshot must restore to.
  private(set) var contents: [Digest: [String: [UInt8]]] = [:]
  private var files: [String: [UInt8]] = [:]

  init(
    chunks: RepositoryConfig.ChunkSizes? = nil, packSize: Int = RepositoryConfig.standardPackSize
  ) throws {
    bench = try BackupBench(chunks: chunks, packSize: packSize)
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    try bench.write(name, bytes)
    files[name] = bytes
  }

  func remove(_ name: String) {
    unlinkFile("\(bench.source)/\(name)")
    files[name] = nil
  }

  @discardableResult func backUp() throws -> Digest {
    bench.settle()
    let snapshot = try #require(try bench.backUp().snapshot)
    contents[snapshot] = files
    return snapshot
  }

  func forget(_ snapshots: [Digest]) throws {
    try unlocked.log.refresh()
    try unlocked.log.append { _ in [.forget(.init(snapshots: snapshots, reason: "test"))] }
  }

  @discardableResult func prune(_ change: (inout PruneOptions) -> Void = { _ in }) throws
    -> PruneReport
  {
    var options = PruneOptions()
    options.grace = 0
    options.maxUnused = .bytes(0)
    options.workers = 2
    change(&options)
    return try Prune(unlocked, options: options).run()
  }

  /// Every live snapshot restores to what was saved, and a check that reads everything finds nothing.
  func expectIntact() throws {
    try unlocked.log.refresh()
    for snapshot in unlocked.log.state.snapshotsInOrder {
      for (name, bytes) in try #require(contents[snapshot.id]) {
        #expect(try bench.content(snapshot.id, "data/\(name)") == bytes)
      }
    }
    let report = try Check.run(
      storage: storage, client: bench.client, options: CheckOptions(readData: .all)
    ) { repository in
      try repository.unlock(.password(secret("password")), client: bench.client)
    }
    #expect(report.isOK, "\(report.damages)")
    #expect(report.unreferenced.isEmpty, "\(report.unreferenced)")
  }

  func names(_ prefix: String) throws -> Set<String> {
    var names: Set<String> = []
    try storage.list(prefix) { name, _ in names.insert(name) }
    return names
  }
}
