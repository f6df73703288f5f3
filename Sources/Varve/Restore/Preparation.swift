import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// Looking at what lies where a file is to go, before any of its chunks is fetched.
extension RestoreWorker {
  func prepare(_ window: RestoreWindow, _ index: Int) {
    let task = window.tasks[index]
    let range = window.uses(ofTask: index)
    do {
      if !task.hasFailed { try decide(task) }
      if task.hasFailed {
        return passOver(window, task, range)
      }
      switch task.output.withLock({ $0.disposition }) {
      case .skipped, .imagined, .inPlace: passOver(window, task, range)
      case .replacing: try reuse(window, task, range)
      case .undecided, .fresh: break
      }
    } catch {
      task.fail(error, session)
      passOver(window, task, range)
    }
  }

  private func passOver(_ window: RestoreWindow, _ task: RestoreTask, _ range: Range<Int>) {
    for use in range { window.settled[use] = 1 }
    settle(task, range.count)
  }

  /// Looks at what is there, once for each task.
  private func decide(_ task: RestoreTask) throws {
    try task.output.withLock { output in
      guard case .undecided = output.disposition else { return }
      let isDryRun = session.options.dryRun
      try session.directories.with(task.directory) { parent in
        var status = FileStatus()
        let code = task.name.withName { FileStatus.read(parent, $0, into: &status) }
        if code == ENOENT {
          output.disposition = isDryRun ? .imagined(isUpdate: false) : .fresh
          return
        }
        guard code == 0 else {
          throw VarveError(system: code, "cannot look at what is in its place")
        }
        let verdict = session.verdict(task.entry, task.path, over: status)
        if case .leave = verdict {
          output.disposition = .skipped
          return
        }
        output.disposition = .replacing
        if status.isFile { output.existing = task.name.withName { OpenAt.file(parent, $0) } }
        // Not even the metadata of a file that has a name elsewhere is changed.
        if case .assumeEqual = verdict, status.links == 1 || session.isSettled(task.path) {
          if isDryRun || output.existing >= 0
            || EntryMetadata(session: session).isSame(status, task.entry)
          {
            output.disposition = .inPlace(status)
          }
        }
      }
    }
  }

  /// Finds chunks of a file that the one in its place has already; what is equal as a whole stays as it
  /// is, and the rest is copied.
  private func reuse(_ window: RestoreWindow, _ task: RestoreTask, _ range: Range<Int>) throws {
    let existing = task.output.withLock { $0.existing }
    guard existing >= 0 else {
      try clearWay(for: task)
      if session.options.dryRun { imagine(window, task, range) }
      return
    }
    var matches = 0
    for index in range where try load(window.uses[index], task, existing) != nil {
      window.settled[index] = 1
      matches += 1
    }
    var status = FileStatus()
    let code = FileStatus.read(existing, into: &status)
    guard code == 0 else { throw VarveError(system: code, "cannot look at what is in its place") }
    if task.isWhole, matches == range.count, status.size == task.size, status.links == 1,
      self.existing.isZero(task.content?.holes ?? [], in: existing)
    {
      task.output.withLock { $0.disposition = .inPlace(status) }
      return settle(task, range.count)
    }
    if session.options.dryRun { return imagine(window, task, range) }
    for index in range where window.settled[index] != 0 {
      let use = window.uses[index]
      if let bytes = try load(use, task, existing) {
        try task.write(bytes, at: use.dataOffset, session)
        session.progress.bytesRestored.add(UInt64(use.length), ordering: .relaxed)
      } else {
        // It has changed since it was compared.
        window.settled[index] = 0
        matches -= 1
      }
    }
    settle(task, matches)
  }

  private func load(
    _ use: RestoreWindow.Use, _ task: RestoreTask, _ file: Int32
  ) throws -> UnsafeRawBufferPointer? {
    try existing.chunk(
      use.address, length: Int(use.length), at: use.dataOffset, layout: task.layout, in: file)
  }

  private func imagine(_ window: RestoreWindow, _ task: RestoreTask, _ range: Range<Int>) {
    task.output.withLock { $0.disposition = .imagined(isUpdate: true) }
    passOver(window, task, range)
  }

  private func clearWay(for task: RestoreTask) throws {
    var status = FileStatus()
    let code = try session.directories.with(task.directory) { parent in
      task.name.withName { FileStatus.read(parent, $0, into: &status) }
    }
    if code == 0, status.isDirectory {
      try session.clearDirectory(task.name, in: task.directory)
    }
  }
}
