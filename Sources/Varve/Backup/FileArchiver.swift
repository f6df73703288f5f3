internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveChunking
internal import VarveFormat
internal import VarveProof
internal import VarveRepository
internal import VarveStorage

/// Reading files and storing their content.
///
/// The status of the open file is taken before and after reading. When the two differ the file changed meanwhile: it
/// is named as a problem, and read once more from the start for the sake of consistent content (unless it is
/// large: that would cost the same again). What was read last is saved, and if it still changed it will not be trusted
/// next time.
extension BackupWorker {
  /// Files up to this size are read again when they changed meanwhile.
  private static let rereadLimit: UInt64 = 64 << 20

  func archive(_ job: DirectoryJob, _ range: Range<Int>) throws {
    defer { smallFiles.removeAll() }
    arena = ByteWriter(reservingCapacity: range.count * 128)
    let arenaIndex = job.addArena([])
    batch = (job, arenaIndex)
    for place in range {
      // Chunks of large files first: somebody waits for them.
      while let chunk = session.stack.takeChunk() { store(chunk) }
      try session.cancellation.check()
      if session.rendezvous.isCalled {
        try storeSmallFiles(job, arenaIndex)
        try meet()
      }
      try archiveFile(job, job.changedFiles[place], arenaIndex)
    }
    try storeSmallFiles(job, arenaIndex)
    let bytes = arena.bytes
    batch = nil
    arena = ByteWriter()
    job.arenas.withLock { $0[arenaIndex] = bytes }
    try finish(job)
  }

  private func archiveFile(_ job: DirectoryJob, _ index: Int, _ arenaIndex: Int) throws {
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
    var status = FileStatus()
    guard try readStatus(job, entry, file.number, &status) else { return }
    if let cached = reusable(job, entry), case .file(let known) = cached.content {
      job.entries[index].signature = FileSignature(status)
      try encodeFile(job, index, file.number, status, known, into: &arena, arenaIndex)
      noteUnchanged(job, job.entries[index])
      return
    }
    var content: ArchivedContent
    var changed = false
    // Who wants to hear of each file hears of it when it is done, not of many at once.
    if !session.reportsItems, !status.mayHaveHoles, status.size > 0,
      status.size <= smallFiles.longest
    {
      if !smallFiles.hasRoom(for: Int(status.size)) {
        try storeSmallFiles(job, arenaIndex)
      }
      job.entries[index].signature = FileSignature(status)
      if smallFiles.read(file.number, index, &status, since: start) {
        _ = file.release()
        return
      }
      let before = job.entries[index].signature
      guard try readStatus(job, entry, file.number, &status) else { return }
      changed = FileSignature(status) != before
      if changed {
        session.report(
          job.path(of: entry.name), "it changed while it was read", .archival, isKept: true)
      }
    }
    try storeSmallFiles(job, arenaIndex)
    while true {
      let before = FileSignature(status)
      content = try read(
        job, entry, file.number, size: before.size, sparse: status.mayHaveHoles)
      if let error = content.error {
        session.report(job.path(of: entry.name), error, .archival)
        return
      }
      guard try readStatus(job, entry, file.number, &status) else { return }
      job.entries[index].signature = before
      if FileSignature(status) == before && (content.size == before.size || before.size == 0) {
        break
      }
      if !changed {
        session.report(
          job.path(of: entry.name), "it changed while it was read", .archival, isKept: true)
      }
      if changed || content.size > Self.rereadLimit {
        job.entries[index].signature.inode = ChangeCacheFormat.untrusted
        break
      }
      changed = true
    }
    try encodeFile(job, index, file.number, status, content, into: &arena, arenaIndex)
    filesRead += 1
    note(job, index, content, since: start)
  }

  /// Reads the status of an open file; false when it cannot be had or is no file's, which is then reported.
  private func readStatus(
    _ job: DirectoryJob, _ entry: borrowing EntryState, _ file: Int32, _ status: inout FileStatus
  ) throws -> Bool {
    let error = FileStatus.read(file, into: &status)
    if error == 0 && status.isFile { return true }
    session.report(
      job.path(of: entry.name),
      error == 0 ? "it is no longer a regular file" : SystemError.text(error), .archival)
    return false
  }

  /// The cached entry whose content is still the file's by the rules that the user chose, though its
  /// ctime has changed: metadata is read anew, content is not.
  private func reusable(_ job: DirectoryJob, _ entry: borrowing EntryState) -> TreeEntry? {
    guard session.rules.ignoresChangeTime, let cached = job.cached?.entry(entry.cached),
      entry.signature.matches(cached.signature, session.rules),
      isStored(cached, type: entry.type)
    else { return nil }
    return try? TreeEntry(body: cached.body)
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
