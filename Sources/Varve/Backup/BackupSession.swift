import Glibc
import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// A piece of work for one thread.
enum BackupTask: Sendable {
  /// List a directory.
  case scan(DirectoryJob)
  /// Go into the directory's children, from this one on.
  case children(DirectoryJob, from: Int)
  /// Archive these of the directory's changed files.
  case files(DirectoryJob, Range<Int>)
  /// Archive a stream, in place of a walk.
  case stream(StreamBackup)
  /// Put a tree together, in place of a walk.
  case assembly(any TreeSource)
}

/// What the threads of one backup share.
final class BackupSession: @unchecked Sendable {
  let options: BackupOptions
  let rules: ChangeRules
  let filter: PathFilter
  let tags: [ExclusionTag]
  let store: ChunkStore
  let chunker: Chunker
  /// For files that are changed in place; the same as `chunker` when the user chose a size.
  let pagedChunker: Chunker
  let proofKey: HMACSHA256
  let accounts = AccountNames()
  let cache: ChangeCache?
  /// Whether what the cache knows may not be stored any more.
  let isCacheDoubtful: Bool
  let cacheWriter: ChangeCacheWriter?
  let observer: (any BackupObserver)?
  let progress: BackupProgress
  /// Whether the observer wants to hear of each file.
  let reportsItems: Bool
  let cancellation: CancellationFlag
  let stack = TaskStack<BackupTask, LargeFileChunk>()
  let rendezvous: Rendezvous
  let links = LinkCollector()
  let chunkBuffers: ChunkBufferPool
  let stamps = StampTrust()
  /// The file systems to stay on; nil for all.
  let fileSystems: Set<UInt64>?
  /// Where the repository keeps its packs, if that is on this machine.
  private let ownPacks: DirectoryIdentity?
  private let isOwnRepositoryTold = Atomic<Bool>(false)

  private let problems = Mutex<[SourceProblem]>([])
  let socketsSkipped = Atomic<UInt64>(0)
  /// Sources, as the user named them, that are there.
  let sourcesFound = Atomic<Int>(0)
  /// A chunk that was claimed could not be stored: nothing of what was done may be committed.
  let isBroken = Atomic<Bool>(false)
  /// Whether one stream is read in place of a walk.
  var isStream: Bool {
    if case .paths = options.source { false } else { true }
  }
  /// What the source itself has to say, besides the user's metadata.
  let recordedMeta = Mutex<[String: String]>([:])
  /// The threads that walk, as they were when they began.
  let workers = Mutex<[BackupWorker]>([])
  /// The snapshot's root directory, once it is known.
  let root = Mutex<(node: NodeReference, record: UInt64)?>(nil)

  init(
    options: BackupOptions, filter: PathFilter, tags: [ExclusionTag], store: ChunkStore,
    chunker: Chunker, pagedChunker: Chunker, proofKey: HMACSHA256, cache: ChangeCache?,
    isCacheDoubtful: Bool, cacheWriter: ChangeCacheWriter?, fileSystems: Set<UInt64>?,
    ownPacks: DirectoryIdentity?, observer: (any BackupObserver)?, cancellation: CancellationFlag,
    workers: Int
  ) throws {
    self.options = options
    rules = ChangeRules(
      ignoresInode: options.ignoreInode, ignoresChangeTime: options.ignoreCtime)
    self.filter = filter
    self.tags = tags
    self.store = store
    self.chunker = chunker
    self.pagedChunker = pagedChunker
    self.proofKey = proofKey
    self.cache = cache
    self.isCacheDoubtful = isCacheDoubtful
    self.cacheWriter = cacheWriter
    self.observer = observer
    progress = observer?.progress ?? BackupProgress()
    reportsItems = observer?.wantsItems ?? false
    self.cancellation = cancellation
    rendezvous = Rendezvous(threads: workers)
    chunkBuffers = ChunkBufferPool(
      count: workers > 1 ? 2 * workers : 0, capacity: BackupWorker.inputCapacity(chunker))
    self.fileSystems = fileSystems
    self.ownPacks = ownPacks
  }

  /// Tells the observer, once, when a directory that is saved is the one with the repository's packs.
  func noteOwnRepository(_ status: FileStatus, _ path: [UInt8]) {
    guard let ownPacks, status.inode == ownPacks.inode, status.device == ownPacks.device,
      !isOwnRepositoryTold.exchange(true, ordering: .relaxed)
    else { return }
    let name = path.lastIndex(of: UInt8(ascii: "/")) ?? path.endIndex
    observer?.savesRepository(Array(path[..<name]))
  }

  /// Notes that a source could not be read; the backup goes on.
  ///
  /// - Parameter isKept: whether the snapshot has it, though not as it is.
  func report(
    _ path: [UInt8], _ message: String, _ stage: SourceProblem.Stage, isKept: Bool = false
  ) {
    let problem = SourceProblem(path: path, message: message, stage: stage, isKept: isKept)
    problems.withLock { $0.append(problem) }
    progress.errors.add(1, ordering: .relaxed)
    observer?.failed(problem)
  }

  func report(
    _ path: [UInt8], _ error: Int32, _ stage: SourceProblem.Stage, isKept: Bool = false
  ) {
    report(path, SystemError.text(error), stage, isKept: isKept)
  }

  var reportedProblems: [SourceProblem] { problems.withLock { $0 } }
}
