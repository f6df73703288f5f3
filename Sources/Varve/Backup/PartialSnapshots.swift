import Synchronization
internal import VarveFormat
internal import VarveRepository

/// Commits partial snapshots of a running backup, so that an interrupted run loses little (docs/design.md, section 4).
///
/// A thread of its own calls the others to the rendezvous at each interval, encodes what is done and has all of it
/// stored, dismisses them, and then commits. They pause for as long as that takes: tenths of a second, and what the open packs
/// take to be stored.
final class PartialSnapshots: @unchecked Sendable {
  /// An interrupted backup saves what it has done unless it has only begun: this long ago, in nanoseconds, or an interval.
  private static let worthwhile: UInt64 = 60_000_000_000

  private let session: BackupSession
  private let snapshots: SessionSnapshots
  private let chunker: LinkTableChunker
  private let parent: ParentSnapshot
  private let interval: UInt64
  /// What encodes and stores; made for the first one, as most backups are over before.
  private var worker: BackupWorker?
  /// When the work stopped for the newest one that was committed, or the backup began.
  private var newest = MonotonicClock.nanoseconds
  /// When the next one is to be made.
  private var due: UInt64
  /// What had been read and stored when the newest one was made; 0 when that one could not be committed.
  private var progress: UInt64 = 0

  /// - Parameter interval: in nanoseconds, more than 0.
  init(
    of session: BackupSession, _ snapshots: SessionSnapshots, _ chunker: LinkTableChunker,
    _ parent: ParentSnapshot, interval: UInt64
  ) {
    self.session = session
    self.snapshots = snapshots
    self.chunker = chunker
    self.parent = parent
    self.interval = interval
    due = newest &+ interval
  }

  /// Makes partial snapshots until the walk is over.
  ///
  /// - Throws: what storing throws: chunks that others rely on may then be lost. That one cannot be
  ///   committed is no error: the next one, or the complete one, has all that it would have had.
  func run() throws {
    while session.rendezvous.sleep(until: due) {
      let content: SessionSnapshots.Content?
      let stopped: UInt64
      do {
        (content, stopped) = try assemble()
      } catch {
        session.isBroken.store(true, ordering: .relaxed)
        session.stack.stop()
        throw error
      }
      if let content, commit(content) { newest = stopped }
      due = MonotonicClock.nanoseconds &+ interval
    }
  }

  /// Saves what an interrupted backup has done; all its threads have ended.
  func saveInterrupted() {
    guard MonotonicClock.nanoseconds &- newest >= min(interval, Self.worthwhile),
      !session.isBroken.load(ordering: .relaxed), let content = try? prepare()
    else { return }
    commit(content)
  }

  private func assemble() throws -> (content: SessionSnapshots.Content?, at: UInt64) {
    try session.rendezvous.meet(takingWorkFrom: session.stack) {
      guard !session.isBroken.load(ordering: .relaxed) else { return (nil, newest) }
      return (try prepare(), MonotonicClock.nanoseconds)
    } ?? (nil, newest)
  }

  /// Encodes what is done and stores all of it; nothing else may move.
  ///
  /// - Returns: nil when nothing has been read or stored since the last time.
  private func prepare() throws -> SessionSnapshots.Content? {
    let workers = session.workers.withLock { $0 }
    let reached =
      workers.reduce(0) { $0 + $1.filesRead } + session.store.counters.chunks
    guard reached != progress else { return nil }
    let worker = try self.worker ?? BackupWorker(session: session, number: -1)
    self.worker = worker
    let work = session.stack.waitingTasks.compactMap(\.directory) + workers.compactMap(\.inHand)
    let frontier = BackupFrontier(of: work)
    let tree: BackupWorker.PartialTree
    if session.isStream {
      // A stream's file is in no tree before its end.
      tree = BackupWorker.PartialTree(
        node: try worker.emptyDirectory(), record: ChangeCacheFormat.noRecord)
    } else if let found = try worker.encodePartialTree(frontier) {
      tree = found
    } else {
      return nil
    }
    var unfinished: [Digest] = []
    for reader in workers where reader.isInContent {
      unfinished += try reader.chunkList.nodesSoFar(store: worker.store(node:)).map(\.id)
    }
    let links = try chunker.store(
      session.links.table(of: frontier.includes), by: worker.store(node:))
    try worker.writer.flush()
    let added = try session.store.finish(by: worker.writer)
    progress = reached
    var counts = workers.reduce(into: SourceCounts()) { $0.add($1.tally) }
    counts.take(session.store.counters)
    return SessionSnapshots.Content(
      tree: SnapshotRecord.Tree(id: tree.node.id, root: tree.node.root, entries: tree.node.count),
      links: links, unfinished: unfinished, counts: counts,
      head: makeHead(tree, hasUnfinished: !unfinished.isEmpty), added: added)
  }

  private func makeHead(
    _ tree: BackupWorker.PartialTree, hasUnfinished: Bool
  ) -> ChangeCacheHead? {
    guard tree.record != ChangeCacheFormat.noRecord,
      var head = session.cacheWriter?.makeHead(root: tree.record)
    else { return nil }
    head.isPartial = true
    head.complete = parent.complete
    head.hasUnfinished = hasUnfinished
    if let old = session.cache?.head {
      if tree.carriesSnapshot || old.hasUnfinished { head.bases.append(old.snapshot) }
      if tree.carriesSnapshot || tree.carriesBases || old.hasUnfinished { head.bases += old.bases }
      // Nothing tells here which of it has been read again.
      if old.hasUnfinished { head.hasUnfinished = true }
    }
    // The cache that is there serves the next run better than one with nothing of it.
    return head.bases.count <= ChangeCacheFormat.baseLimit ? head : nil
  }

  /// - Returns: whether it succeeded.
  @discardableResult
  private func commit(_ content: SessionSnapshots.Content) -> Bool {
    do {
      let id = try snapshots.commitPartial(content)
      session.observer?.savedPartial(id)
      return true
    } catch {
      session.store.giveBack(content.added)
      session.observer?.failedToSavePartial(error)
      progress = 0
      return false
    }
  }
}

extension BackupTask {
  /// The directory that the work belongs to.
  fileprivate var directory: DirectoryJob? {
    switch self {
    case .scan(let job), .children(let job, _), .files(let job, _): job
    case .stream, .assembly: nil
    }
  }
}
