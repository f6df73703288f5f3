internal import VarveFormat
internal import VarveRepository

/// What a backup is compared with.
struct ParentSnapshot {
  /// The snapshot recorded as its parent: complete, unless the user chose another.
  var snapshot: Digest?
  /// The root node of that snapshot, if it is complete.
  var tree: Digest?
  /// The change cache: of the parent, or of a partial snapshot that follows it.
  var cache: ChangeCache?
  /// Whether something was lost after the snapshots were committed that the cache describes: each thing that it knows must
  /// then be looked up.
  var isCacheDoubtful = false
  /// The newest complete snapshot that this backup follows, and its tree, as far as they are known.
  var complete: ChangeCacheHead.CompleteSnapshot?
  /// The partial snapshot that an interrupted run has left, if the cache is its.
  var resumed: Digest?

  /// Finds the parent, and the change cache that describes it.
  ///
  /// A cache counts only while its snapshot is live: then everything it refers to is stored (I2).
  init(
    of identity: SourceIdentity, _ parent: BackupOptions.Parent, _ files: ChangeCacheFiles?,
    in indexed: IndexedRepository
  ) throws {
    let repository = indexed.unlocked
    let state = repository.log.state
    func liveForm(_ id: Digest) -> Digest? { Self.liveForm(of: id, in: state) }
    let known = files.flatMap { ChangeCache(files: $0) { liveForm($0) != nil } }
    let described = known.flatMap { liveForm($0.head.snapshot) }
    let complete = known?.head.complete.flatMap { liveForm($0.id) }
    switch parent {
    case .none: return
    case .selector(let text):
      snapshot = try SnapshotSearch(repository).id(
        of: SnapshotSelector(parsing: Array(text.utf8)))
      if snapshot == described || (snapshot != nil && snapshot == complete) { cache = known }
    case .automatic:
      cache = known
      if known?.head.isPartial == false {
        snapshot = described
      } else {
        snapshot = try complete ?? Self.newest(like: identity, in: repository)
      }
    }
    if let cache, cache.head.isPartial { resumed = described }
    // What lies where the index does not tell may be lost without anybody's knowing.
    if cache != nil, !indexed.failures.isEmpty {
      isCacheDoubtful = true
    } else if let cache, let loss = state.losses.last?.entry {
      isCacheDoubtful = ([cache.head.snapshot] + cache.head.bases).contains {
        Self.entry(of: $0, in: state) < loss
      }
    }
    guard let snapshot else { return }
    guard state.snapshots[snapshot]?.isPartial == false else {
      self.complete = known?.head.complete
      return
    }
    if let cache {
      if !cache.head.isPartial {
        tree = cache.record(at: cache.head.root)?.node.id
      } else if snapshot == complete {
        tree = cache.head.complete?.tree
      }
    }
    if tree == nil { tree = (try? repository.snapshotRecord(snapshot))?.tree.id }
    if let tree { self.complete = ChangeCacheHead.CompleteSnapshot(id: snapshot, tree: tree) }
  }

  /// The snapshot itself while it is live, or the live one that has its tree under a changed record.
  static func liveForm(of snapshot: Digest, in state: LogState) -> Digest? {
    if state.snapshots[snapshot] != nil { return snapshot }
    return state.snapshotsInOrder.first { $0.original == snapshot }?.id
  }

  /// The log entry by which a snapshot came, whatever became of it.
  private static func entry(of snapshot: Digest, in state: LogState) -> UInt64 {
    state.snapshots[snapshot]?.entry ?? state.forgotten[snapshot]?.snapshot.entry ?? 0
  }

  /// The newest complete live snapshot of this host and these paths. One whose log entry does not name its source is
  /// found by its record, among the last hundred, and not by a role that cannot read.
  private static func newest(
    like identity: SourceIdentity, in repository: UnlockedRepository
  ) throws -> Digest? {
    let source = try repository.keys.opaqueIDs().source(host: identity.host, paths: identity.paths)
    let complete = repository.log.state.snapshotsInOrder.filter { !$0.isPartial }
    if let found = complete.last(where: { $0.source == source }) { return found.id }
    for snapshot in complete.suffix(100).reversed() where snapshot.source == nil {
      guard let record = try? repository.snapshotRecord(snapshot.id) else { continue }
      if record.host == identity.host && record.paths == identity.paths { return snapshot.id }
    }
    return nil
  }
}
