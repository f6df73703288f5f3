import Glibc
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// The snapshots that one backup commits: partial ones while it goes on, and the complete one that ends it.
///
/// A partial snapshot takes the place of the one before it of the same session. Those of earlier sessions stay until
/// nothing is carried over from them any more, or a complete snapshot of the same source has all: its commit forgets the
/// session's own and every one that was there when the session began. One that came later is another
/// running session's. One thread at a time.
final class SessionSnapshots {
  /// What is to be committed.
  struct Content {
    var tree: SnapshotRecord.Tree
    var links: [Digest]
    /// Chunk-list nodes of files that are being read.
    var unfinished: [Digest] = []
    var counts: SourceCounts
    /// The change cache that describes it; its snapshot has no name yet.
    var head: ChangeCacheHead?
    /// Every object that was stored and is not named yet.
    var added: [ObjectReference]
    /// What the source has to say, besides the user's metadata, which comes first.
    var meta: [String: String] = [:]
  }

  private let repository: IndexedRepository
  private let store: ChunkStore
  private let options: BackupOptions
  private let identity: SourceIdentity
  private let parent: ParentSnapshot
  private let cacheWriter: ChangeCacheWriter?
  private let start: Timestamp
  private let source: Digest
  /// Entries of the log when the session began.
  private let logSize: UInt64
  /// The session's partial snapshots, of which the last is live.
  private var own: Set<Digest> = []

  init(
    _ repository: IndexedRepository, _ store: ChunkStore, _ options: BackupOptions,
    _ identity: SourceIdentity,
    _ parent: ParentSnapshot, _ cacheWriter: ChangeCacheWriter?, start: Timestamp
  ) throws {
    self.repository = repository
    self.store = store
    self.options = options
    self.identity = identity
    self.parent = parent
    self.cacheWriter = cacheWriter
    self.start = start
    source = try repository.unlocked.keys.opaqueIDs().source(
      host: identity.host, paths: identity.paths)
    logSize = repository.log.state.size
  }

  /// Commits a snapshot of what is done so far.
  ///
  /// The snapshots from which its cache carries anything over stay. Without a cache, so do those which an older one describes.
  func commitPartial(_ content: Content) throws -> Digest {
    let bases = content.head.map { Set($0.bases) }
    let (id, head) = try commit(content, isPartial: true) { [own, cacheWriter] snapshot in
      let first = snapshot.original ?? snapshot.id
      guard let bases else { return cacheWriter == nil && own.contains(first) }
      return !(bases.contains(snapshot.id) || bases.contains(first))
    }
    own.insert(id)
    if let head { cacheWriter?.adopt(head) }
    return id
  }

  /// Commits the snapshot of everything.
  func commitComplete(_ content: Content) throws -> Digest {
    let (id, head) = try commit(content, isPartial: false) { _ in true }
    if let head, let cacheWriter {
      cacheWriter.adopt(head)
      cacheWriter.compact(head)
    }
    return id
  }

  /// Drops the partial snapshots because a complete one that is there already has all: the parent.
  func dropPartials(_ head: ChangeCacheHead?) throws {
    guard let complete = parent.snapshot else { return }
    var head = head
    head?.snapshot = complete
    if let head { cacheWriter?.prepare(head) }
    _ = try repository.log.append { state in
      LogStatement.Forgetting.bodies(
        forgetting: obsolete(in: state) { _ in true }, reason: "nothing has changed")
    }
    if let head { cacheWriter?.adopt(head) }
  }

  private func commit(
    _ content: Content, isPartial: Bool, isObsolete: (LogState.Snapshot) -> Bool
  ) throws -> (Digest, ChangeCacheHead?) {
    var head = content.head
    let id = try SnapshotCommit(repository.unlocked).commit(
      record(of: content, isPartial: isPartial), adding: content.added,
      requireValid: requireValid,
      prepare: { id in
        head?.snapshot = id
        if let head { cacheWriter?.prepare(head) }
      },
      forgetting: { obsolete(in: $0, isObsolete) })
    return (id, head)
  }

  /// Requires that nothing was condemned that this session relies on: chunks that it found stored, what it stored itself, and
  /// what the change cache knows, which is there while its snapshots are live.
  private func requireValid(_ state: LogState, _ id: Digest) throws {
    let opened = repository.state.size
    guard let newest = state.newestCondemnation, newest >= opened else { return }
    if let head = parent.cache?.head {
      let known = [head.snapshot] + head.bases
      guard known.allSatisfy({ ParentSnapshot.liveForm(of: $0, in: state) != nil }) else {
        throw SessionIsInvalid()
      }
      // What was carried over was looked up, if at all, in what was live before.
      if state.losses.contains(where: { $0.entry >= opened }) { throw SessionIsInvalid() }
    }
    guard
      try !store.isInvalid(in: state, since: opened, record: ObjectName.snapshot(id))
    else { throw SessionIsInvalid() }
  }

  /// The partial snapshots of this source that need not stay, as far as this author may forget them.
  private func obsolete(
    in state: LogState, _ isObsolete: (LogState.Snapshot) -> Bool
  ) -> [Digest] {
    let isOwner = repository.unlocked.keys.role == .owner
    let author = repository.log.authorKeyID
    let now = WallClock.now()
    return state.snapshotsInOrder.filter { snapshot in
      snapshot.isPartial && snapshot.source == source
        && (snapshot.entry < logSize || own.contains(snapshot.original ?? snapshot.id))
        && (isOwner || snapshot.author == author) && isObsolete(snapshot)
        && state.hold(on: snapshot.id, at: now) == nil
    }.map(\.id)
  }

  private func record(of content: Content, isPartial: Bool) -> SnapshotRecord {
    var summary = content.counts.summary(start: start, end: WallClock.now())
    if let sizes = options.chunkSizes { summary["chunk_size"] = .integer(Int64(sizes.mean)) }
    return SnapshotRecord(
      time: options.time ?? start, host: identity.host, user: identity.user,
      uid: getuid(), gid: getgid(), paths: identity.paths, tags: options.tags,
      meta: options.meta.merging(content.meta) { own, _ in own },
      tree: content.tree, treeSalt: SecureRandom.digest(), links: content.links,
      parent: parent.snapshot, isPartial: isPartial,
      unfinished: content.unfinished, program: ProgramVersion.program,
      excludes: options.excludes + options.caseInsensitiveExcludes, summary: summary)
  }
}
