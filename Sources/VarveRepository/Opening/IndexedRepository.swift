internal import Synchronization
internal import VarveCrypto
public import VarveFormat
public import VarveStorage

/// A repository whose index is at hand: chunks can be found, read and stored.
public final class IndexedRepository: Sendable {
  public let unlocked: UnlockedRepository
  public let index: ChunkIndex
  /// What was live when the index was opened, as far as it is known.
  public let liveObjects: LiveObjects
  /// Inventories and index segments that cannot be read. What only they know of is not found, or found in storage; then
  /// `index` has chunks on which nothing new may rely.
  public let failures: [VarveError]
  /// Whether an inventory cannot be read that lists what was added: what storage has besides may be live.
  package let hasUnlisted: Bool
  /// The log's state then.
  public let state: LogState
  /// Nil for a role that cannot read content.
  private let keyring: PackKeyring?
  private let segments: SegmentCipher
  private let cache: SegmentCache
  private let makeIndex: @Sendable () throws -> ChunkIndex

  public var storage: any StorageBackend { unlocked.storage }
  public var config: RepositoryConfig { unlocked.config }
  public var log: Log { unlocked.log }

  /// Opens the index segments that the log's state has: mapped from the cache, or fetched into it. Where inventories or
  /// segments are damaged or missing it goes on without them, and with what storage has besides; `failures` says so.
  ///
  /// - Parameters:
  ///   - unlocked: its log is as fresh as the index will be.
  ///   - readsSnapshots: whether the records of snapshots are asked for next, whosever they are. Where the storage is far
  ///     away the newest are fetched meanwhile.
  /// - Throws: what storage throws, but for damage.
  public convenience init(_ unlocked: UnlockedRepository, readsSnapshots: Bool = false) throws {
    let contents = try unlocked.whileFetchingSnapshots(readsSnapshots) {
      do {
        return try unlocked.onNewestState { try Contents(unlocked, at: $0) }
      } catch let error as VarveError where error.code == .damaged || error.code == .missing {
        return try Contents(unlocked, withoutDamaged: unlocked.log.state)
      }
    }
    try self.init(unlocked, contents)
  }

  /// The same for whoever decides what is needed no more: with nothing but what is live for sure.
  ///
  /// - Parameters:
  ///   - state: the log's, or what it would be.
  ///   - act: what it is for.
  /// - Throws: `.missing` or `.damaged`, naming the segment, or the inventory without which it is not known what is live.
  convenience init(
    _ unlocked: UnlockedRepository, at state: LogState, to act: String
  ) throws {
    try unlocked.prefetch(state.inventories.map(ObjectName.inventory))
    let known = try KnownObjects(state, storage: unlocked.metadata)
    try known.requireKnown(to: act)
    try self.init(
      unlocked,
      Contents(
        unlocked, at: state, known.live, failures: known.failures, hasUnlisted: known.hasUnlisted))
  }

  /// What a log state has.
  private struct Contents {
    let state: LogState
    let objects: LiveObjects
    let segments: SegmentCipher
    let cache: SegmentCache
    var index: ChunkIndex
    /// Of what is live for sure.
    var makeIndex: @Sendable () throws -> ChunkIndex
    var failures: [VarveError] = []
    var hasUnlisted = false

    init(_ unlocked: UnlockedRepository, at state: LogState) throws {
      try unlocked.prefetch(state.inventories.map(ObjectName.inventory))
      try self.init(unlocked, at: state, LiveObjects(state, storage: unlocked.metadata))
    }

    init(
      _ unlocked: UnlockedRepository, at state: LogState, _ objects: LiveObjects,
      failures: [VarveError] = [], hasUnlisted: Bool = false
    ) throws {
      try self.init(unlocked, state, objects) { cache in
        try IndexOpening(cache: cache, segments: objects.indexSegments) {
          objects.contains(pack: $0, size: $1)
        }.open()
      }
      let index = index
      makeIndex = { index }
      self.failures = failures
      self.hasUnlisted = hasUnlisted
    }

    /// - Parameter state: of which something is damaged or missing.
    init(_ unlocked: UnlockedRepository, withoutDamaged state: LogState) throws {
      let known = try KnownObjects(state, storage: unlocked.metadata)
      let skipped = Mutex<[String: VarveError]>([:])
      var segments = known.live.indexSegments
      for case (.index(let segment), let size) in known.doubtful { segments[segment] = size }
      let live = known.live
      try self.init(unlocked, state, live) { [segments] cache in
        try IndexOpening(
          cache: cache, segments: segments,
          skips: { error in skipped.withLock { $0[error.message] = error } }
        ) { live.contains(pack: $0, size: $1) || known.doubtful[.pack($0)] == $1 }.open()
      }
      let cache = cache
      // Chunks that were found in what may be dead or lost are stored again.
      makeIndex = { [segments] in
        try IndexOpening(cache: cache, segments: segments, skips: { _ in }) {
          live.contains(pack: $0, size: $1)
        }.open()
      }
      failures = known.failures + skipped.withLock { $0 }.sorted { $0.key < $1.key }.map(\.value)
      hasUnlisted = known.hasUnlisted
    }

    private init(
      _ unlocked: UnlockedRepository, _ state: LogState, _ objects: LiveObjects,
      _ open: (SegmentCache) throws -> ChunkIndex
    ) throws {
      self.state = state
      self.objects = objects
      segments = SegmentCipher(
        indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
      cache = SegmentCache(
        cipher: segments, storage: unlocked.repository.ahead, directory: unlocked.cacheDirectory)
      let index = try open(cache)
      self.index = index
      makeIndex = { index }
    }
  }

  private init(_ unlocked: UnlockedRepository, _ contents: Contents) throws {
    self.unlocked = unlocked
    state = contents.state
    liveObjects = contents.objects
    segments = contents.segments
    cache = contents.cache
    index = contents.index
    makeIndex = contents.makeIndex
    failures = contents.failures
    hasUnlisted = contents.hasUnlisted
    if unlocked.keys.role == .writer {
      keyring = nil
    } else {
      keyring = PackKeyring(
        storage: unlocked.storage, trees: unlocked.metadata, repository: unlocked.config.id,
        privateKey: try unlocked.keys.dataKey())
    }
  }

  /// What one thread needs to read chunks.
  ///
  /// - Throws: `.forbidden` for a role that cannot read content.
  public func makeReader() throws -> ChunkReader {
    ChunkReader(
      index: index, storage: storage, trees: unlocked.metadata, keyring: try requireKeyring())
  }

  /// What one thread needs to read whole blocks.
  ///
  /// - Throws: `.forbidden` for a role that cannot read content.
  package func makeBlockReader() throws -> BlockReader {
    BlockReader(storage: storage, trees: unlocked.metadata, keyring: try requireKeyring())
  }

  /// A live index segment, opened.
  ///
  /// - Throws: `.notFound` when the log state has none of that name; `.missing`, `.damaged`.
  package func segment(_ name: Digest) throws -> MappedSegment {
    guard let size = liveObjects.indexSegments[name] else {
      throw VarveError(.notFound, "\(ObjectName.index(name)) is not live")
    }
    return try cache.segment(name, size: size, keeps: false)
  }

  package func requireKeyring() throws -> PackKeyring {
    guard let keyring else {
      throw VarveError(
        .forbidden, "a writer's credential cannot read what is stored",
        hint: "use an owner's or a reader's password or key file")
    }
    return keyring
  }

  /// The writing side, for one session.
  ///
  /// - Parameters:
  ///   - storage: where objects go; a decorator of the repository's own for a dry run.
  ///   - keepsIndex: whether new segments are kept in the local cache.
  ///   - resumes: whether packs that an earlier session has stored far away, and that no entry came to name, are taken over.
  /// - Throws: what looking for those throws.
  package func makeStore(
    level: CompressionLevel, verifies: Bool, storage: any StorageBackend, keepsIndex: Bool = true,
    resumes: Bool = false
  ) throws -> ChunkStore {
    let directory = resumes && storage.transfersAtOnce > 1 ? unlocked.cacheDirectory : nil
    let unfinished = try directory.map { try unfinishedUploads(directory: $0) } ?? []
    let store = ChunkStore(
      index: try makeIndex(), storage: storage,
      recipient: PackRecipient(repository: config.id, publicKey: config.dataKey),
      segments: segments,
      cache: keepsIndex
        ? cache : SegmentCache(cipher: segments, storage: storage, directory: nil),
      packSize: config.packSize, level: level, verifies: verifies,
      journal: directory.flatMap { UploadJournal(directory: $0) })
    try store.adopt(unfinished)
    return store
  }
}

extension UnlockedRepository {
  /// Calls `body` with the log's state, and again with the newer one when something was missing because others have
  /// swept it meanwhile: they say so in the log before they delete.
  ///
  /// - Throws: what `body` and reading the log throw.
  func onNewestState<Result>(_ body: (LogState) throws -> Result) throws -> Result {
    while true {
      let state = log.state
      do {
        return try body(state)
      } catch let error as VarveError where error.code == .missing {
        try log.refresh()
        guard log.state.size > state.size else { throw error }
      }
    }
  }

  /// This repository's directory under the user's cache directory; nil when nothing is to be cached.
  package var cacheDirectory: String? { client.cache.map { "\($0)/\(config.id.hex)" } }
}
