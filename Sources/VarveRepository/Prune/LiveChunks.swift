internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// Which chunks snapshots need: one bit for each place in a pack (`SlotUse`).
///
/// Trees are walked on all workers, each distinct directory and chunk list once, also over several calls. A
/// chunk that lies in several packs counts where the index finds it first. Memory: 13 MB for 10^6 chunks of 1 MiB, and
/// up to 86 bytes for each directory.
final class LiveChunks: Sendable {
  private let workers: Int
  private let cancellation: CancellationFlag
  private let uses = Mutex(SlotUse())
  private let visited = Mutex(DigestSet())
  private let lossy = Mutex<Set<Digest>>([])
  private let progress: PruneProgress

  init(workers: Int, progress: PruneProgress, cancellation: CancellationFlag) {
    self.workers = workers
    self.progress = progress
    self.cancellation = cancellation
  }

  /// What has been marked so far.
  var slots: SlotUse { uses.withLock { $0 } }

  /// Held snapshots of which something was passed over, ascending.
  var snapshotsWithLosses: [Digest] { lossy.withLock { $0.sorted() } }

  /// Marks everything that the snapshots of a state need.
  ///
  /// What the log calls lost, and no live pack has, is passed over where a hold keeps the snapshot: it cannot be forgotten, and
  /// would stop all pruning for as long. What could be reached only through a lost node is not marked then.
  ///
  /// - Throws: as the other one.
  func add(_ state: LogState, in repository: IndexedRepository, now: Timestamp) throws {
    let snapshots = state.snapshotsInOrder.map(\.id)
    let held = snapshots.filter { state.hold(on: $0, at: now) != nil }
    try add(snapshots.filter { state.hold(on: $0, at: now) == nil }, in: repository)
    let passesOver = try !held.isEmpty && !state.losses.isEmpty && repository.indexesAllLivePacks
    do {
      // After the others: what those need must be there, and each directory is walked once.
      try add(held, in: repository, passesOverLost: passesOver)
    } catch let error as VarveError where error.code == .damaged || error.code == .missing {
      throw VarveError(
        error.code, error.message,
        hint:
          "it is held; 'varve repair index' and 'varve repair packs' log what is lost, and then it is in no "
          + "prune's way", cause: error.cause)
    }
  }

  /// Marks everything that `snapshots` need.
  ///
  /// - Parameters:
  ///   - repository: whose index has all of it.
  ///   - passesOverLost: whether what no live pack has is passed over.
  ///   - found: also called with each chunk and its place, from any thread.
  /// - Throws: `.missing` or `.damaged` when something that is needed is not there: whoever prunes must stop.
  func add(
    _ snapshots: [Digest], in repository: IndexedRepository, passesOverLost: Bool = false,
    found: (@Sendable (Digest, ChunkLocation) -> Void)? = nil
  ) throws {
    let queue = DirectoryQueue()
    let next = Atomic<Int>(0)
    try WorkerThreads.run(count: max(1, min(workers, snapshots.count * 4))) { [self] _ in
      let walker = Walker(
        live: self, repository: repository, reader: try repository.makeReader(), queue: queue,
        passesOverLost: passesOverLost, found: found)
      do {
        while true {
          while let task = queue.take() {
            try walker.walk(task)
            queue.finish()
          }
          let number = next.add(1, ordering: .relaxed).oldValue
          guard number < snapshots.count else { break }
          try walker.begin(snapshots[number])
          progress.snapshotsDone.add(1, ordering: .relaxed)
        }
        while let task = queue.wait() {
          try walker.walk(task)
          queue.finish()
        }
      } catch {
        queue.abort()
        throw error
      }
    }
  }

  /// One thread's part.
  private final class Walker {
    private let live: LiveChunks
    private let repository: IndexedRepository
    private let reader: ChunkReader
    private let queue: DirectoryQueue
    private let passesOverLost: Bool
    private let found: (@Sendable (Digest, ChunkLocation) -> Void)?
    private var snapshot = Digest.zero
    /// Places that are to be marked, so that the lock is taken once a directory.
    private var places: [ChunkLocation] = []

    init(
      live: LiveChunks, repository: IndexedRepository, reader: ChunkReader, queue: DirectoryQueue,
      passesOverLost: Bool, found: (@Sendable (Digest, ChunkLocation) -> Void)?
    ) {
      self.live = live
      self.repository = repository
      self.reader = reader
      self.queue = queue
      self.passesOverLost = passesOverLost
      self.found = found
    }

    func begin(_ snapshot: Digest) throws {
      try live.cancellation.check()
      self.snapshot = snapshot
      try explaining {
        let record = try repository.unlocked.snapshotRecord(snapshot)
        for chunk in record.links { try passingOver { try mark(chunk) } }
        for list in record.unfinished { try passingOver { try mark(list: list) } }
        visit(
          DirectoryContent(
            id: record.tree.id, proofRoot: record.tree.root, entryCount: record.tree.entries),
          depth: 1)
      }
      settle()
    }

    func walk(_ task: DirectoryTask) throws {
      try live.cancellation.check()
      snapshot = task.snapshot
      try explaining {
        try passingOver {
          try DirectoryReader.forEachEntry(
            of: task.content.id, fetch: node,
            passOver: { [self] _, error in try passingOver { throw error } }
          ) { raw in
            switch try raw.decode().content {
            case .file(let file): try mark(file)
            case .directory(let content):
              guard task.depth < TreeLimits.depth else {
                throw VarveError(.damaged, "a tree has more than \(TreeLimits.depth) levels")
              }
              visit(content, depth: task.depth + 1)
            case .link, .device, .none: break
            }
          }
        }
      }
      settle()
    }

    private func explaining(_ body: () throws -> Void) throws {
      do {
        try body()
      } catch let error as VarveError where error.code == .damaged || error.code == .missing {
        throw VarveError(
          error.code, "the snapshot \(snapshot) is not whole",
          hint: "run 'varve check' to see what is affected; a backup of the same files brings lost "
            + "content back, and 'varve repair snapshots --forget' parts with it", cause: error)
      }
    }

    /// No live pack has a chunk, and that may be.
    private struct Lost: Error {}

    /// Does `body`, and goes on where it has come upon something that is lost.
    private func passingOver(_ body: () throws -> Void) throws {
      do {
        try body()
      } catch is Lost {
        live.lossy.withLock { _ = $0.insert(snapshot) }
      }
    }

    private func visit(_ content: DirectoryContent, depth: Int) {
      guard live.visited.withLock({ $0.insert(content.id) }) else { return }
      queue.add(DirectoryTask(content: content, depth: depth, snapshot: snapshot))
    }

    private func node(_ id: Digest) throws -> [UInt8] {
      try mark(id)
      live.progress.nodesRead.add(1, ordering: .relaxed)
      return try reader.chunk(id)
    }

    private func mark(_ file: FileContent) throws {
      switch file.form {
      case .chunks(let chunks):
        for chunk in chunks { try passingOver { try mark(chunk.address) } }
      case .lists(let lists):
        for list in lists { try passingOver { try mark(list: list.id) } }
      }
    }

    private func mark(list: Digest) throws {
      guard live.visited.withLock({ $0.insert(list) }) else { return }
      let bytes = try node(list)
      let chunks = try bytes.withUnsafeBytes { try ChunkListNode(decoding: $0).chunks }
      for chunk in chunks { try passingOver { try mark(chunk.address) } }
    }

    private func mark(_ id: Digest) throws {
      guard let location = repository.index.locate(id) else {
        if passesOverLost { throw Lost() }
        throw VarveError(.missing, "no index knows chunk \(id)")
      }
      places.append(location)
      found?(id, location)
    }

    private func settle() {
      live.uses.withLock { uses in for place in places { _ = uses.insert(place) } }
      places.removeAll(keepingCapacity: true)
    }
  }
}

extension IndexedRepository {
  /// Whether the index has every live pack, so that what it does not find is in none.
  fileprivate var indexesAllLivePacks: Bool {
    get throws {
      guard !hasUnlisted else { return false }
      var indexed: Set<Digest> = []
      for table in index.list {
        for number in 0..<table.packCount where table.isLive(pack: number) {
          indexed.insert(try table.pack(at: number).name)
        }
      }
      return liveObjects.packs.keys.allSatisfy(indexed.contains)
    }
  }
}
