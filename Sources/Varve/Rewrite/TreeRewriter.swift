// Makes trees out of other ones, bottom-up:
//
//     each directory is read, and an edit asked of each entry: keep, drop, replace
//     its subdirectories are done, depth first, by any thread
//     nothing of it has changed, and the key of proof roots is the same: its node is what it was, unread further
//     else it is read again, and its entries written anew with what has changed, its proof root computed
//
// The directories between the root and the threads are all that is held, and of those only what changes
// (`RewriteJob`). Nodes go to a chunk store, which keeps those that it has not; nothing is live before the caller commits.

import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Rewrites trees for one session. One tree at a time, on several threads.
final class TreeRewriter: @unchecked Sendable {
  /// Other work for a thread of the rewriter, done before directories.
  typealias Errand = @Sendable (RewriteWorker) throws -> Void
  enum Task: Sendable {
    case directory(RewriteJob)
    /// Go into the directory's children, from this one on.
    case children(RewriteJob, from: Int)
  }

  let edit: any TreeEdit
  let proofKey: HMACSHA256
  let keepsNodes: Bool
  let cancellation: CancellationFlag
  let memory = RewriteMemory()
  private var workers: [RewriteWorker] = []
  private var stack = TaskStack<Task, Errand>()
  private var rendezvous = Rendezvous(threads: 0)
  private let waitingErrands = Atomic<Int>(0)
  private let result = Mutex<RewrittenTree?>(nil)

  /// - Parameters:
  ///   - source: what has the trees.
  ///   - store: where new nodes go.
  ///   - proofKey: of the repository to which the store belongs.
  ///   - keepsNodes: whether that is the source, so that what does not change need not be written.
  ///   - threads: how many; at least 1.
  init(
    source: IndexedRepository, store: ChunkStore, proofKey: HMACSHA256, keepsNodes: Bool,
    edit: any TreeEdit, threads: Int, cancellation: CancellationFlag
  ) throws {
    self.edit = edit
    self.proofKey = proofKey
    self.keepsNodes = keepsNodes
    self.cancellation = cancellation
    workers = try (0..<max(1, threads)).map { _ in
      RewriteWorker(self, reader: try source.makeReader(), writer: try store.makeWriter())
    }
  }

  /// A thread's means, for use while no tree is being rewritten.
  var worker: RewriteWorker { workers[0] }

  /// Rewrites the tree below `root`, the root directory of a snapshot.
  ///
  /// - Parameter pauses: what is done in between.
  /// - Throws: what the edit throws; `.damaged`, `.missing` and `.io` when a directory cannot be read and the edit says no
  ///   otherwise; what storing throws, and then nothing of the session may be committed.
  func rewrite(
    _ root: DirectoryContent, pauses: (any RewritePauses)? = nil
  ) throws -> RewrittenTree {
    let key = key(of: root.id, at: [])
    if let known = memory[key] { return known }
    result.withLock { $0 = nil }
    stack = TaskStack()
    stack.push(.directory(RewriteJob(parent: nil, place: 0, root, path: [], key: key)))
    try runThreads(pauses)
    guard let tree = result.withLock({ $0 }) else {
      throw VarveError(.interrupted, "a tree was not rewritten to its end")
    }
    return tree
  }

  /// Does errands on all threads.
  func perform(_ errands: [Errand], pauses: (any RewritePauses)? = nil) throws {
    guard !errands.isEmpty else { return }
    stack = TaskStack()
    for errand in errands { add(errand) }
    try runThreads(pauses)
  }

  /// Stores what the threads still hold; before the store is finished.
  func flush() throws { for worker in workers { try worker.writer.flush() } }

  private func runThreads(_ pauses: (any RewritePauses)?) throws {
    let count = workers.count
    rendezvous = Rendezvous(threads: count)
    defer { waitingErrands.store(0, ordering: .relaxed) }
    try WorkerThreads.run(count: count + (pauses == nil ? 0 : 1)) { [self] number in
      if let pauses, number == count { return try pause(pauses) }
      defer { rendezvous.leave() }
      try workers[number].run(stack)
    }
  }

  /// Stops the other threads whenever it is time, until one of them has ended.
  private func pause(_ pauses: any RewritePauses) throws {
    while rendezvous.sleep(until: pauses.due) {
      do {
        guard try rendezvous.meet(takingWorkFrom: stack, pauses.paused) != nil else { return }
        try pauses.resumed()
      } catch {
        stack.stop()
        throw error
      }
    }
  }

  // MARK: For the threads

  /// Gives an errand to whichever thread is free first.
  func add(_ errand: @escaping Errand) {
    waitingErrands.add(1, ordering: .relaxed)
    stack.push(chunk: errand)
  }

  /// Notes that an errand does not wait any more.
  func tookErrand() { waitingErrands.subtract(1, ordering: .relaxed) }

  /// Does errands until few wait, so that a thread that makes many does not run ahead; and attends a rendezvous.
  func helpOut(_ worker: RewriteWorker) throws {
    while waitingErrands.load(ordering: .relaxed) > 4 * workers.count || rendezvous.isCalled,
      let errand = stack.takeChunk()
    {
      tookErrand()
      try errand(worker)
    }
    if rendezvous.isCalled { try meet(worker) }
  }

  /// Attends the rendezvous, with nothing in hand that is not stored.
  func meet(_ worker: RewriteWorker) throws {
    try worker.writer.flush()
    rendezvous.attend()
  }

  func push(_ task: Task) { stack.push(task) }

  func key(of directory: Digest, at path: [UInt8]) -> Digest {
    RewriteMemory.key(directory, edit.dependsOnPaths ? path : nil)
  }

  func finish(_ tree: RewrittenTree) { result.withLock { $0 = tree } }
}

/// What is done in the middle of a rewrite, on a thread of its own.
protocol RewritePauses: Sendable {
  /// When the others are to stop next, in nanoseconds of the monotonic clock.
  var due: UInt64 { get }
  /// Called while they stop: all that was given to their writers is in packs, or in open ones.
  func paused() throws
  /// Called after that, while they go on.
  func resumed() throws
}
