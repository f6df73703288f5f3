internal import CVarveLinux
import Glibc
import Synchronization
internal import VarveCrypto
internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Encoding entries: metadata that only an open file or its directory can tell, and the leaf of the proof root.
extension BackupWorker {
  /// Encodes a file whose content is in `chunkList` and `holes`.
  func encodeFile(
    _ job: DirectoryJob, _ index: Int, _ file: Int32, _ status: FileStatus,
    _ content: ArchivedContent, into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let usesLists = try chunkList.finish(store: store(node:))
    try encodeFile(
      job, index, file, status,
      FileContent(
        size: content.size,
        form: usesLists ? .lists(chunkList.lists) : .chunks(chunkList.chunks), holes: holes,
        digest: content.digest), into: &arena, arenaIndex)
  }

  /// Encodes a file whose content is known.
  func encodeFile(
    _ job: DirectoryJob, _ index: Int, _ file: Int32, _ status: FileStatus, _ content: FileContent,
    into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let name = job.entries[index].name
    var flags: UInt32 = 0
    let errors = [
      ExtendedAttributes.read(file, into: &attributes), InodeFlags.read(file, into: &flags),
    ].filter { $0 != 0 }
    for error in errors { session.report(job.path(of: name), error, .archival, isKept: true) }
    try content.holes.withUnsafeBufferPointer { holes in
      func encode(_ form: TreeEntryEncoder.Form) throws {
        try self.encode(
          job, &job.entries[index], status, type: .file, flags: flags, isWhole: errors.isEmpty,
          .file(size: content.size, form: form, holes: holes, digest: content.digest),
          into: &arena, arenaIndex)
      }
      switch content.form {
      case .chunks(let chunks): try chunks.withUnsafeBufferPointer { try encode(.chunks($0)) }
      case .lists(let lists): try lists.withUnsafeBufferPointer { try encode(.lists($0)) }
      }
    }
  }

  /// Encodes a link, FIFO or device node.
  func archiveSpecial(
    _ job: DirectoryJob, _ entry: inout EntryState, _ status: FileStatus,
    into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let name = entry.name
    let error = job.withLocation(name) { ExtendedAttributes.read($0, $1, into: &attributes) }
    let isWhole = error == 0
    if !isWhole { session.report(job.path(of: name), error, .archival, isKept: true) }
    switch entry.type {
    case .link:
      let target = withUnsafeTemporaryAllocation(byteCount: 65_536, alignment: 1) { buffer in
        let count = job.withLocation(name) {
          varve_readlink(
            $0, $1, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), buffer.count)
        }
        return count < 0
          ? (Int32(-count), []) : (0, Array(UnsafeRawBufferPointer(rebasing: buffer[..<count])))
      }
      guard target.0 == 0 else {
        session.report(job.path(of: name), target.0, .archival)
        return
      }
      try target.1.withUnsafeBytes {
        try encode(
          job, &entry, status, type: .link, isWhole: isWhole, .link(target: $0), into: &arena,
          arenaIndex)
      }
    case .fifo:
      try encode(
        job, &entry, status, type: .fifo, isWhole: isWhole, .none, into: &arena, arenaIndex)
    case .characterDevice, .blockDevice:
      try encode(
        job, &entry, status,
        type: entry.type, isWhole: isWhole,
        .device(major: status.raw.special_device_major, minor: status.raw.special_device_minor),
        into: &arena, arenaIndex)
    case .file, .directory:
      return
    }
    if session.reportsItems {
      let action: BackupItem.Action = entry.cached < 0 ? .new : .modified
      session.observer?.finished(
        BackupItem(path: job.path(of: name), isDirectory: false, action: action))
    }
  }

  /// Appends an entry's leaf hash and body to `arena`.
  ///
  /// - Parameter isWhole: false when some of it could not be read: it is tried, and named, again the next time.
  func encode(
    _ job: DirectoryJob, _ entry: inout EntryState, _ status: FileStatus, type: EntryType,
    flags: UInt32 = 0, isWhole: Bool = true, _ content: TreeEntryEncoder.Content,
    into arena: inout ByteWriter, _ arenaIndex: Int
  ) throws {
    let start = arena.bytes.count
    arena.digest(.zero)
    let entryAttributes = EntryAttributes(
      type: type, mode: status.mode, uid: status.owner, gid: status.group,
      modified: status.modified,
      accessed: session.options.withAtime ? status.accessed : nil, inodeFlags: flags,
      isHardLinked: type != .directory && status.links > 1)
    let fields: CommitmentFields
    do {
      fields = try job.withName(entry) { name in
        try TreeEntryEncoder.append(
          name: name, entryAttributes, user: session.accounts.user(status.owner),
          group: session.accounts.group(status.group),
          extendedAttributes: attributes,
          content, to: &arena)
      }
    } catch let error as VarveError where error.code == .usage {
      if reportsProblems { session.report(job.path(of: entry.name), "\(error)", .archival) }
      return
    }
    let bodyStart = start + Digest.byteCount
    guard entry.setArena(arenaIndex, start, bodyLength: arena.bytes.count - bodyStart) else {
      throw VarveError(
        .usage, "\(EscapedBytes.text(job.path(of: entry.name))) has too long an entry")
    }
    arena.bytes.withUnsafeMutableBytes { bytes in
      leaf(of: UnsafeRawBufferPointer(rebasing: bytes[bodyStart...]), fields)
        .store(to: bytes.baseAddress! + start)
    }
    if !isWhole || session.stamps.doubts(entry.signature, isRemote: job.isRemote(entry.name)) {
      entry.signature.inode = ChangeCacheFormat.untrusted
    }
  }

  /// The RFC 6962 leaf hash of an entry (docs/format.md, section 9.1).
  func leaf(of body: UnsafeRawBufferPointer, _ fields: CommitmentFields) -> Digest {
    let content: CommittedContent =
      switch fields.content {
      case .file(let size, let digest): .file(size: size, digest: digest)
      case .directory(let count, let root): .directory(entryCount: count, root: root)
      case .link(let range): .link(target: UnsafeRawBufferPointer(rebasing: body[range]))
      case .device(let major, let minor): .device(major: major, minor: minor)
      case .none: .nothing
      }
    return EntryCommitment(proofKey: session.proofKey, body: body).leafHash(
      name: UnsafeRawBufferPointer(rebasing: body[fields.name]),
      meta: UnsafeRawBufferPointer(rebasing: body[fields.meta]), content: content)
  }

  /// Counts a file whose content was read.
  ///
  /// One that turns out to be what the cache has of it counts as unmodified: it was read because its time stamps
  /// were too young to be trusted, not because it had changed.
  func note(
    _ job: DirectoryJob, _ index: Int, _ content: ArchivedContent, since start: UInt64
  ) {
    let entry = job.entries[index]
    var action = BackupItem.Action.new
    if let cached = job.cached?.entry(entry.cached) {
      action = .modified
      if entry.place == .arena {
        let range = entry.arenaPlace.body
        let isSame = arena.bytes.withUnsafeBytes {
          UnsafeRawBufferPointer(rebasing: $0[range]).isSame(as: cached.body)
        }
        if isSame { action = .unchanged }
      }
    }
    switch action {
    case .new: tally.filesNew += 1
    case .modified: tally.filesChanged += 1
    case .unchanged: tally.filesUnmodified += 1
    }
    tally.filesProcessed += 1
    tally.bytesProcessed += content.size
    session.progress.filesDone.add(1, ordering: .relaxed)
    guard session.reportsItems else { return }
    session.observer?.finished(
      BackupItem(
        path: job.path(of: entry.name), isDirectory: false, action: action,
        duration: MonotonicClock.nanoseconds - start, dataAdded: content.added))
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func isSame(as other: UnsafeRawBufferPointer) -> Bool {
    guard count == other.count, let base = baseAddress, let otherBase = other.baseAddress else {
      return count == other.count
    }
    return memcmp(base, otherBase, count) == 0
  }
}
