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
/// open pack. Nothing is visible in the repository before the log entry is; one for what is done so far comes
/// at intervals (`PartialSnapshots`).
public struct Backup {
  private let repository: IndexedRepository
  private let options: BackupOptions
  private let observer: (any BackupObserver)?
  private let cancellation: CancellationFlag
  /// How often a backup begins again because of a prune.
  private static let attemptLimit = 5

  /// Runs a backup.
  ///
  /// - Returns: what was done; `problems` names each source that could not be read in full.
  /// - Throws: `.forbidden` for a reader; `.usage` for options that contradict each other; `.interrupted`; `.io` when
  ///   storage fails, a source command fails, or no source can be read. No complete snapshot is committed then; there may
  ///   be a partial one.
  public static func run(
    _ repository: IndexedRepository, options: BackupOptions,
    observer: (any BackupObserver)? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) throws -> BackupReport {
    var repository = repository
    for attempt in 1...attemptLimit {
      do {
        var report = try Backup(
          repository: repository, options: options, observer: observer, cancellation: cancellation
        ).run()
        report.attempts = attempt
        return report
      } catch is SessionIsInvalid {
        guard options.source.isRepeatable else { break }
        // Somebody pruned: what was taken for stored may be gone soon. What is live now is found again.
        try repository.log.refresh()
        repository = try IndexedRepository(repository.unlocked)
      }
    }
    throw VarveError(
      .io, "data that this backup relied on was pruned while it ran",
      hint: "run the backup again; without 'prune --now' beside it, it will not happen again")
  }

  private func run() throws -> BackupReport {
    var report = BackupReport(start: WallClock.now())
    let began = MonotonicClock.nanoseconds
    report.dryRun = options.dryRun
    report.chunkSize = options.chunkSizes?.mean
    try LogStatement.SnapshotAddition.requireFewTags(options.tags)
    let identity = try SourceIdentity(options)
    let files = changeCacheFiles(identity)
    let parent = try ParentSnapshot(
      of: identity, options.parent, files, in: repository)
    report.parent = parent.snapshot
    report.resumed = parent.resumed
    let storage: any StorageBackend =
      options.dryRun ? DryRunStorage(repository.storage) : repository.storage
    let store = try repository.makeStore(
      level: CompressionLevel(rawValue: options.compression.rawValue) ?? .auto,
      verifies: options.verifyPacks, storage: storage, keepsIndex: !options.dryRun,
      resumes: !options.dryRun)
    defer { store.end() }
    let cacheWriter: ChangeCacheWriter? =
      options.dryRun ? nil : files.flatMap { ChangeCacheWriter(files: $0, old: parent.cache?.head) }
    let workers = max(1, options.workers ?? WorkerThreads.processorCount)
    let session = try makeSession(store, parent, cacheWriter, workers)
    let snapshots = try SessionSnapshots(
      repository, store, options, identity, parent, cacheWriter, start: report.start)
    let linkTable = LinkTableChunker(try makeChunker(repository.config.chunkSizes))
    let partials =
      options.dryRun || options.partialInterval == 0 || options.source.isAssembled
      ? nil
      : PartialSnapshots(
        of: session, snapshots, linkTable, parent, interval: options.partialInterval)
    let root = try archive(session, workers, partials)
    report.counts = root.tally
    report.socketsSkipped = session.socketsSkipped.load(ordering: .relaxed)
    report.problems = session.reportedProblems
    let finisher = try BackupWorker(session: session, number: 0)
    let links = try linkTable.store(session.links.table(), by: finisher.store(node:))
    try finisher.writer.flush()
    observer?.scanFinished(duration: MonotonicClock.nanoseconds - began)

    func finishReport() {
      report.counts.take(store.counters)
      report.end = WallClock.now()
      report.duration = MonotonicClock.nanoseconds - began
    }
    let head = cacheWriter?.makeHead(root: root.record)
    // What is stored again after it was lost must be named by an entry, even of a tree that was there before.
    let heals = !repository.state.losses.isEmpty && store.counters.chunks > 0
    let isUnchanged = parent.tree == root.node.id && hasLinks(links, parent)
    if options.skipIfUnchanged && parent.snapshot != nil && isUnchanged && !heals {
      if !options.dryRun { try snapshots.dropPartials(head) }
      finishReport()
      return report
    }
    let added = try store.finish(by: finisher.writer)
    finishReport()
    if options.dryRun { return report }
    let tree = SnapshotRecord.Tree(
      id: root.node.id, root: root.node.root, entries: root.node.count)
    report.snapshot = try snapshots.commitComplete(
      SessionSnapshots.Content(
        tree: tree, links: links, counts: report.counts, head: head, added: added,
        meta: session.recordedMeta.withLock { $0 }))
    report.end = WallClock.now()
    report.duration = MonotonicClock.nanoseconds - began
    return report
  }

  /// Whether the parent has the same hard links: trees say of a file that it has some, not which.
  private func hasLinks(_ links: [Digest], _ parent: ParentSnapshot) -> Bool {
    guard !links.isEmpty else { return true }
    // A writer's credential cannot tell.
    guard let snapshot = parent.snapshot,
      let record = try? repository.unlocked.snapshotRecord(snapshot)
    else { return false }
    return record.links == links
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

  private func makeSession(
    _ store: ChunkStore, _ parent: ParentSnapshot, _ cacheWriter: ChangeCacheWriter?,
    _ workers: Int
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
      proofKey: HMACSHA256(key: try keys.proofKey()), cache: parent.cache,
      isCacheDoubtful: parent.isCacheDoubtful, cacheWriter: cacheWriter,
      fileSystems: try fileSystems(),
      ownPacks: (repository.storage as? LocalStorage)?.packIdentity, observer: observer,
      cancellation: cancellation, workers: workers)
  }

  /// Those that sources are on, when it is to stay on them.
  private func fileSystems() throws -> Set<UInt64>? {
    guard options.oneFileSystem, case .paths(let paths) = options.source else { return nil }
    var followed: [UInt8]?
    let plan = try SourceDirectory.plan(paths, asPath: options.asPath)
    if case .directory(let path) = plan.root { followed = path }
    return CoveredSource.fileSystems(
      of: try paths.map(SourceIdentity.absolute), followed: followed)
  }

  /// Short chunks, unless the repository's own are as short.
  private func pagedChunkSizes() throws -> RepositoryConfig.ChunkSizes {
    let own = repository.config.chunkSizes
    if own.mean <= PagedFormat.chunkMean { return own }
    return try RepositoryConfig.ChunkSizes(mean: PagedFormat.chunkMean)
  }

  private func makeChunker(_ sizes: RepositoryConfig.ChunkSizes) throws -> Chunker {
    try Chunker(repository.unlocked, sizes: sizes)
  }

  // MARK: The walk

  private struct Archived {
    var node: NodeReference
    var record: UInt64
    var tally: SourceCounts
  }

  /// The snapshot's root, after telling what was named and will not be reached.
  private func job(for plan: SourceDirectory.Plan, in session: BackupSession) -> DirectoryJob {
    let cached = session.cache.flatMap { $0.record(at: $0.head.root) }
    let job: DirectoryJob
    let followed: [UInt8]?
    switch plan.root {
    case .directory(let path):
      job = DirectoryJob(parent: nil, index: 0, path: path, sources: nil, cached: cached)
      followed = path
    case .named(let sources):
      job = DirectoryJob(parent: nil, index: 0, path: [], sources: sources, cached: cached)
      followed = nil
    }
    for (path, cover) in plan.covered {
      let source = CoveredSource(path: path, cover: cover, isCoverFollowed: cover == followed)
      if let obstacle = source.obstacle { session.report(path, obstacle, .scan) }
    }
    return job
  }

  private func archive(
    _ session: BackupSession, _ workers: Int, _ partials: PartialSnapshots?
  ) throws -> Archived {
    let root: DirectoryJob?
    switch options.source {
    case .paths(let paths):
      DescriptorLimit.raise()
      let job = job(for: try SourceDirectory.plan(paths, asPath: options.asPath), in: session)
      root = job
      session.stack.push(.scan(job))
    case .standardInput(let name):
      root = nil
      session.stack.push(.stream(StreamBackup(name: name, open: nil)))
    case .command(let command, let name):
      root = nil
      session.stack.push(.stream(StreamBackup(name: name) { try SourceCommand(command) }))
    case .stream(let open, let name):
      root = nil
      session.stack.push(.stream(StreamBackup(name: name, open: open)))
    case .assembled(let tree):
      root = nil
      session.stack.push(.assembly(tree.source))
    }
    defer { session.workers.withLock { $0 = [] } }
    do {
      try WorkerThreads.run(count: workers + (partials == nil ? 0 : 1)) { number in
        if let partials, number == workers { return try partials.run() }
        defer { session.rendezvous.leave() }
        let worker = try BackupWorker(session: session, number: number)
        session.workers.withLock { $0.append(worker) }
        try worker.run()
      }
    } catch let error as VarveError where error.code == .interrupted {
      partials?.saveInterrupted()
      throw error
    }
    if root?.sources != nil, session.sourcesFound.load(ordering: .relaxed) == 0 {
      throw VarveError(
        .io, "none of the sources can be read", hint: "see the messages above for each of them")
    }
    guard let result = session.root.withLock({ $0 }) else {
      throw VarveError(.io, "the source cannot be read")
    }
    session.progress.scanFinished.store(true, ordering: .relaxed)
    let tally = session.workers.withLock { workers in
      workers.reduce(into: SourceCounts()) { $0.add($1.tally) }
    }
    return Archived(node: result.node, record: result.record, tally: tally)
  }
}

extension BackupOptions.Source {
  fileprivate var isRepeatable: Bool {
    switch self {
    case .paths, .command, .stream: true
    case .standardInput: false
    case .assembled(let tree): tree.source.isRepeatable
    }
  }

  /// What is not in any directory yet cannot be in a partial snapshot.
  fileprivate var isAssembled: Bool {
    if case .assembled = self { true } else { false }
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
