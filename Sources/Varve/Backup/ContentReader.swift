internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Reading content that is cut into chunks: large files, sparse files, streams.
///
/// The input buffer has room for one longest chunk and one piece more. Pieces are read behind what is there
/// until the chunk's end is among them; what is behind that end, less than a piece, moves to the front
/// before the next is read. So a chunk is cut, hashed and compressed while it is still in the processor's
/// cache, and a chunk that another thread is to store goes there with its buffer, uncopied.
extension BackupWorker {
  /// Bytes that are read at once: small beside a core's second-level cache.
  static let piece = 256 << 10

  /// From this size on, a file's chunks are handed to all threads.
  private var sharedFrom: UInt64 { UInt64(4 * session.chunker.parameters.max) }

  /// Reads the data of a file up to `size` or its end, holes of `holes` skipped.
  func readExtents(_ file: Int32, size: UInt64) throws -> ArchivedContent {
    var source = ExtentSource(file: file, size: size)
    return try readContent(shared: size >= sharedFrom && size < UInt64(Int64.max), &source)
  }

  /// Reads a stream to its end.
  func readStream(_ file: Int32) throws -> ArchivedContent {
    var source = StreamSource(file: file, cancellation: session.cancellation)
    return try readContent(shared: true, &source)
  }

  func readContent(
    shared: Bool, _ source: inout some ContentSource
  ) throws -> ArchivedContent {
    var content = ArchivedContent()
    wholeFile.reset()
    chunker = session.chunker
    isInContent = true
    let large = shared && session.chunkBuffers.isUseful ? LargeFile() : nil
    do {
      var position: UInt64 = 0
      var hole = 0
      while true {
        // One data extent, up to the next hole.
        let end = hole < holes.count ? holes[hole].offset : source.end
        if end > position {
          let read = try readExtent(
            &source, from: position, count: end - position, large, &content)
          position += read
          if content.error != nil { break }
          if position < end { break }
        }
        guard hole < holes.count else { break }
        try hashZeros(holes[hole].length)
        position += holes[hole].length
        hole += 1
      }
      // The file has become shorter: holes behind its end are gone.
      if hole < holes.count { holes.removeSubrange(hole...) }
      content.size = position
    } catch {
      // Chunks on their way refer to this thread's file; they must be over before it leaves.
      _ = try? large?.finish(help: helpOut)
      throw error
    }
    try large?.finish(help: helpOut)
    isInContent = false
    // The only chunk of a file has the file's digest.
    let digest = wholeFile.finish()
    if content.digest == .zero { content.digest = digest }
    return content
  }

  private func readExtent(
    _ source: inout some ContentSource, from offset: UInt64, count: UInt64, _ large: LargeFile?,
    _ content: inout ArchivedContent
  ) throws -> UInt64 {
    var start = 0
    var filled = 0
    var taken: UInt64 = 0
    var atEnd = false
    while true {
      var scanned = 0
      var length: Int?
      while true {
        let available = UnsafeRawBufferPointer(
          start: input.base + BlockAssembler.headroom + start, count: filled - start)
        length = chunker.cut(available, scanned: scanned, isLast: atEnd)
        if length != nil || atEnd { break }
        scanned = available.count
        let base = input.base + BlockAssembler.headroom
        if start > 0 {
          base.copyMemory(from: base + start, byteCount: filled - start)
          (start, filled) = (0, filled - start)
        }
        let left = count - taken - UInt64(filled)
        let room = max(Self.piece, chunker.parameters.min + Self.piece - filled)
        let got =
          left == 0
          ? 0
          : source.read(
            into: base + filled, Int(min(UInt64(room), left)), at: offset + taken + UInt64(filled))
        if got < 0 {
          content.error = Int32(-got)
          return taken
        }
        if got == 0 { atEnd = true }
        if offset + taken == 0 && filled == 0 {
          // A stream may give less than the head at first; a file does not.
          let head = UnsafeRawBufferPointer(start: base, count: min(got, PagedFormat.headLength))
          if PagedFormat.recognizes(head) { chunker = session.pagedChunker }
        }
        filled += got
      }
      guard let length else { return taken }
      try session.cancellation.check()
      if session.rendezvous.isCalled { try meet() }
      let chunk = UnsafeRawBufferPointer(
        start: input.base + BlockAssembler.headroom + start, count: length)
      let id: Digest
      if offset == 0 && taken == 0 && UInt64(length) == source.end {
        id = SHA256.digest(chunk)
        content.digest = id
      } else {
        id = wholeFile.digest(takingIn: chunk)
      }
      start += length
      taken += UInt64(length)
      try take(chunk, id, large, rest: filled - start, &content)
      session.progress.bytesDone.add(UInt64(length), ordering: .relaxed)
    }
  }

  /// Notes the chunk; when it is new, hands it to whichever thread is free or stores it here.
  ///
  /// - Parameter rest: bytes behind the chunk that are not cut yet. When they are fewer than the chunk's, the input
  ///   buffer goes away with the chunk, and they are copied to the same place in the next one.
  private func take(
    _ chunk: UnsafeRawBufferPointer, _ id: Digest, _ large: LargeFile?, rest: Int,
    _ content: inout ArchivedContent
  ) throws {
    try chunkList.append(
      ChunkReference(address: id, length: UInt32(chunk.count)), store: store(node:))
    guard writer.claimData(id, count: chunk.count), let start = chunk.baseAddress else { return }
    content.added += UInt64(chunk.count)
    if let large, let buffer = try session.chunkBuffers.take() {
      let place = start - UnsafeRawPointer(input.base)
      large.begin()
      if rest > chunk.count {
        (buffer.base + place).copyMemory(from: start, byteCount: chunk.count)
        let copy = UnsafeRawBufferPointer(start: buffer.base + place, count: chunk.count)
        session.stack.push(
          chunk: LargeFileChunk(file: large, id: id, buffer: buffer, bytes: copy))
      } else {
        let end = place + chunk.count
        (buffer.base + end).copyMemory(from: start + chunk.count, byteCount: rest)
        session.stack.push(
          chunk: LargeFileChunk(file: large, id: id, buffer: input, bytes: chunk))
        input = buffer
      }
    } else {
      try writer.addClaimedData(id, chunkWithHeadroom: chunk)
    }
  }

  private func helpOut() -> Bool {
    guard let chunk = session.stack.takeChunk() else { return false }
    store(chunk)
    return true
  }

  /// A hole has no bytes to read, and as many to hash: a terabyte of it takes a quarter of an hour.
  private func hashZeros(_ count: UInt64) throws {
    let zeros = ZeroPage.bytes
    var left = count
    while left > 0 {
      try session.cancellation.check()
      if session.rendezvous.isCalled { try meet() }
      let step = min(left, UInt64(zeros.count))
      wholeFile.update(UnsafeRawBufferPointer(rebasing: zeros[..<Int(step)]))
      left -= step
      session.progress.bytesDone.add(step, ordering: .relaxed)
    }
  }
}

/// A MiB of zeros, mapped once and never written.
private enum ZeroPage {
  nonisolated(unsafe) static let bytes = UnsafeRawBufferPointer(
    start: UnsafeMutableRawPointer.allocate(byteCount: 1 << 20, alignment: 4096)
      .initializeMemory(as: UInt8.self, repeating: 0, count: 1 << 20), count: 1 << 20)
}

/// Where content comes from.
protocol ContentSource {
  /// Where it ends at the latest.
  var end: UInt64 { get }
  /// Reads at most `count` bytes; 0 at the end, a negated error number on failure.
  mutating func read(into pointer: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int
}

private struct ExtentSource: ContentSource {
  let file: Int32
  let size: UInt64
  var end: UInt64 { size }

  func read(into pointer: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int {
    varve_pread(file, pointer, count, Int64(offset))
  }
}

/// Bytes that come when they come: a request to stop ends them even while the other side is silent.
struct StreamSource: ContentSource {
  private static let pollMilliseconds: Int32 = 200

  let file: Int32
  let cancellation: CancellationFlag
  var end: UInt64 { UInt64(Int64.max) }

  func read(into pointer: UnsafeMutableRawPointer, _ count: Int, at offset: UInt64) -> Int {
    while true {
      var ready = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
      let state = poll(&ready, 1, Self.pollMilliseconds)
      if cancellation.isCancelled { return 0 }
      if state == 0 || (state < 0 && errno == EINTR) { continue }
      let got = Glibc.read(file, pointer, count)
      if got >= 0 { return got }
      if errno != EINTR { return -Int(errno) }
    }
  }
}
