import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Restoring a file of one chunk where nothing is yet, which most files are, in as few calls as there
/// can be: open, pwrite, utimensat, close.
///
/// The file is created under its name with its own mode where that is all that its owner and mode take.
/// Until its time is set last, its time is now: a later run with `--overwrite if-changed` does not take
/// what a killed one left for complete.
extension RestoreWorker {
  /// - Returns: false when it is to be done the long way: something has the name, in spite of all.
  /// - Throws: `.io` when it cannot be created or written; there is then no such file.
  func restoreAtOnce(_ task: RestoreTask, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    let directory = task.directory
    let parent = try pin.descriptor(of: directory)
    let metadata = EntryMetadata(session: session)
    let isExact = directory.keepsModes && metadata.isMetByCreation(task.entry)
    let file = task.name.withName {
      RestoreTask.createExclusively(
        parent, $0, mode: isExact ? mode_t(task.entry.attributes.mode) : 0o600)
    }
    if file == -EEXIST { return false }
    guard file >= 0 else { throw VarveError(system: -file, "cannot create it") }
    do {
      try RestoreTask.write(bytes, to: file, at: 0)
    } catch {
      close(file)
      remove(task, parent)
      throw error
    }
    do {
      try metadata.restore(
        task.entry, to: .open(file),
        from: directory.handsDown ? .unknown : isExact ? .exact : .fresh,
        mayHaveForeign: directory.handsDown)
    } catch {
      // The content is whole, so the file stays.
      session.report(task.path, error, isWhole: true)
    }
    // Network file systems and quotas say only now what could not be written.
    if close(file) != 0, errno != EINTR {
      let failure = VarveError(system: errno, "cannot write its content")
      remove(task, parent)
      throw failure
    }
    task.isComplete = true
    session.verifies(task.number)
    session.finished(.restored, size: task.size, path: task.path)
    return true
  }

  private func remove(_ task: RestoreTask, _ parent: Int32) {
    _ = task.name.withName { varve_unlink(parent, $0, 0) }
  }
}
