import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// Restores what has no chunks: empty files and files that are one hole, symbolic links, FIFOs and
/// device nodes.
struct SpecialFile {
  let session: RestoreSession
  let task: RestoreTask

  func restore() {
    do {
      try decide()
      if task.content == nil { try restoreNode() }
    } catch {
      task.fail(error, session)
    }
    if task.content != nil {
      task.finish(session)
    } else {
      session.release(task.directory)
    }
  }

  private var disposition: RestoreTask.Disposition { task.output.withLock { $0.disposition } }

  /// Looks at what is there, unless it is known that nothing is.
  private func decide() throws {
    guard case .undecided = disposition else { return }
    var status = FileStatus()
    let code = try session.directories.with(task.directory) { parent in
      task.name.withName { FileStatus.read(parent, $0, into: &status) }
    }
    if code == ENOENT {
      return settle(session.options.dryRun ? .imagined(isUpdate: false) : .fresh)
    }
    guard code == 0 else { throw VarveError(system: code, "cannot look at what is in its place") }
    switch session.verdict(task.entry, task.path, over: status) {
    case .leave:
      settle(.skipped)
    case .assumeEqual, .compare:
      if status.links == 1, try hasSameContent(status) {
        if task.content != nil {
          let existing = try session.directories.with(task.directory) { parent in
            task.name.withName { OpenAt.file(parent, $0) }
          }
          guard existing >= 0 else { return settle(replacing) }
          task.output.withLock { $0.existing = existing }
        }
        return settle(.inPlace(status))
      }
      if status.isDirectory { try session.clearDirectory(task.name, in: task.directory) }
      settle(replacing)
    }
  }

  private var replacing: RestoreTask.Disposition {
    session.options.dryRun ? .imagined(isUpdate: true) : .replacing
  }

  private func settle(_ disposition: RestoreTask.Disposition) {
    task.output.withLock { $0.disposition = disposition }
  }

  private func hasSameContent(_ status: FileStatus) throws -> Bool {
    guard status.type == task.entry.type else { return false }
    switch task.entry.content {
    case .file(let content):
      // A file that is one hole is made again, which costs nothing.
      return content.size == 0 && status.size == 0
    case .link(let target):
      guard status.size == target.count || status.size == 0 else { return false }
      return try session.directories.with(task.directory) { parent in
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: target.count + 1) { buffer in
          let count = task.name.withName {
            varve_readlink(parent, $0, buffer.baseAddress!, buffer.count)
          }
          return count == target.count
            && UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: buffer[..<count]))
              .elementsEqual(target)
        }
      }
    case .device(let major, let minor):
      return status.raw.special_device_major == major && status.raw.special_device_minor == minor
    case .none:
      return true
    case .directory:
      return false
    }
  }

  // MARK: Links, FIFOs, devices

  private func restoreNode() throws {
    let action: RestoreItem.Action
    switch disposition {
    case .skipped:
      action = .unchanged
    case .imagined(let isUpdate):
      action = isUpdate ? .updated : .restored
    case .inPlace(let status):
      let isSame = try session.directories.with(task.directory) {
        EntryMetadata(session: session).isSame(status, task.entry, task.name, in: $0)
      }
      if !session.options.dryRun {
        try session.directories.with(task.directory) { try setMetadata(task.name, in: $0, status) }
      }
      action = isSame ? .unchanged : .updated
    case .undecided, .fresh:
      try session.directories.with(task.directory) { parent in
        if try make(task.name, in: parent) {
          try setMetadata(task.name, in: parent)
        } else {
          try replace(in: parent)
        }
      }
      action = .restored
    case .replacing:
      try session.directories.with(task.directory, replace)
      action = .updated
    }
    session.finished(action, size: 0, path: task.path)
  }

  private func replace(in parent: Int32) throws {
    let temporary = TemporaryName.make()
    guard try make(temporary, in: parent) else {
      throw VarveError(.io, "cannot create it: its temporary name is taken")
    }
    do {
      try setMetadata(temporary, in: parent)
      try TargetEntry.rename(temporary, to: task.name, in: parent)
    } catch {
      _ = temporary.withName { varve_unlink(parent, $0, 0) }
      throw error
    }
  }

  /// Makes the node; false when the name is taken.
  private func make(_ name: [UInt8], in parent: Int32) throws -> Bool {
    let result: Int32 = name.withName { name in
      switch task.entry.content {
      case .link(let target): (target + [0]).withName { varve_symlink($0, parent, name) }
      case .device(let major, let minor):
        varve_mknod(
          parent, name, (task.entry.type == .blockDevice ? S_IFBLK : S_IFCHR) | 0o600, major, minor)
      case .none: varve_mknod(parent, name, S_IFIFO | 0o600, 0, 0)
      case .file, .directory: -EINVAL
      }
    }
    if result == -EEXIST, session.options.overwrite != .never { return false }
    guard result == 0 else {
      throw VarveError(
        system: -result,
        task.entry.type == .link ? "cannot make the symbolic link" : "cannot make the special file")
    }
    return true
  }

  /// Opens the node itself, makes sure that it is what it should be, and sets its metadata.
  private func setMetadata(
    _ name: [UInt8], in parent: Int32, _ existing: FileStatus? = nil
  ) throws {
    let number = name.withName { varve_open(parent, $0, varve_o_path | O_NOFOLLOW, 0) }
    guard number >= 0 else { throw VarveError(system: -number, "cannot open it") }
    let node = Descriptor(owning: number)
    var status = FileStatus()
    let code = FileStatus.read(node.number, into: &status)
    // A second link would mean that somebody put a file from elsewhere in its place.
    guard code == 0, status.type == task.entry.type, status.links == 1 else {
      throw VarveError(.io, "somebody replaced it meanwhile")
    }
    task.output.withLock { $0.identity = RestoreDirectory.Identity(status) }
    do {
      try EntryMetadata(session: session).restore(
        task.entry, to: .path(node.number), from: .known(status), mayHaveForeign: false)
    } catch {
      // It is what it should be, so it stays.
      session.report(task.path, error, isWhole: true)
    }
  }
}
