import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// How a regular file comes into being.
///
/// A file with one chunk, where nothing is yet: created under its name, exclusively; written; given its
/// metadata; closed. Any other: created without a name (or under a temporary one, where the file system
/// has no such files), and put into its place when it is complete, so that nobody ever sees a part of it,
/// what was there stays until then, and a restore that is killed leaves nothing behind. So are all files
/// when the overwrite rule would take what a killed restore left for the user's own. A file that fails
/// is removed.
extension RestoreTask {
  /// Writes a verified chunk to its place in the file.
  func write(
    _ chunk: UnsafeRawBufferPointer, at dataOffset: UInt64, _ session: RestoreSession
  ) throws {
    try forEachPiece(at: dataOffset, length: chunk.count) { offset, range in
      try write(UnsafeRawBufferPointer(rebasing: chunk[range]), atFileOffset: offset, session)
    }
  }

  /// Writes bytes at an offset that counts holes.
  func write(
    _ bytes: UnsafeRawBufferPointer, atFileOffset offset: UInt64, _ session: RestoreSession
  ) throws {
    let file = try openOutput(session)
    guard session.options.sparse else { return try RestoreTask.write(bytes, to: file, at: offset) }
    try ZeroRuns.forEachOther(bytes, at: offset) { offset, bytes in
      try RestoreTask.write(bytes, to: file, at: offset)
    }
  }

  static func write(
    _ bytes: UnsafeRawBufferPointer, to file: Int32, at offset: UInt64
  ) throws {
    guard let base = bytes.baseAddress else { return }
    var done = 0
    while done < bytes.count {
      let count = varve_pwrite(file, base + done, bytes.count - done, Int64(offset) + Int64(done))
      guard count > 0 else {
        throw VarveError(system: count == 0 ? EIO : Int32(-count), "cannot write its content")
      }
      done += count
    }
  }

  /// The descriptor of the file being written; creates it the first time.
  func openOutput(_ session: RestoreSession) throws -> Int32 {
    try output.withLock { output in
      if output.descriptor < 0 { try create(&output, session) }
      return output.descriptor
    }
  }

  private func create(_ output: inout Output, _ session: RestoreSession) throws {
    try session.directories.with(directory) { parent in
      if case .fresh = output.disposition, !isInPieces, session.options.overwrite.seesParts {
        let file = name.withName { RestoreTask.createExclusively(parent, $0) }
        if file >= 0 {
          output.descriptor = file
          output.createdName = name
          return
        }
        // Taken all the same: the target has one name for two, or somebody else made it.
        if file != -EEXIST { throw VarveError(system: -file, "cannot create it") }
      }
      output.descriptor = session.unnamedFiles.create(in: parent)
      if output.descriptor >= 0 { return }
      let temporary = TemporaryName.make()
      let file = temporary.withName { RestoreTask.createExclusively(parent, $0) }
      guard file >= 0 else { throw VarveError(system: -file, "cannot create it") }
      output.descriptor = file
      output.createdName = temporary
    }
    try reserve(output.descriptor, session)
  }

  /// Gives a new file its size, so that what is not written is a hole; or its space, since chunks come in
  /// the order of packs and the file should lie in one piece all the same.
  private func reserve(_ file: Int32, _ session: RestoreSession) throws {
    if session.options.sparse || layout != nil {
      let result = varve_truncate(file, Int64(size))
      guard result == 0 else { throw VarveError(system: -result, "cannot set its size") }
    } else if isInPieces {
      let result = varve_allocate(file, 0, Int64(size))
      guard result == 0 || result == -EOPNOTSUPP || result == -ENOSYS else {
        throw VarveError(system: -result, "cannot reserve space for its content")
      }
    }
  }

  static func createExclusively(
    _ parent: Int32, _ name: UnsafePointer<CChar>, mode: mode_t = 0o600
  ) -> Int32 {
    varve_open(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode)
  }

  /// Ends the file after its last chunk: metadata, its own name, the count.
  func finish(_ session: RestoreSession) {
    if isComplete { return session.release(directory) }
    if !hasFailed {
      do { try complete(session) } catch { fail(error, session) }
    }
    discard(session)
    session.release(directory)
  }

  /// Closes what is open, and removes the file unless it is complete.
  func discard(_ session: RestoreSession) {
    let (written, existing, created) = output.withLock { output in
      defer { (output.descriptor, output.existing, output.createdName) = (-1, -1, []) }
      return (output.descriptor, output.existing, output.createdName)
    }
    if written >= 0 { close(written) }
    if existing >= 0 { close(existing) }
    if !created.isEmpty {
      _ = try? session.directories.with(directory) { parent in
        created.withName { varve_unlink(parent, $0, 0) }
      }
    }
  }

  private func complete(_ session: RestoreSession) throws {
    switch output.withLock({ $0.disposition }) {
    case .skipped:
      session.progress.bytesSkipped.add(size, ordering: .relaxed)
      session.finished(.unchanged, size: size, path: path)
    case .imagined(let isUpdate):
      session.progress.bytesRestored.add(size, ordering: .relaxed)
      session.finished(isUpdate ? .updated : .restored, size: size, path: path)
    case .inPlace(let status):
      completeInPlace(status, session)
    case .undecided, .fresh:
      try completeOutput(session)
      session.finished(.restored, size: size, path: path)
    case .replacing:
      try completeOutput(session)
      session.finished(.updated, size: size, path: path)
    }
  }

  private func completeInPlace(_ status: FileStatus, _ session: RestoreSession) {
    let metadata = EntryMetadata(session: session)
    let existing = output.withLock { output in
      output.identity = RestoreDirectory.Identity(status)
      return output.existing
    }
    let isSame =
      existing >= 0
      ? metadata.isSame(status, entry, at: existing) : metadata.isSame(status, entry)
    if !session.options.dryRun, existing >= 0 {
      if status.isProtected, !isSame || isLinkLeader { _ = InodeFlags.set(existing, 0) }
      do {
        try metadata.restore(
          entry, to: .open(existing), from: .known(status), mayHaveForeign: true,
          withFlags: !isLinkLeader)
      } catch {
        session.report(path, error)
      }
    }
    session.verifies(number)
    session.progress.bytesSkipped.add(size, ordering: .relaxed)
    session.finished(isSame ? .unchanged : .updated, size: size, path: path)
  }

  /// Sets the inode flags of the file, which has its name by now.
  private func protect(_ session: RestoreSession) {
    do {
      try session.directories.with(directory) { parent in
        let opened = name.withName { OpenAt.file(parent, $0) }
        guard opened >= 0 else {
          throw VarveError(system: -opened, "cannot set its inode flags")
        }
        defer { close(opened) }
        try EntryMetadata(session: session).restoreFlags(entry, to: opened)
      }
    } catch {
      session.report(path, error, isWhole: true)
    }
  }

  private func completeOutput(_ session: RestoreSession) throws {
    let file = try openOutput(session)
    // What protects a file keeps it from getting its name, too.
    let protects =
      entry.attributes.inodeFlags & (InodeFlags.immutable | InodeFlags.appendOnly) != 0
      && output.withLock { $0.createdName != name }
    do {
      try EntryMetadata(session: session).restore(
        entry, to: .open(file), from: directory.handsDown ? .unknown : .fresh,
        mayHaveForeign: directory.handsDown, withFlags: !isLinkLeader && !protects)
    } catch {
      // The content is whole, so the file stays.
      session.report(path, error, isWhole: true)
    }
    var status = FileStatus()
    let identity =
      isLinkLeader && FileStatus.read(file, into: &status) == 0
      ? RestoreDirectory.Identity(status) : nil
    let created = output.withLock { output in
      output.identity = identity
      return output.createdName
    }
    if created.isEmpty {
      try session.directories.with(directory) { try UnnamedFiles.name(file, name, in: $0) }
    }
    output.withLock { $0.descriptor = -1 }
    // Network file systems and quotas say only now what could not be written.
    if close(file) != 0, errno != EINTR {
      throw VarveError(system: errno, "cannot write its content")
    }
    if !created.isEmpty, created != name {
      try session.directories.with(directory) { try TargetEntry.rename(created, to: name, in: $0) }
    }
    output.withLock { $0.createdName = [] }
    if protects, !isLinkLeader, !session.options.stages { protect(session) }
    session.verifies(number)
    session.progress.bytesRestored.add(size - dataSize, ordering: .relaxed)
  }
}
