internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Encoding a directory once everything in it is done, and telling its parent.
extension BackupWorker {
  /// Notes that one thing of the directory is done; completes it, and what it completes in turn, when it was the
  /// last.
  func finish(_ job: DirectoryJob) throws {
    var job = job
    while job.pending.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
      try complete(job)
      guard let parent = job.parent else { return }
      job = parent
    }
  }

  private func complete(_ job: DirectoryJob) throws {
    defer {
      if job.descriptor >= 0 { close(job.descriptor) }
      job.descriptor = -1
    }
    if job.failed {
      if job.parent == nil { throw VarveError(.io, "the source cannot be read") }
      return
    }
    if session.options.reportsChangedDirectories { reportChange(of: job) }
    let arenas = job.arenas.withLock { arenas in
      defer { arenas = [] }
      return arenas
    }
    let node: NodeReference
    let record: UInt64
    if let cached = job.cached, isUnchanged(job, cached) {
      node = cached.node
      // The same entries make the same nodes: those that are lost are stored again.
      if session.isCacheDoubtful { _ = try encodeNode(job, arenas) }
      record = try keepRecord(job, cached, arenas)
      tally.directoriesUnmodified += 1
    } else {
      node = try encodeNode(job, arenas)
      record = try writeRecord(job, node, arenas)
      switch job.cached?.node {
      case nil: tally.directoriesNew += 1
      case node: tally.directoriesUnmodified += 1
      default: tally.directoriesChanged += 1
      }
    }
    session.progress.directoriesDone.add(1, ordering: .relaxed)
    guard let parent = job.parent else {
      session.root.withLock { $0 = (node, record) }
      return
    }
    try attach(job, to: parent, node, record)
  }

  /// Names a directory that had other entries when the last of them was done than when it was listed.
  private func reportChange(of job: DirectoryJob) {
    var status = FileStatus()
    guard job.sources == nil, job.descriptor >= 0,
      FileStatus.read(job.descriptor, into: &status) == 0,
      (status.raw.modified_seconds, status.raw.modified_nanoseconds)
        != (job.status.raw.modified_seconds, job.status.raw.modified_nanoseconds)
    else { return }
    session.report(
      job.path, "entries came or went while it was read", .archival, isKept: true)
  }

  /// Whether the entries are those of the cached directory, all as they were.
  private func isUnchanged(_ job: DirectoryJob, _ cached: CachedDirectory) -> Bool {
    guard !cached.isPartial, job.entries.count == cached.count else { return false }
    return job.entries.allSatisfy { $0.place == .cached }
  }

  private func encodeNode(_ job: DirectoryJob, _ arenas: [[UInt8]]) throws -> NodeReference {
    nodes.reset()
    frontier.removeAll()
    try forEachEntry(job, arenas) { _, body, leaf in
      try nodes.append(body, store: store(node:))
      frontier.append(leafHash: leaf)
    }
    let (id, count) = try nodes.finish(store: store(node:))
    return NodeReference(id: id, root: frontier.root, count: count)
  }

  /// Calls `use` with each entry that is to be in the snapshot, its body and its leaf hash, in order.
  private func forEachEntry(
    _ job: DirectoryJob, _ arenas: [[UInt8]],
    _ use: (EntryState, UnsafeRawBufferPointer, Digest) throws -> Void
  ) rethrows {
    var released = 0
    for entry in job.entries {
      switch entry.place {
      case .none: continue
      case .cached:
        guard let cached = job.cached?.entry(entry.cached) else { continue }
        try use(entry, cached.body, cached.leaf)
        if entry.cached - released >= CachedDirectory.releaseStep {
          job.cached?.release(released..<entry.cached)
          released = entry.cached
        }
      case .arena:
        let place = entry.arenaPlace
        try arenas[place.index].withUnsafeBytes { bytes in
          try use(
            entry, UnsafeRawBufferPointer(rebasing: bytes[place.body]),
            Digest(loading: bytes.baseAddress! + place.leaf))
        }
      }
    }
  }

  /// Gives the parent the entry of a directory that is complete.
  private func attach(
    _ job: DirectoryJob, to parent: DirectoryJob, _ node: NodeReference, _ record: UInt64
  ) throws {
    let index = job.index
    parent.entries[index].record = record
    parent.entries[index].signature = job.signature
    let known = parent.entries[index].cached
    if known >= 0, let cached = parent.cached?.entry(known), job.cached?.node == node,
      job.signature.matches(cached.signature, session.rules),
      job.signature.changed == cached.signature.changed
    {
      parent.entries[index].keepCached()
      return
    }
    var arena = ByteWriter(reservingCapacity: 160)
    let arenaIndex = parent.addArena([])
    var entry = parent.entries[index]
    try encodeDirectory(job, in: parent, &entry, node, into: &arena, arenaIndex)
    parent.entries[index] = entry
    let bytes = arena.bytes
    parent.arenas.withLock { $0[arenaIndex] = bytes }
  }

  /// Encodes the entry of a directory.
  func encodeDirectory(
    _ job: DirectoryJob, in parent: DirectoryJob, _ entry: inout EntryState, _ node: NodeReference,
    into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    var flags: UInt32 = 0
    attributes.removeAll(keepingCapacity: true)
    // A directory on the way to a source is open for its path only; its entry is the file system's all the same.
    let error =
      job.sources == nil
      ? ExtendedAttributes.read(job.descriptor, into: &attributes)
      : parent.withLocation(entry.name) { ExtendedAttributes.read($0, $1, into: &attributes) }
    let errors = [error, job.sources == nil ? InodeFlags.read(job.descriptor, into: &flags) : 0]
      .filter { $0 != 0 }
    if reportsProblems {
      for error in errors { session.report(job.path, error, .archival, isKept: true) }
    }
    try encode(
      parent, &entry, job.status, type: .directory, flags: flags, isWhole: errors.isEmpty,
      .directory(DirectoryContent(id: node.id, proofRoot: node.root, entryCount: node.count)),
      into: &arena, arenaIndex)
  }

  /// The record of an unchanged directory: the old one, if the file that is being written has it and its children's
  /// records have not moved.
  private func keepRecord(
    _ job: DirectoryJob, _ cached: CachedDirectory, _ arenas: [[UInt8]]
  ) throws -> UInt64 {
    guard let cacheWriter = session.cacheWriter else { return ChangeCacheFormat.noRecord }
    if cacheWriter.sharesOldRecords {
      // A trusted entry stays so; one that was not trusted would not have matched.
      let inPlace = job.children.allSatisfy { place in
        let entry = job.entries[place]
        return cached.entry(entry.cached)?.child == entry.record
      }
      if inPlace {
        cacheWriter.count(cached.length)
        return cached.offset
      }
    }
    return try writeRecord(job, cached.node, arenas)
  }

  private func writeRecord(
    _ job: DirectoryJob, _ node: NodeReference, _ arenas: [[UInt8]]
  ) throws -> UInt64 {
    guard let cacheWriter = session.cacheWriter else { return ChangeCacheFormat.noRecord }
    var count = 0
    var bodiesLength = 0
    forEachEntry(job, arenas) { _, body, _ in
      count += 1
      bodiesLength += body.count
    }
    // Offsets have 32 bits; a directory beyond that is encoded anew each time.
    let length = ChangeRecordWriter.length(count: count, bodiesLength: bodiesLength)
    guard length <= ChangeRecordWriter.limit else { return ChangeCacheFormat.noRecord }
    cacheWriter.count(length)
    var record = ChangeRecordWriter(
      cacheWriter.records, count: count, bodiesLength: bodiesLength, node: node)
    forEachEntry(job, arenas) { entry, body, leaf in
      record.add(entry.signature, bodyLength: body.count, child: entry.record, leaf: leaf)
    }
    forEachEntry(job, arenas) { _, body, _ in record.add(body) }
    return record.finish()
  }
}
