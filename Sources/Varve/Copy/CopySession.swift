import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository
internal import VarveStorage

/// One pass over the snapshots that are to be copied, on one state of both repositories.
final class CopySession: @unchecked Sendable {
  /// Snapshots that wait to be committed together: then their packs and index segments are not as many as they.
  private static let pendingLimit = 64

  private let copy: Copy
  private let source: IndexedRepository
  private let target: IndexedRepository
  private let store: ChunkStore
  private let edit: CopyEdit
  private let rewriter: TreeRewriter
  private let linkTable: LinkTableChunker
  private let commits: CopyCommits
  private let progress: CopyProgress
  private var origins: CopyOrigins
  private var report = CopyReport()
  private var pending: [PendingCopy] = []
  /// What is being copied.
  private var current: PendingCopy?
  private var lastCommit = MonotonicClock.nanoseconds
  private var storedAtCommit: UInt64 = 0
  /// What a pause has prepared and is to be committed after it.
  private var prepared: (added: [ObjectReference], partial: PendingCopy?)?
  private var pauseWriter: ChunkWriter?

  init(_ copy: Copy) throws {
    self.copy = copy
    source = try IndexedRepository(copy.source)
    target = try IndexedRepository(copy.target)
    progress = copy.observer?.progress ?? CopyProgress()
    let storage: any StorageBackend =
      copy.options.dryRun ? DryRunStorage(target.storage) : target.storage
    store = try target.makeStore(
      level: .auto, verifies: true, storage: storage, keepsIndex: !copy.options.dryRun,
      resumes: !copy.options.dryRun)
    edit = CopyEdit(
      source: source, options: copy.options, progress: progress, cancellation: copy.cancellation)
    rewriter = try TreeRewriter(
      source: source, store: store, proofKey: HMACSHA256(key: try copy.target.keys.proofKey()),
      keepsNodes: false, edit: edit,
      threads: copy.options.workers ?? WorkerThreads.processorCount,
      cancellation: copy.cancellation)
    linkTable = try LinkTableChunker(of: copy.target)
    commits = CopyCommits(target, store, observer: copy.observer)
    origins = CopyOrigins(target.state)
    edit.rewriter = rewriter
  }

  /// Ends the session and adds what it has done.
  func end(_ total: inout CopyReport) {
    store.end()
    total.copied += report.copied
    total.present += report.present
    total.failed += report.failed
    total.gone += report.gone
    total.problems += report.problems
    total.dataChunks += store.counters.dataChunks.load(ordering: .relaxed)
    total.treeChunks += store.counters.treeChunks.load(ordering: .relaxed)
    total.dataAdded +=
      store.counters.dataBytes.load(ordering: .relaxed)
      + store.counters.treeBytes.load(ordering: .relaxed)
    total.dataAddedPacked += store.counters.storedBytes.load(ordering: .relaxed)
  }

  /// - Throws: `SessionIsInvalid` and `SourceHasChanged` when a new session must go on; else as `Copy.run`.
  func run(_ snapshots: [Digest]) throws {
    do {
      for snapshot in snapshots {
        try copy.cancellation.check()
        try take(snapshot)
        if pending.count >= Self.pendingLimit || isDue { try commit() }
      }
      try commit()
    } catch let error as VarveError where error.code == .interrupted {
      saveInterrupted()
      throw error
    }
  }

  private var isDue: Bool {
    let stored = store.counters.storedBytes.load(ordering: .relaxed) - storedAtCommit
    return stored >= UInt64(8 * target.config.packSize) || MonotonicClock.nanoseconds >= due
  }

  // MARK: One snapshot

  private func take(_ snapshot: Digest) throws {
    guard let row = source.state.snapshots[snapshot] else {
      return lose(snapshot)
    }
    let origin = CopyOrigins.origin(of: row, in: source.state)
    guard !origins.contains(origin, isPartial: row.isPartial),
      !pending.contains(where: { $0.origin == origin && $0.record.isPartial == row.isPartial })
    else {
      report.present.append(snapshot)
      progress.snapshotsDone.add(1, ordering: .relaxed)
      return
    }
    var record: SnapshotRecord
    do {
      record = try copy.source.snapshotRecord(snapshot)
    } catch let error as VarveError where error.isOfObject {
      return try fail(snapshot, afterLookingAtSource: [(nil, error.message)])
    }
    let old = record
    record.parent = nil
    record.original = origin
    var copied = PendingCopy(source: snapshot, origin: origin, record: record)
    if copy.options.copiesHolds {
      copied.hold = source.state.hold(on: snapshot, at: WallClock.now())
    }
    current = copied
    let tree = try rewriter.rewrite(old.rootDirectory, pauses: pauses)
    let worker = rewriter.worker
    if !old.unfinished.isEmpty {
      let lists = old.unfinished
      try rewriter.perform(
        [{ [edit] worker in for list in lists { try edit.want(unfinished: list, worker) } }],
        pauses: pauses)
    }
    try rewriter.perform(edit.rest(), pauses: pauses)
    var problems: [(path: [UInt8]?, message: String)] = []
    do {
      copied.record.links = try linkTable.store(
        LinkTable.groups(of: old, from: worker.reader), by: worker.store(node:))
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      problems.append((nil, error.message))
    }
    if let failures = edit.takeFailures() {
      problems += failures.found
      if failures.found.count < failures.count {
        problems += try files(of: old, with: failures.lost, worker)
      }
    }
    guard problems.isEmpty else {
      // What was lost stays so for the rest of the session, and is met again only where trees are gone through again.
      rewriter.memory.removeAll()
      return try fail(snapshot, afterLookingAtSource: problems)
    }
    copied.record.tree = SnapshotRecord.Tree(
      id: tree.content.id, root: tree.content.proofRoot, entries: tree.content.entryCount)
    current = nil
    pending.append(copied)
  }

  /// The files of a snapshot that have lost chunks.
  private func files(
    of record: SnapshotRecord, with lost: [Digest: String], _ worker: RewriteWorker
  ) throws -> [(path: [UInt8]?, message: String)] {
    var found: [(path: [UInt8]?, message: String)] = []
    let source = CancellableSource(worker.reader, copy.cancellation)
    let walk = try TreeWalk(record.rootDirectory, from: source)
    while found.count < CopyFailures.limit, let step = try walk.next() {
      guard case .entry(let entry) = step else { continue }
      switch try entry.decode().content {
      case .directory(let content): try? walk.enter(content)
      case .file(let file):
        var message: String?
        try? file.forEachChunk(from: source) { chunk in
          if message == nil { message = lost[chunk.address] }
        }
        if let message { found.append((walk.path, message)) }
      case .link, .device, .none: break
      }
    }
    return found.isEmpty ? [(nil, lost.values.first ?? "it is not whole")] : found
  }

  /// A snapshot that cannot be copied, unless what is missing was moved by a prune since the source was opened.
  private func fail(
    _ snapshot: Digest, afterLookingAtSource problems: [(path: [UInt8]?, message: String)]
  ) throws {
    current = nil
    try copy.source.log.refresh()
    let state = copy.source.log.state
    guard state.snapshots[snapshot] != nil else {
      return lose(snapshot)
    }
    if state.newestCondemnation != source.state.newestCondemnation
      || state.repacks.count != source.state.repacks.count
    {
      try commit()
      throw SourceHasChanged()
    }
    fail(snapshot, problems)
  }

  /// A snapshot that somebody has forgotten at the source since it was chosen: that is no damage.
  private func lose(_ snapshot: Digest) {
    report.gone.append(snapshot)
    progress.snapshotsDone.add(1, ordering: .relaxed)
  }

  private func fail(_ snapshot: Digest, _ problems: [(path: [UInt8]?, message: String)]) {
    report.failed.append(snapshot)
    for problem in problems {
      let problem = CopyReport.Problem(
        snapshot: snapshot, path: problem.path, message: problem.message)
      report.problems.append(problem)
      progress.errors.add(1, ordering: .relaxed)
      copy.observer?.failed(problem)
    }
    progress.snapshotsDone.add(1, ordering: .relaxed)
  }

  // MARK: Commits

  /// Commits the snapshots that are complete.
  private func commit() throws {
    guard !copy.options.dryRun else {
      return finish(pending.map { ($0, nil) })
    }
    guard !pending.isEmpty else { return }
    try rewriter.flush()
    let added = try store.finish(by: rewriter.worker.writer)
    finish(try commits.append(pending, partial: nil, adding: added))
    edit.forgetTakenOver()
  }

  private func finish(_ copies: [(PendingCopy, Digest?)]) {
    for (copied, id) in copies {
      let done = CopyReport.Copied(
        source: copied.source, target: id, time: copied.record.time, host: copied.record.host)
      report.copied.append(done)
      origins.insert(copied.origin, isPartial: copied.record.isPartial)
      copy.observer?.copied(done)
    }
    for copied in pending {
      if !copies.contains(where: { $0.0.source == copied.source }) {
        report.present.append(copied.source)
      }
      progress.snapshotsDone.add(1, ordering: .relaxed)
    }
    pending = []
    lastCommit = MonotonicClock.nanoseconds
    storedAtCommit = store.counters.storedBytes.load(ordering: .relaxed)
  }

  /// Saves what an interrupted copy has done; all its threads have ended.
  private func saveInterrupted() {
    guard !copy.options.dryRun, copy.options.partialInterval > 0 else { return }
    do {
      try rewriter.flush()
      try prepare(by: rewriter.worker.writer)
      try resumed()
    } catch {
      // It is lost, as it would have been without trying.
    }
  }
}

/// In the middle of a large snapshot.
extension CopySession: RewritePauses {
  private var pauses: (any RewritePauses)? {
    copy.options.dryRun || copy.options.partialInterval == 0 ? nil : self
  }

  var due: UInt64 { lastCommit &+ max(1, copy.options.partialInterval) }

  func paused() throws {
    let writer = try pauseWriter ?? store.makeWriter()
    pauseWriter = writer
    try prepare(by: writer)
  }

  func resumed() throws {
    guard let prepared else { return }
    self.prepared = nil
    finish(try commits.append(pending, partial: prepared.partial, adding: prepared.added))
  }

  private func prepare(by writer: ChunkWriter) throws {
    let store = { (node: UnsafeRawBufferPointer) in try writer.addTree(node).id }
    let lists = try edit.listTakenOver(store: store)
    var partial: PendingCopy?
    if var copied = current, !copied.record.isPartial, !lists.isEmpty {
      var nodes = TreeNodeWriter()
      copied.record.tree = SnapshotRecord.Tree(
        id: try nodes.finish(store: store).id, root: MerkleFrontier().root, entries: 0)
      copied.record.links = []
      copied.record.isPartial = true
      copied.record.unfinished = lists
      copied.record.original = nil
      copied.record.parent = copied.origin
      copied.record.summary = [:]
      partial = copied
    }
    try writer.flush()
    prepared = (try self.store.finish(by: writer), partial)
  }
}
