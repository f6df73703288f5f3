internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveChunking
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Reading files and storing their content.
///
/// A file is taken to be consistent when its status after reading is the one it was listed with. If not, it is
/// read once more from the start (unless it is large: that would cost the same again); if it still changes, what was read is
/// saved, the file is named as changed, and it will be read again next time.
extension BackupWorker {
  /// Files up to this size are read again when they changed meanwhile.
  private static let rereadLimit: UInt64 = 64 << 20

  func archive(_ job: DirectoryJob, _ range: Range<Int>) throws {
    var arena = ByteWriter(reservingCapacity: range.count * 128)
    let arenaIndex = job.addArena([])
    for place in range {
      // Chunks of large files first: somebody waits for them.
      while let chunk = session.stack.takeChunk() { store(chunk) }
      try session.cancellation.check()
      try archiveFile(job, job.changedFiles[place], into: &arena, arenaIndex)
    }
    let bytes = arena.bytes
    job.arenas.withLock { $0[arenaIndex] = bytes }
    try finish(job)
  }

  private func archiveFile(
    _ job: DirectoryJob, _ index: Int, into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let start = session.reportsItems ? MonotonicClock.nanoseconds : 0
    let entry = job.entries[index]
    let number = job.withLocation(entry.name) { OpenAt.file($0, $1) }
    guard number >= 0 else {
      session.report(job.path(of: entry.name), -number, .archival)
      return
    }
    let file = Descriptor(owning: number)
    if entry.signature.size >= 1 << 20 {
      session.progress.setCurrent(job.path(of: entry.name), worker: self.number)
    }
    defer {
      if entry.signature.size >= 1 << 20 { session.progress.setCurrent(nil, worker: self.number) }
    }
    var expected = entry.signature
    var sparse = entry.isSparse
    var status = FileStatus()
    var content: ArchivedContent
    var attempt = 0
    while true {
      content = try read(job, entry, file.number, size: expected.size, sparse: sparse)
      if let error = content.error {
        session.report(job.path(of: entry.name), error, .archival)
        return
      }
      let error = FileStatus.read(file.number, into: &status)
      guard error == 0 else {
        session.report(job.path(of: entry.name), error, .archival)
        return
      }
      guard status.isFile else {
        session.report(job.path(of: entry.name), "it is no longer a regular file", .archival)
        return
      }
      let now = FileSignature(status)
      if now == expected && (content.size == expected.size || expected.size == 0) { break }
      attempt += 1
      if attempt > 1 || content.size > Self.rereadLimit {
        session.report(
          job.path(of: entry.name), "it changed while it was read; saved as it was read", .archival)
        job.entries[index].signature.inode = ChangeCacheFormat.untrusted
        break
      }
      expected = now
      sparse = status.mayHaveHoles
      job.entries[index].signature = now
    }
    try encodeFile(job, index, file.number, status, content, into: &arena, arenaIndex)
    note(job, index, content, since: start)
  }

  /// What reading a file gave. `chunkList` has the chunks, `holes` the holes.
  struct ArchivedContent {
    /// Bytes, holes included.
    var size: UInt64 = 0
    var digest = Digest.zero
    /// An error number, when reading failed.
    var error: Int32?
    /// Bytes of chunks that the repository did not have.
    var added: UInt64 = 0
  }

  /// Reads `size` bytes of an open file, or to its end when it says that it is empty (as files of /proc do).
  private func read(
    _ job: DirectoryJob, _ entry: borrowing EntryState, _ file: Int32, size: UInt64, sparse: Bool
  ) throws -> ArchivedContent {
    chunkList.reset()
    holes.removeAll(keepingCapacity: true)
    if sparse && size > 0 {
      let error = FileHoles.read(file, size: size, into: &holes)
      if error != 0 { return ArchivedContent(error: error) }
    }
    if holes.isEmpty && size <= UInt64(session.chunker.parameters.min) {
      return try readSmall(file, size: Int(size))
    }
    return try readExtents(file, size: size)
  }

  /// A file of at most one chunk: one read, one hash.
  private func readSmall(_ file: Int32, size: Int) throws -> ArchivedContent {
    let base = input.base + BlockAssembler.headroom
    let limit = input.capacity - BlockAssembler.headroom
    var count = 0
    while true {
      // One byte more than expected, so that a short answer also says that this is the end.
      let wanted = (size == 0 ? limit : size + 1) - count
      let got = varve_pread(file, base + count, max(0, wanted), Int64(count))
      if got < 0 { return ArchivedContent(error: Int32(-got)) }
      count += got
      if got == 0 || (size > 0 && count >= size) { break }
      if size == 0 && count > session.chunker.parameters.min {
        return try readExtents(file, size: UInt64(Int64.max))
      }
    }
    if size > 0 { count = min(count, size) }
    guard count > 0 else { return ArchivedContent() }
    let outcome = try writer.addData(
      chunkWithHeadroom: UnsafeRawBufferPointer(start: base, count: count))
    try chunkList.append(
      ChunkReference(address: outcome.id, length: UInt32(count)), store: store(node:))
    session.progress.bytesDone.add(UInt64(count), ordering: .relaxed)
    return ArchivedContent(
      size: UInt64(count), digest: outcome.id, added: outcome.isNew ? UInt64(count) : 0)
  }
}
