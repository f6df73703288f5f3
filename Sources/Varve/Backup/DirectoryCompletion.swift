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
    let arenas = job.arenas.withLock { arenas in
      defer { arenas = [] }
      return arenas
    }
    let node: NodeReference
    let record: UInt64
    if let cached = job.cached, isUnchanged(job, cached) {
      node = cached.node
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

  /// Whether the entries are those of the cached directory, all as they were.
  private func isUnchanged(_ job: DirectoryJob, _ cached: CachedDirectory) -> Bool {
    guard job.entries.count == cached.count else { return false }
    return job.entries.allSatisfy { if case .cached = $0.body { true } else { false } }
  }

  private func encodeNode(_ job: DirectoryJob, _ arenas: [[UInt8]]) throws -> NodeReference {
    nodes.reset()
    frontier.removeAll()
    for entry in job.entries {
      try withBody(entry, arenas) { body in
        try nodes.append(body, store: store(node:))
        frontier.append(leafHash: entry.leaf)
      }
    }
    let (id, count) = try nodes.finish(store: store(node:))
    return NodeReference(id: id, root: frontier.root, count: count)
  }

  private func withBody(
    _ entry: EntryState, _ arenas: [[UInt8]], _ use: (UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    switch entry.body {
    case .none: return
    case .cached(let body): try use(body)
    case .arena(let arena, let range):
      try arenas[arena].withUnsafeBytes { try use(UnsafeRawBufferPointer(rebasing: $0[range])) }
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
      parent.entries[index].body = .cached(cached.body)
      parent.entries[index].leaf = cached.leaf
      return
    }
    var flags: UInt32 = 0
    attributes.removeAll(keepingCapacity: true)
    // A directory on the way to a source is open for its path only; its entry is the file system's all the same.
    let name = parent.entries[index].name
    let error =
      job.sources == nil
      ? ExtendedAttributes.read(job.descriptor, into: &attributes)
      : parent.withLocation(name) { ExtendedAttributes.read($0, $1, into: &attributes) }
    if error != 0 { session.report(job.path, error, .archival) }
    if job.sources == nil {
      let error = InodeFlags.read(job.descriptor, into: &flags)
      if error != 0 { session.report(job.path, error, .archival) }
    }
    var arena = ByteWriter(reservingCapacity: 160)
    let arenaIndex = parent.addArena([])
    var entry = parent.entries[index]
    try encode(
      parent, &entry, job.status, type: .directory, flags: flags,
      .directory(DirectoryContent(id: node.id, proofRoot: node.root, entryCount: node.count)),
      into: &arena, arenaIndex)
    parent.entries[index] = entry
    let bytes = arena.bytes
    parent.arenas.withLock { $0[arenaIndex] = bytes }
  }

  /// The record of an unchanged directory: the old one, if the file that is being written has it and its children's
  /// records have not moved.
  private func keepRecord(
    _ job: DirectoryJob, _ cached: CachedDirectory, _ arenas: [[UInt8]]
  ) throws -> UInt64 {
    guard let cacheWriter = session.cacheWriter else { return ChangeCacheFormat.noRecord }
    if cacheWriter.sharesOldRecords {
      let inPlace = job.entries.allSatisfy { entry in
        guard let old = cached.entry(entry.cached) else { return false }
        // A trusted entry stays so; one that was not trusted would not have matched.
        return old.child == entry.record
      }
      if inPlace {
        cacheWriter.reuse(cached)
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
    for entry in job.entries {
      guard let length = entry.body.length else { continue }
      count += 1
      bodiesLength += length
    }
    let length =
      ChangeCacheFormat.recordHeaderLength + count * ChangeCacheFormat.signatureLength
      + bodiesLength
    // Offsets have 32 bits; a directory beyond that is encoded anew each time.
    guard length <= Int(UInt32.max) else { return ChangeCacheFormat.noRecord }
    var record = ByteWriter(reservingCapacity: length)
    record.u32(UInt32(length))
    record.u32(UInt32(count))
    record.u32(UInt32(bodiesLength))
    record.u32(0)
    record.digest(node.id)
    record.digest(node.root)
    record.u64(node.count)
    record.u64(0)
    var start = 0
    for entry in job.entries {
      guard let length = entry.body.length else { continue }
      record.u64(entry.signature.inode)
      record.u64(UInt64(bitPattern: entry.signature.changed))
      record.u64(UInt64(bitPattern: entry.signature.modified))
      record.u64(entry.signature.size)
      record.u32(UInt32(start))
      record.u32(UInt32(length))
      record.u64(entry.record)
      record.digest(entry.leaf)
      start += length
    }
    for entry in job.entries { withBody(entry, arenas) { record.raw($0) } }
    return cacheWriter.append(&record.bytes)
  }
}
