import Glibc
internal import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Saves files into a repository as a snapshot.
///
/// ```
/// walk -> compare with the change cache -> (what changed) read -> cut -> address -> look up
///      -> block -> compress -> seal -> pack -> storage;  directories encoded bottom-up
///      -> index segment -> snapshot record, inventory -> log entry
/// ```
/// Every thread takes work from one stack and owns its buffers, contexts and open blocks; they share the
/// open pack. Nothing is visible in the repository before the log entry is.
public struct Backup {
  private let repository: IndexedRepository
  private let options: BackupOptions
  private let observer: (any BackupObserver)?
  private let cancellation: CancellationFlag

  /// Runs a backup.
  ///
  /// - Returns: what was done; `problems` names each source that could not be read in full.
  /// - Throws: `.forbidden` for a reader; `.usage` for options that contradict each other; `.interrupted`; `.io` when
  ///   storage fails, a source command fails, or no source can be read. Nothing is committed then.
  public static func run(
    _ repository: IndexedRepository, options: BackupOptions,
    observer: (any BackupObserver)? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) throws -> BackupReport {
    try Backup(
      repository: repository, options: options, observer: observer, cancellation: cancellation
    ).run()
  }

  private func run() throws -> BackupReport {
    var report = BackupReport(start: WallClock.now())
    let began = MonotonicClock.nanoseconds
    report.dryRun = options.dryRun
    report.chunkSize = options.chunkSizes?.mean
    try LogStatement.SnapshotAddition.requireFewTags(options.tags)
    let identity = try SourceIdentity(options)
    let files = changeCacheFiles(identity)
    let parent = try findParent(identity, files)
    report.parent = parent.snapshot
    let storage: any StorageBackend =
      options.dryRun ? DryRunStorage(repository.storage) : repository.storage
    let store = repository.makeStore(
      level: CompressionLevel(rawValue: options.compression.rawValue) ?? .auto,
      verifies: options.verifyPacks, storage: storage, keepsIndex: !options.dryRun)
    let cacheWriter: ChangeCacheWriter? =
      options.dryRun ? nil : files.flatMap { ChangeCacheWriter(files: $0, old: parent.cache?.head) }
    let workers = max(1, options.workers ?? WorkerThreads.processorCount)
    let session = try makeSession(store, parent.cache, cacheWriter, workers)
    let root = try archive(session, workers)
    let counts = root.tally
    report.socketsSkipped = session.socketsSkipped.load(ordering: .relaxed)
    report.problems = session.reportedProblems
    let finisher = try BackupWorker(session: session, number: 0)
    let links = try storeLinks(session, finisher)
    try finisher.writer.flush()
    report.counts = counts
    observer?.scanFinished(duration: MonotonicClock.nanoseconds - began)

    let tree = SnapshotRecord.Tree(
      id: root.node.id, root: root.node.root, entries: root.node.count)
    let isSame = parent.tree == root.node.id
    func finishReport() {
      report.counts.dataChunks = store.counters.dataChunks.load(ordering: .relaxed)
      report.counts.treeChunks = store.counters.treeChunks.load(ordering: .relaxed)
      report.counts.dataAdded =
        store.counters.dataBytes.load(ordering: .relaxed)
        + store.counters.treeBytes.load(ordering: .relaxed)
      report.counts.dataAddedPacked = store.counters.storedBytes.load(ordering: .relaxed)
      report.end = WallClock.now()
      report.duration = MonotonicClock.nanoseconds - began
    }
    if options.skipIfUnchanged && isSame && parent.snapshot != nil {
      finishReport()
      return report
    }
    let added = try store.finish(by: finisher.writer)
    finishReport()
    if options.dryRun { return report }
    let record = makeRecord(identity, tree, links, parent.snapshot, report)
    let snapshot = try SnapshotCommit(repository.unlocked).commit(
      record, adding: added, parent: parent.snapshot)
    cacheWriter?.finish(snapshot: snapshot, root: root.record)
    report.snapshot = snapshot
    report.end = WallClock.now()
    report.duration = MonotonicClock.nanoseconds - began
    return report
  }

  // MARK: Before

  private func changeCacheFiles(_ identity: SourceIdentity) -> ChangeCacheFiles? {
    guard case .paths = options.source, let cache = repository.unlocked.cacheDirectory else {
      return nil
    }
    let files = ChangeCacheFiles(
      repositoryCache: cache,
      identity: [identity.host] + identity.paths + [
        options.asPath ?? [], options.withAtime ? [1] : [0],
      ])
    mkdir(cache, 0o700)
    mkdir(files.directory, 0o700)
    return files
  }

  private struct ParentSnapshot {
    var snapshot: Digest?
    var tree: Digest?
    var cache: ChangeCache?
  }

  /// The snapshot to compare with, and the change cache that describes it.
  ///
  /// A cache counts only while its snapshot is live: then everything it refers to is stored (I2).
  private func findParent(
    _ identity: SourceIdentity, _ files: ChangeCacheFiles?
  ) throws -> ParentSnapshot {
    var result = ParentSnapshot()
    let state = repository.log.state
    let cache = files.flatMap { ChangeCache(files: $0) }
    switch options.parent {
    case .none: return result
    case .selector(let text):
      result.snapshot = try SnapshotSearch(repository.unlocked).id(
        of: SnapshotSelector(parsing: Array(text.utf8)))
    case .automatic:
      if let live = cache.flatMap({ Self.liveForm(of: $0.head.snapshot, in: state) }) {
        result.snapshot = live
      } else {
        result.snapshot = newestLike(identity)
      }
    }
    guard let snapshot = result.snapshot else { return result }
    if let cache, Self.liveForm(of: cache.head.snapshot, in: state) == snapshot {
      result.cache = cache
      result.tree = cache.record(at: cache.head.root)?.node.id
    }
    if result.tree == nil {
      result.tree = (try? repository.unlocked.snapshotRecord(snapshot))?.tree.id
    }
    return result
  }

  /// The snapshot itself while it is live, or the live one that has its tree under a changed record.
  private static func liveForm(of snapshot: Digest, in state: LogState) -> Digest? {
    if state.snapshots[snapshot] != nil { return snapshot }
    return state.snapshotsInOrder.first { $0.original == snapshot }?.id
  }

  /// The newest live snapshot of this host and these paths, among the last hundred; nil for a role that cannot read.
  private func newestLike(_ identity: SourceIdentity) -> Digest? {
    for snapshot in repository.log.state.snapshotsInOrder.suffix(100).reversed() {
      guard let record = try? repository.unlocked.snapshotRecord(snapshot.id) else { continue }
      if record.host == identity.host && record.paths == identity.paths { return snapshot.id }
    }
    return nil
  }

  private func makeSession(
    _ store: ChunkStore, _ cache: ChangeCache?, _ cacheWriter: ChangeCacheWriter?, _ workers: Int
  ) throws -> BackupSession {
    let keys = repository.unlocked.keys
    var tags = options.excludeIfPresent.map { ExclusionTag(name: $0.name, header: $0.header) }
    if options.excludeCaches { tags.append(.cacheDirectory) }
    return try BackupSession(
      options: options,
      filter: try PathFilter(
        excludes: options.excludes, caseInsensitiveExcludes: options.caseInsensitiveExcludes),
      tags: tags, store: store,
      chunker: try makeChunker(options.chunkSizes ?? repository.config.chunkSizes),
      pagedChunker: try makeChunker(options.chunkSizes ?? pagedChunkSizes()),
      proofKey: HMACSHA256(key: try keys.proofKey()), cache: cache, cacheWriter: cacheWriter,
      observer: observer, cancellation: cancellation, workers: workers)
  }

  /// Short chunks, unless the repository's own are as short.
  private func pagedChunkSizes() throws -> RepositoryConfig.ChunkSizes {
    let own = repository.config.chunkSizes
    if own.mean <= PagedFormat.chunkMean { return own }
    return try RepositoryConfig.ChunkSizes(mean: PagedFormat.chunkMean)
  }

  private func makeChunker(_ sizes: RepositoryConfig.ChunkSizes) throws -> Chunker {
    Chunker(
      parameters: try ChunkerParameters(min: sizes.min, target: sizes.target, max: sizes.max),
      table: GearTable(
        words: GearKeySchedule.words(chunkerKey: try repository.unlocked.keys.chunkerKey())))
  }

  // MARK: The walk

  private struct Archived {
    var node: NodeReference
    var record: UInt64
    var tally: SourceCounts
  }

  private func archive(_ session: BackupSession, _ workers: Int) throws -> Archived {
    let root: DirectoryJob?
    switch options.source {
    case .paths(let paths):
      let cached = session.cache.flatMap { $0.record(at: $0.head.root) }
      let job =
        switch try SourceDirectory.plan(paths, asPath: options.asPath) {
        case .directory(let path):
          DirectoryJob(parent: nil, index: 0, path: path, sources: nil, cached: cached)
        case .named(let sources):
          DirectoryJob(parent: nil, index: 0, path: [], sources: sources, cached: cached)
        }
      DescriptorLimit.raise()
      root = job
      session.stack.push(.scan(job))
    case .standardInput(let name):
      root = nil
      session.stack.push(.stream(StreamBackup(name: name, command: nil)))
    case .command(let command, let name):
      root = nil
      session.stack.push(.stream(StreamBackup(name: name, command: command)))
    }
    let tallies = Mutex<[SourceCounts]>([])
    try WorkerThreads.run(count: workers) { number in
      let worker = try BackupWorker(session: session, number: number)
      try worker.run()
      let tally = worker.tally
      tallies.withLock { $0.append(tally) }
    }
    if root?.sources != nil, session.sourcesFound.load(ordering: .relaxed) == 0 {
      throw VarveError(
        .io, "none of the sources can be read", hint: "see the messages above for each of them")
    }
    guard let result = session.root.withLock({ $0 }) else {
      throw VarveError(.io, "the source cannot be read")
    }
    session.progress.scanFinished.store(true, ordering: .relaxed)
    return Archived(
      node: result.node, record: result.record,
      tally: tallies.withLock { $0.reduce(into: SourceCounts()) { $0.add($1) } })
  }

  private func storeLinks(
    _ session: BackupSession, _ worker: BackupWorker
  ) throws -> [Digest] {
    let groups = session.links.table()
    guard !groups.isEmpty else { return [] }
    let bytes = LinkTable(groups: groups).encode()
    // Cut by the repository's own sizes, whatever this backup uses for its files.
    let chunker = try makeChunker(repository.config.chunkSizes)
    var ids: [Digest] = []
    try bytes.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        let length = chunker.cut(rest)
        ids.append(try worker.store(node: UnsafeRawBufferPointer(rebasing: rest[..<length])))
        start += length
      }
    }
    return ids
  }

  private func makeRecord(
    _ identity: SourceIdentity, _ tree: SnapshotRecord.Tree, _ links: [Digest], _ parent: Digest?,
    _ report: BackupReport
  ) -> SnapshotRecord {
    SnapshotRecord(
      time: options.time ?? report.start, host: identity.host, user: identity.user,
      uid: getuid(), gid: getgid(), paths: identity.paths, tags: options.tags, meta: options.meta,
      tree: tree, links: links, parent: parent, program: ProgramVersion.program,
      excludes: options.excludes + options.caseInsensitiveExcludes,
      summary: report.summary)
  }
}

extension SourceCounts {
  mutating func add(_ other: SourceCounts) {
    filesNew += other.filesNew
    filesChanged += other.filesChanged
    filesUnmodified += other.filesUnmodified
    directoriesNew += other.directoriesNew
    directoriesChanged += other.directoriesChanged
    directoriesUnmodified += other.directoriesUnmodified
    filesProcessed += other.filesProcessed
    bytesProcessed += other.bytesProcessed
  }
}
