internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// One thread of a backup with everything it reuses: buffers, contexts, open blocks.
///
/// Its work is in three extensions: `DirectoryScan` (list and compare), `FileArchiver` (read and store content)
/// and `DirectoryCompletion` (encode nodes); a fourth, `PartialDirectory`, encodes what is not complete.
///
/// While its thread attends the rendezvous, or has ended, whoever makes a partial snapshot reads from it.
final class BackupWorker: @unchecked Sendable {
  let session: BackupSession
  let number: Int
  let writer: ChunkWriter
  /// Where content is read. Another one after a chunk has gone to another thread in it.
  var input: ReusableBuffer
  let wholeFile = SHA256Stream()
  let smallFiles: SmallFiles
  /// For the file that is being read.
  var chunker: Chunker
  var chunkList = ChunkListWriter()
  var nodes = TreeNodeWriter()
  var frontier = MerkleFrontier()
  var path: [UInt8] = []
  /// This thread's part of the counts.
  var tally = SourceCounts()
  /// Files whose content this thread has read.
  var filesRead: UInt64 = 0
  /// The directory whose work this thread has taken from the stack and not finished.
  private(set) var inHand: DirectoryJob?
  /// Entries of the batch of files that is being archived, and where in its directory they go.
  var arena = ByteWriter()
  var batch: (job: DirectoryJob, arena: Int)?
  /// Whether `chunkList` is of content that is not done.
  var isInContent = false
  /// Whether what cannot be read is to be named in the report.
  var reportsProblems = true
  var attributes: [ExtendedAttribute] = []
  var holes: [Hole] = []

  init(session: BackupSession, number: Int) throws {
    self.session = session
    self.number = number
    writer = try session.store.makeWriter()
    chunker = session.chunker
    input = try ReusableBuffer(capacity: Self.inputCapacity(session.chunker))
    smallFiles = try SmallFiles(chunkMinimum: session.chunker.parameters.min)
  }

  /// Room for one longest chunk, whole, and for a piece that is read behind it.
  static func inputCapacity(_ chunker: Chunker) -> Int {
    BlockAssembler.headroom + chunker.parameters.max + chunker.parameters.min + piece
  }

  /// Works until the walk is over or stopped.
  func run() throws {
    do {
      var finished = false
      while let item = session.stack.next(finished: finished) {
        finished = true
        switch item {
        // Never dropped, not even when all is to stop: the thread that cut it waits for it.
        case .chunk(let chunk): store(chunk)
        case .task(.scan(let job)):
          inHand = job
          try scan(job)
        case .task(.children(let job, let next)): try enter(job, next)
        case .task(.files(let job, let range)):
          inHand = job
          try archive(job, range)
        case .task(.stream(let stream)): try archive(stream)
        case .task(.assembly(let source)):
          let root = try source.store(by: self)
          session.root.withLock { $0 = (root, ChangeCacheFormat.noRecord) }
        case .rendezvous:
          finished = false
          try meet()
        }
        inHand = nil
      }
      // When the backup was interrupted, what it has done can still be saved.
      if !session.stack.isStopped || session.cancellation.isCancelled { try settle() }
    } catch {
      session.stack.stop()
      if let error = error as? VarveError, error.code == .interrupted {
        do { try settle() } catch { session.isBroken.store(true, ordering: .relaxed) }
      } else {
        session.isBroken.store(true, ordering: .relaxed)
      }
      throw error
    }
  }

  /// Attends the rendezvous. Only where the thread has no claimed chunk in its hands.
  func meet() throws {
    while let chunk = session.stack.takeChunk() { store(chunk) }
    try settle()
    session.rendezvous.attend()
  }

  /// Puts what only this thread has to where others find it: chunks into packs, entries into their directory.
  private func settle() throws {
    try writer.flush()
    guard let batch else { return }
    let bytes = arena.bytes
    batch.job.arenas.withLock { $0[batch.arena] = bytes }
  }

  /// Stores a tree node and gives its id.
  func store(node: UnsafeRawBufferPointer) throws -> Digest { try writer.addTree(node).id }

  /// Stores a chunk of a large file that some thread has cut and claimed.
  func store(_ chunk: LargeFileChunk) {
    var failure: (any Error)?
    do {
      try writer.addClaimedData(chunk.id, chunkWithHeadroom: chunk.bytes)
    } catch {
      session.isBroken.store(true, ordering: .relaxed)
      failure = error
    }
    session.chunkBuffers.give(chunk.buffer)
    chunk.file.complete(failure)
  }

  private func enter(_ job: DirectoryJob, _ next: Int) throws {
    let index = job.children[next]
    if next + 1 < job.children.count { session.stack.push(.children(job, from: next + 1)) }
    let entry = job.entries[index]
    var cached: CachedDirectory?
    var isOfBase = job.isOfBase
    if entry.cached >= 0, let known = job.cached?.entry(entry.cached) {
      cached = session.cache?.record(at: known.child)
      if known.isCarriedOver { isOfBase = true }
    }
    let child = DirectoryJob(
      parent: job, index: index, path: job.path(of: entry.name),
      sources: job.sources?.entries[entry.name].inner, cached: cached,
      isOfBase: isOfBase)
    inHand = child
    try scan(child)
  }
}

extension FileSignature {
  init(_ status: FileStatus) {
    self.init(
      inode: status.inode, changed: FileSignature.nanoseconds(status.changed),
      modified: FileSignature.nanoseconds(status.modified),
      size: status.isDirectory ? 0 : status.size)
  }

  /// Saturates outside the years 1678 to 2262; such a file is told apart by its other fields.
  private static func nanoseconds(_ time: FileTime) -> Int64 {
    let (scaled, overflow) = time.seconds.multipliedReportingOverflow(by: 1_000_000_000)
    if overflow { return time.seconds < 0 ? .min : .max }
    let (sum, overflow2) = scaled.addingReportingOverflow(Int64(time.nanoseconds))
    return overflow2 ? .max : sum
  }
}
