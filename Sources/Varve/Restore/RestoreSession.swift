import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// What all threads of one restore share.
final class RestoreSession: Sendable {
  let options: RestoreOptions
  let source: RestoreSource
  let filter: PathFilter
  let directories = OpenDirectories(limit: min(256, DescriptorLimit.current / 4))
  let unnamedFiles = UnnamedFiles()
  let progress: RestoreProgress
  let cancellation: CancellationFlag
  let accounts = AccountNames()
  /// Whether this process may give files away; others keep what they are not allowed to change.
  let isPrivileged = geteuid() == 0
  let user = geteuid()
  let group = getegid()
  /// The mode bits that the system takes from new files.
  let fileModeMask = FileModeMask.current

  private struct Notes {
    var problems: [RestoreProblem] = []
    var warnings: [String] = []
    var warned: Set<Warning> = []
  }

  /// Something that holds for many files and is said once.
  enum Warning: Hashable {
    case ownership
    case extendedAttributes(prefix: String)
    case inodeFlags
    case mounted([UInt8])
  }

  private let observer: (any RestoreObserver)?
  private let wantsItems: Bool
  private let notes = Mutex(Notes())
  /// By number of the walk, one bit a file: those that were restored and are to be read back.
  private let verifiable = Mutex<[UInt64]>([])

  init(
    _ source: RestoreSource, options: RestoreOptions, observer: (any RestoreObserver)?,
    cancellation: CancellationFlag
  ) throws {
    self.source = source
    self.options = options
    self.observer = observer
    self.cancellation = cancellation
    progress = observer?.progress ?? RestoreProgress()
    wantsItems = observer?.wantsItems ?? false
    filter = try PathFilter(
      excludes: options.excludes, caseInsensitiveExcludes: options.caseInsensitiveExcludes,
      includes: options.includes, caseInsensitiveIncludes: options.caseInsensitiveIncludes,
      only: options.only)
  }

  var problems: [RestoreProblem] { notes.withLock { $0.problems } }
  var warnings: [String] { notes.withLock { $0.warnings } }

  // MARK: Reporting

  /// Records that the item at `path` is not as the snapshot has it.
  ///
  /// - Parameter isWhole: whether all of it is there but some of its metadata.
  func report(
    _ path: [UInt8], _ error: any Error, verifying: Bool = false, isWhole: Bool = false
  ) {
    let kind: RestoreProblem.Kind
    switch (error as? VarveError)?.code {
    case .damaged, .missing: kind = .damage
    default: kind = verifying ? .verification : .target
    }
    var problem = RestoreProblem(path: path, message: "\(error)", kind: kind)
    problem.isWhole = isWhole
    report(problem)
  }

  func report(_ problem: RestoreProblem) {
    progress.errors.add(1, ordering: .relaxed)
    notes.withLock { $0.problems.append(problem) }
    observer?.failed(problem)
  }

  func warn(_ warning: Warning, _ message: @autoclosure () -> String) {
    let isNew = notes.withLock { $0.warned.insert(warning).inserted }
    if isNew {
      let message = message()
      notes.withLock { $0.warnings.append(message) }
    }
  }

  /// Counts an item that is done.
  func finished(
    _ action: RestoreItem.Action, size: UInt64, isDirectory: Bool = false,
    path: @autoclosure () -> [UInt8]
  ) {
    var action = action
    if action == .unchanged, !options.settled.isEmpty, let done = options.settled[path()] {
      action = done
    }
    switch action {
    case .restored, .updated: progress.itemsRestored.add(1, ordering: .relaxed)
    case .unchanged: progress.itemsSkipped.add(1, ordering: .relaxed)
    case .deleted: progress.itemsDeleted.add(1, ordering: .relaxed)
    }
    if wantsItems {
      observer?.finished(
        RestoreItem(path: path(), isDirectory: isDirectory, action: action, size: size))
    }
  }

  // MARK: Verification

  /// Notes that file `number` was restored, or found equal.
  func verifies(_ number: Int) {
    guard options.verify else { return }
    verifiable.withLock { bits in
      while bits.count <= number / 64 { bits.append(0) }
      bits[number / 64] |= 1 << UInt64(number % 64)
    }
  }

  func isVerifiable(_ number: Int) -> Bool {
    verifiable.withLock { bits in
      number / 64 < bits.count && bits[number / 64] & 1 << UInt64(number % 64) != 0
    }
  }

  // MARK: Directories

  /// Gives up a hold on `directory`, and finishes it and those above it that nothing holds any more.
  func release(_ directory: RestoreDirectory) {
    var next: RestoreDirectory? = directory
    while let current = next, current.drop() {
      finish(current)
      next = current.parent
    }
  }

  private func finish(_ directory: RestoreDirectory) {
    switch directory.origin {
    case .made:
      setMetadata(of: directory, mayHaveForeign: directory.handsDown)
      counted(directory, .restored)
    case .imagined:
      counted(directory, .restored)
    case .found(let before):
      finishFound(directory, before)
    case .unknown, .unreachable:
      break
    }
    directories.close(directory)
  }

  private func finishFound(_ directory: RestoreDirectory, _ before: FileStatus) {
    guard let entry = directory.entry else { return }
    var restoresMetadata = directory.isWanted
    if case .leave = verdict(entry, directory.path(), over: before) { restoresMetadata = false }
    let isSame = !restoresMetadata || isAsItWas(directory, before, entry)
    if restoresMetadata {
      setMetadata(of: directory, mayHaveForeign: true)
    } else if !options.dryRun {
      _ = try? directories.with(directory) { giveBack(before, directory.originalFlags, to: $0) }
    }
    counted(directory, isSame ? .unchanged : .updated)
  }

  /// Whether a directory had what its entry asks for when it was found.
  private func isAsItWas(
    _ directory: RestoreDirectory, _ before: FileStatus, _ entry: TreeEntry
  ) -> Bool {
    // Its protection has been taken away, so that things could be put into it.
    let flags = before.isProtected && !options.dryRun ? directory.originalFlags : nil
    let isSame = try? directories.with(directory) {
      EntryMetadata(session: self).isSame(before, entry, at: $0, flags: flags)
    }
    return isSame ?? false
  }

  private func setMetadata(of directory: RestoreDirectory, mayHaveForeign: Bool) {
    guard let entry = directory.entry, !options.dryRun, !options.stages else { return }
    do {
      try directories.with(directory) {
        try EntryMetadata(session: self).restore(
          entry, to: .open($0), from: .unknown, mayHaveForeign: mayHaveForeign)
      }
    } catch {
      report(directory.path(), error)
    }
  }

  /// Undoes what was changed about a directory so that things could be put into it.
  private func giveBack(_ before: FileStatus, _ flags: UInt32, to descriptor: Int32) {
    if !isPrivileged, before.mode & 0o700 != 0o700 {
      _ = varve_fchmod(descriptor, mode_t(before.mode))
    }
    if flags != 0 { _ = InodeFlags.set(descriptor, flags) }
  }

  private func counted(_ directory: RestoreDirectory, _ action: RestoreItem.Action) {
    guard directory.isWanted, directory.entry != nil else { return }
    finished(action, size: 0, isDirectory: true, path: directory.path())
  }
}
