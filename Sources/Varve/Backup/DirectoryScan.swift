internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveFormat
internal import VarveRepository

/// Listing a directory and comparing it with the change cache.
///
/// The listing is sorted, and so is the cached directory: one pass over both finds what is new, what may have
/// changed and what is as it was. For the last kind one `statx` is all that is done.
extension BackupWorker {
  private static let batchFiles = 128
  private static let batchBytes: UInt64 = 32 << 20
  /// Bytes of encoded links and the like in one arena; directories with more have several.
  private static let arenaLimit = 1 << 20

  func scan(_ job: DirectoryJob) throws {
    try session.cancellation.check()
    let readable = open(job)
    guard readable else {
      job.failed = true
      try finish(job)
      return
    }
    if let sources = job.sources {
      try scan(job, count: sources.entries.count)
    } else if job.isNamed || session.fileSystems?.contains(job.status.device) ?? true {
      let error = job.listing.load(job.descriptor)
      if error != 0 {
        session.report(job.path, error, .scan)
        job.failed = true
        try finish(job)
        return
      }
      try scan(job, count: job.listing.count)
    }
    job.isListed = true
    push(job)
    try finish(job)
  }

  /// Opens the directory and reads its own status; false when it cannot be read, which is then reported.
  private func open(_ job: DirectoryJob) -> Bool {
    var error: Int32 = 0
    if let parent = job.parent {
      let name = parent.entries[job.index].name
      job.descriptor = parent.withLocation(name) { directory, file in
        // A directory on the way to a source may be a link on this machine; a source itself is not followed.
        job.sources != nil
          ? varve_open(directory, file, varve_o_path | O_DIRECTORY, 0)
          : OpenAt.directory(directory, file)
      }
    } else if job.sources != nil {
      return true
    } else {
      job.descriptor = (job.path + [0]).withUnsafeBytes {
        OpenAt.userDirectory($0.baseAddress!.assumingMemoryBound(to: CChar.self))
      }
    }
    if job.descriptor < 0 {
      error = -job.descriptor
    } else {
      error = FileStatus.read(job.descriptor, into: &job.status)
    }
    guard error == 0 else {
      session.report(job.path, error, .scan)
      return false
    }
    job.signature = FileSignature(job.status)
    if job.sources == nil { job.noteFileSystem() }
    return true
  }

  private func scan(_ job: DirectoryJob, count: Int) throws {
    let onlyTag = excludingTag(job)
    if job.sources == nil && onlyTag == nil { session.noteOwnRepository(job.status, job.path) }
    path.removeAll(keepingCapacity: true)
    path.append(contentsOf: job.path)
    if path.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
    let prefix = path.count
    let sources = job.sources
    let cachedDirectory = job.cached
    var cursor = CacheCursor(cachedDirectory)
    var released = 0
    var counts = ScanCounts()
    var arena = ByteWriter()
    var arenaIndex = job.addArena([])
    var status = FileStatus()
    job.reserve(count)
    for name in 0..<count {
      if let onlyTag, !job.listing.bytes(name).elementsEqual(onlyTag.name) { continue }
      if isExcluded(job, name, prefix: prefix) { continue }
      let error =
        sources == nil
        ? FileStatus.read(job.descriptor, job.listing.name(name), into: &status)
        : readSourceStatus(job, name, &status)
      if error != 0 {
        session.report(job.path(of: name), error, .scan)
        continue
      }
      if let sources, sources.entries[name].inner == nil {
        session.sourcesFound.add(1, ordering: .relaxed)
      }
      guard let type = status.type else {
        if status.isSocket { session.socketsSkipped.add(1, ordering: .relaxed) }
        continue
      }
      if type == .file, let limit = session.options.excludeLargerThan, status.size > limit {
        continue
      }
      var entry = EntryState(name: name, type: type, signature: FileSignature(status))
      var cached: CachedEntry?
      if let sources {
        cached = sources.entries[name].name.withUnsafeBytes { cursor.find($0) }
      } else {
        cached = cursor.find(job.listing.bytes(name))
      }
      if let known = cached, known.isCarriedOver, session.cache?.hasLiveBases == false {
        cached = nil
      }
      if cached != nil { entry.cached = cursor.index }
      if status.links > 1 && type != .directory {
        session.links.add(
          device: status.device, inode: status.inode, path: snapshotPath(job, name))
      }
      try take(job, &entry, cached, status, &counts, into: &arena, arenaIndex)
      job.append(entry)
      if arena.bytes.count >= Self.arenaLimit {
        keep(&arena, in: job, arenaIndex)
        arenaIndex = job.addArena([])
      }
      if let cachedDirectory, cursor.index - released >= CachedDirectory.releaseStep {
        cachedDirectory.release(released..<cursor.index)
        released = cursor.index
        add(&counts)
        try session.cancellation.check()
      }
    }
    keep(&arena, in: job, arenaIndex)
    add(&counts)
  }

  private func keep(_ arena: inout ByteWriter, in job: DirectoryJob, _ arenaIndex: Int) {
    let bytes = arena.bytes
    arena = ByteWriter()
    job.arenas.withLock { $0[arenaIndex] = bytes }
  }

  /// What a scan has found, counted for all threads a directory at a time: they would wait for one another
  /// at every file.
  private struct ScanCounts {
    var files: UInt64 = 0
    var bytes: UInt64 = 0
    var unchangedFiles: UInt64 = 0
    var unchangedBytes: UInt64 = 0
  }

  private func add(_ counts: inout ScanCounts) {
    guard counts.files > 0 else { return }
    session.progress.filesFound.add(counts.files, ordering: .relaxed)
    session.progress.bytesFound.add(counts.bytes, ordering: .relaxed)
    count(unchanged: counts.unchangedFiles, bytes: counts.unchangedBytes)
    counts = ScanCounts()
  }

  private func count(unchanged files: UInt64, bytes: UInt64) {
    session.progress.filesDone.add(files, ordering: .relaxed)
    session.progress.bytesDone.add(bytes, ordering: .relaxed)
    tally.filesUnmodified += files
    tally.filesProcessed += files
    tally.bytesProcessed += bytes
  }

  /// Decides what is to be done for an entry, and does it unless it has content.
  private func take(
    _ job: DirectoryJob, _ entry: inout EntryState, _ cached: CachedEntry?, _ status: FileStatus,
    _ counts: inout ScanCounts, into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let place = job.entries.count
    if entry.type == .directory {
      job.children.append(place)
      return
    }
    if entry.type == .file {
      counts.files += 1
      counts.bytes &+= status.size
    }
    // A changed ctime alone is a change of metadata, so it is never ignored for what is encoded.
    if let cached, entry.signature.matches(cached.signature, session.rules),
      entry.signature.changed == cached.signature.changed, isStored(cached, type: entry.type)
    {
      entry.keepCached()
      if entry.type == .file {
        counts.unchangedFiles += 1
        counts.unchangedBytes &+= status.size
      }
      reportUnchanged(job, entry)
      return
    }
    if entry.type == .file {
      job.changedFiles.append(place)
      return
    }
    try archiveSpecial(job, &entry, status, into: &arena, arenaIndex)
  }

  private func readSourceStatus(
    _ job: DirectoryJob, _ name: Int, _ status: inout FileStatus
  ) -> Int32 {
    guard let source = job.sources?.entries[name] else { return ENOENT }
    return job.withLocation(name) { directory, file in
      if directory < 0 { return -directory }
      return source.inner == nil
        ? FileStatus.read(directory, file, into: &status)
        : -varve_statx(directory, file, 0, &status.raw)
    }
  }

  /// The tag file that leaves out everything else in the directory, if it has one.
  private func excludingTag(_ job: DirectoryJob) -> ExclusionTag? {
    guard job.sources == nil else { return nil }
    for tag in session.tags {
      // A tag that does not count excludes nothing: more is saved than asked, never less.
      if case .present = tag.presence(in: job.descriptor) { return tag }
    }
    return nil
  }

  /// - Parameter prefix: how much of `path` is the directory's own path and the slash behind it.
  private func isExcluded(_ job: DirectoryJob, _ name: Int, prefix: Int) -> Bool {
    if session.filter.takesEverything { return false }
    if let sources = job.sources {
      return sources.entries[name].path.withUnsafeBytes { session.filter.excludes($0) }
    }
    path.removeSubrange(prefix...)
    path.append(contentsOf: job.listing.bytes(name))
    return path.withUnsafeBytes { session.filter.excludesEntry($0) }
  }

  /// The path of an entry from the snapshot's root, for the link table.
  private func snapshotPath(_ job: DirectoryJob, _ name: Int) -> [UInt8] {
    var names: [[UInt8]] = []
    if let sources = job.sources {
      names.append(sources.entries[name].name)
    } else {
      names.append(Array(job.listing.bytes(name)))
    }
    var current = job
    while let parent = current.parent {
      names.append(parent.withName(parent.entries[current.index]) { Array($0) })
      current = parent
    }
    return Array(names.reversed().joined(separator: [UInt8(ascii: "/")]))
  }

  /// Puts the directory's own work on the stack: files on top, in order, then its children.
  private func push(_ job: DirectoryJob) {
    var batches: [BackupTask] = []
    var start = 0
    var bytes: UInt64 = 0
    for index in job.changedFiles.indices {
      bytes &+= job.entries[job.changedFiles[index]].signature.size
      if index + 1 - start >= Self.batchFiles || bytes >= Self.batchBytes {
        batches.append(.files(job, start..<index + 1))
        (start, bytes) = (index + 1, 0)
      }
    }
    if start < job.changedFiles.count {
      batches.append(.files(job, start..<job.changedFiles.count))
    }
    job.pending.add(batches.count + job.children.count, ordering: .acquiringAndReleasing)
    if !job.children.isEmpty { session.stack.push(.children(job, from: 0)) }
    if !batches.isEmpty { session.stack.push(batches.reversed()) }
  }

  /// Counts a file that was opened although its content had not changed.
  func noteUnchanged(_ job: DirectoryJob, _ entry: borrowing EntryState) {
    if entry.type == .file { count(unchanged: 1, bytes: entry.signature.size) }
    reportUnchanged(job, entry)
  }

  private func reportUnchanged(_ job: DirectoryJob, _ entry: borrowing EntryState) {
    guard session.reportsItems else { return }
    session.observer?.finished(
      BackupItem(path: job.path(of: entry.name), isDirectory: false, action: .unchanged))
  }
}
