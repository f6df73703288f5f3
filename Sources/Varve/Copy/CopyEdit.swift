import Synchronization
internal import VarveFormat
internal import VarveRepository
import VarveStorage

/// Keeps every entry of a tree and has the content of its files taken over: chunks that the target has not are gathered into
/// batches, sorted as the source's packs have them, and given to the threads as errands.
///
/// Nothing of the source that cannot be read stops it: it is noted, and the snapshot is then not committed.
final class CopyEdit: TreeEdit, @unchecked Sendable {
  /// A batch is done once it has so many chunks, of 120 bytes each, or content for so many errands.
  private static let chunkLimit = 1 << 14
  private static let errandLimit: UInt64 = 8

  private struct Batch {
    var chunks: [WantedChunk] = []
    var byteCount: UInt64 = 0
  }

  private let source: IndexedRepository
  private let options: CopyOptions
  private let progress: CopyProgress
  private let cancellation: CancellationFlag
  private let batch = Mutex(Batch())
  private let failures = Mutex(CopyFailures())
  /// For the two below.
  private let lock = Condition()
  /// Those that no thread uses.
  private var transfers: [ChunkTransfer] = []
  /// The chunks taken over since the last commit, for a partial snapshot to keep.
  private var takenOver = ChunkListWriter()
  /// Set once, before anything is done.
  weak var rewriter: TreeRewriter?

  init(
    source: IndexedRepository, options: CopyOptions, progress: CopyProgress,
    cancellation: CancellationFlag
  ) {
    self.source = source
    self.options = options
    self.progress = progress
    self.cancellation = cancellation
  }

  var dependsOnPaths: Bool { false }

  // MARK: Trees

  func decide(
    _ entry: RawTreeEntry, at path: UnsafeRawBufferPointer, by worker: RewriteWorker
  ) throws -> EntryDecision {
    guard try entry.type() == .file, case .file(let file) = try entry.decode().content else {
      return .keep
    }
    switch file.form {
    case .chunks(let chunks): try want(chunks, Array(path), worker)
    case .lists(let lists):
      for (index, list) in lists.enumerated() {
        try cancellation.check()
        try want(list: list.id, Array(path), worker) {
          try ChunkListNode(decoding: $0, as: list, isLast: index == lists.count - 1)
        }
        try rewriter?.helpOut(worker)
      }
    }
    return .keep
  }

  func missed(_ directory: DirectoryContent, at path: [UInt8], _ error: VarveError) throws {
    failures.withLock { $0.add(path, error.message) }
  }

  /// Takes over a chunk list of a file that was being read, with its chunks.
  func want(unfinished list: Digest, _ worker: RewriteWorker) throws {
    try want(list: list, nil, worker) { try ChunkListNode(decoding: $0) }
  }

  private func want(
    list: Digest, _ path: [UInt8]?, _ worker: RewriteWorker,
    decode: (UnsafeRawBufferPointer) throws -> ChunkListNode
  ) throws {
    let bytes: [UInt8]
    let node: ChunkListNode
    do {
      bytes = try worker.reader.chunk(list)
      node = try bytes.withUnsafeBytes(decode)
    } catch let error as VarveError where error.isOfObject {
      return failures.withLock { $0.add(path, error.message) }
    }
    _ = try bytes.withUnsafeBytes(worker.store(node:))
    try want(node.chunks, path, worker)
  }

  private func want(
    _ chunks: [ChunkReference], _ path: [UInt8]?, _ worker: RewriteWorker
  ) throws {
    var full: Batch?
    for chunk in chunks {
      if let message = failures.withLock({ $0.lost[chunk.address] }) {
        failures.withLock { $0.add(path, message) }
        continue
      }
      guard worker.writer.claimData(chunk.address, count: Int(chunk.length)) else { continue }
      guard let location = source.index.locate(chunk.address) else {
        failures.withLock { $0.lose(chunk.address, "no index knows chunk \(chunk.address)") }
        continue
      }
      progress.bytesFound.add(UInt64(chunk.length), ordering: .relaxed)
      guard !options.dryRun else { continue }
      full = batch.withLock { batch in
        batch.chunks.append(
          WantedChunk(id: chunk.address, length: chunk.length, location: location))
        batch.byteCount += UInt64(chunk.length)
        guard
          batch.chunks.count >= Self.chunkLimit
            || batch.byteCount >= Self.errandLimit * options.stepByteCount
        else {
          return nil
        }
        defer { batch = Batch() }
        return batch
      }
      if let full {
        for errand in errands(full) { rewriter?.add(errand) }
        try rewriter?.helpOut(worker)
      }
    }
  }

  // MARK: Data

  /// Errands for what has not become a batch yet.
  func rest() -> [TreeRewriter.Errand] {
    errands(
      batch.withLock { batch in
        defer { batch = Batch() }
        return batch
      })
  }

  private func errands(_ batch: Batch) -> [TreeRewriter.Errand] {
    let chunks = batch.chunks.sorted(by: WantedChunk.precedes)
    var errands: [TreeRewriter.Errand] = []
    var first = 0
    var bytes: UInt64 = 0
    for place in chunks.indices {
      bytes += UInt64(chunks[place].length)
      let next = place + 1
      // A block is not divided.
      guard
        next == chunks.count
          || bytes >= options.stepByteCount && !chunks[next].isInBlock(of: chunks[place])
      else { continue }
      let part = Array(chunks[first..<next])
      errands.append { [weak self] in try self?.take(part, by: $0) }
      first = next
      bytes = 0
    }
    return errands
  }

  private func take(_ chunks: [WantedChunk], by worker: RewriteWorker) throws {
    try cancellation.check()
    let transfer =
      try lock.locked { transfers.popLast() } ?? ChunkTransfer(from: source)
    defer { lock.locked { transfers.append(transfer) } }
    try transfer.take(
      chunks[...], into: worker.writer,
      taken: { chunk in
        progress.bytesDone.add(UInt64(chunk.length), ordering: .relaxed)
        guard options.partialInterval > 0 else { return }
        try lock.locked {
          try takenOver.append(
            ChunkReference(address: chunk.id, length: chunk.length),
            store: worker.store(node:))
        }
      },
      lost: { chunk, error in failures.withLock { $0.lose(chunk.id, error.message) } })
  }

  // MARK: Results

  /// The chunk lists of all that was taken over since `forgetTakenOver`; empty for nothing.
  func listTakenOver(store: TreeNodeWriter.Store) throws -> [Digest] {
    try lock.locked {
      takenOver.chunkCount == 0 ? [] : try takenOver.nodesSoFar(store: store).map(\.id)
    }
  }

  /// Called when complete snapshots refer to all of it.
  func forgetTakenOver() { lock.locked { takenOver.reset() } }

  /// What could not be read since the last call.
  func takeFailures() -> CopyFailures? {
    failures.withLock { failures in
      guard failures.count > 0 else { return nil }
      defer {
        failures.found = []
        failures.count = 0
      }
      return failures
    }
  }
}

/// What of the source cannot be read.
struct CopyFailures {
  /// More are counted, not named.
  static let limit = 1_000

  /// Chunks that cannot be had, and why. The target's store will not be asked for them again: they were claimed.
  var lost: [Digest: String] = [:]
  /// Of the present snapshot.
  var found: [(path: [UInt8]?, message: String)] = []
  var count = 0

  mutating func add(_ path: [UInt8]?, _ message: String) {
    count += 1
    if found.count < Self.limit { found.append((path, message)) }
  }

  mutating func lose(_ chunk: Digest, _ message: String) {
    count += 1
    lost[chunk] = message
  }
}
