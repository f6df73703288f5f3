internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Reading content that is cut into chunks: large files, sparse files, streams.
///
/// The input buffer holds two of the longest chunks. It is filled from the front; when less than one
/// longest chunk is left before its end, the rest moves to the front. So each chunk is whole in memory when it
/// is cut, and each byte is moved at most once.
extension BackupWorker {
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

  private func readContent(
    shared: Bool, _ source: inout some ContentSource
  ) throws -> ArchivedContent {
    var content = ArchivedContent()
    wholeFile.reset()
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
        hashZeros(holes[hole].length)
        position += holes[hole].length
        session.progress.bytesDone.add(holes[hole].length, ordering: .relaxed)
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
    if let large {
      for chunk in try large.finish(help: helpOut) {
        try chunkList.append(chunk, store: store(node:))
      }
    }
    let digest = wholeFile.finish()
    content.digest = digest
    return content
  }

  private func readExtent(
    _ source: inout some ContentSource, from offset: UInt64, count: UInt64, _ large: LargeFile?,
    _ content: inout ArchivedContent
  ) throws -> UInt64 {
    let longest = session.chunker.parameters.max
    let base = input.base + BlockAssembler.headroom
    let capacity = input.capacity - BlockAssembler.headroom
    var start = 0
    var filled = 0
    var taken: UInt64 = 0
    var atEnd = false
    while true {
      while !atEnd && filled - start < longest {
        if capacity - filled < 64 << 10 || start > 0 && capacity - start < longest {
          (base).copyMemory(from: base + start, byteCount: filled - start)
          (start, filled) = (0, filled - start)
        }
        let left = count - taken - UInt64(filled - start)
        let room = min(UInt64(capacity - filled), left)
        if room == 0 {
          atEnd = true
          break
        }
        let got = source.read(
          into: base + filled, Int(room), at: offset + taken + UInt64(filled - start))
        if got < 0 {
          content.error = Int32(-got)
          return taken
        }
        if got == 0 { atEnd = true }
        filled += got
      }
      guard filled > start else { return taken }
      try session.cancellation.check()
      let available = UnsafeRawBufferPointer(start: base + start, count: filled - start)
      let length = session.chunker.cut(available)
      let chunk = UnsafeRawBufferPointer(start: base + start, count: length)
      wholeFile.update(chunk)
      try take(chunk, large, &content)
      session.progress.bytesDone.add(UInt64(length), ordering: .relaxed)
      start += length
      taken += UInt64(length)
    }
  }

  /// Hands the chunk to whichever thread is free, or stores it here.
  private func take(
    _ chunk: UnsafeRawBufferPointer, _ large: LargeFile?, _ content: inout ArchivedContent
  ) throws {
    if let large {
      if let buffer = try session.chunkBuffers.take() {
        (buffer.base + BlockAssembler.headroom).copyMemory(
          from: chunk.baseAddress!, byteCount: chunk.count)
        session.stack.push(
          chunk: LargeFileChunk(
            file: large, place: large.begin(), buffer: buffer, count: chunk.count))
        return
      }
      let place = large.begin()
      large.complete(
        place,
        Result {
          let outcome = try writer.addData(chunkWithHeadroom: chunk)
          return ChunkReference(address: outcome.id, length: UInt32(chunk.count))
        })
      return
    }
    let outcome = try writer.addData(chunkWithHeadroom: chunk)
    if outcome.isNew { content.added += UInt64(chunk.count) }
    try chunkList.append(
      ChunkReference(address: outcome.id, length: UInt32(chunk.count)), store: store(node:))
  }

  private func helpOut() -> Bool {
    guard let chunk = session.stack.takeChunk() else { return false }
    store(chunk)
    return true
  }

  private func hashZeros(_ count: UInt64) {
    let zeros = ZeroPage.bytes
    var left = count
    while left > 0 {
      let step = min(left, UInt64(zeros.count))
      wholeFile.update(UnsafeRawBufferPointer(rebasing: zeros[..<Int(step)]))
      left -= step
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
private protocol ContentSource {
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
private struct StreamSource: ContentSource {
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
