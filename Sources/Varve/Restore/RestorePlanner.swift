import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// Turns a walk through the tree into windows of work; makes the directories as it goes.
final class RestorePlanner: RestoreWalkVisitor {
  let links: LinkGroups
  private let session: RestoreSession
  private let queue: RestoreQueue
  private let target: TargetDirectory
  private let reader: ChunkReader
  private var window = RestoreWindow()
  /// With `--delete`: what the directory under way has, and which of it the snapshot has.
  private var present = DirectoryListing()
  private var isKept: [Bool] = []
  private var nextPresent = 0
  private var deletes = false

  init(_ session: RestoreSession, _ queue: RestoreQueue) {
    self.session = session
    self.queue = queue
    target = TargetDirectory(session: session)
    reader = session.source.makeReader()
    links = LinkGroups(session.source.links)
  }

  func run(_ root: RestoreDirectory) throws {
    root.isWanted = true
    var walk = RestoreWalk(session)
    try walk.run(root, self)
    session.progress.planned.store(true, ordering: .releasing)
    try flush()
    queue.close()
  }

  // MARK: Directories

  func enter(_ directory: RestoreDirectory, isSelected: Bool) throws -> Bool {
    if isSelected {
      guard target.reach(directory, creates: true) else { return false }
    } else if session.options.delete {
      _ = target.reach(directory, creates: false)
      if case .unreachable = directory.origin { return false }
    }
    try listPresent(directory)
    return true
  }

  private func listPresent(_ directory: RestoreDirectory) throws {
    deletes = session.options.delete && directory.mayHaveContent
    guard deletes else { return }
    let code = try session.directories.with(directory) { descriptor in
      // A descriptor of its own, since listing moves the position of the shared one.
      let own = Descriptor(owning: OpenAt.directory(descriptor, "."))
      return own.number < 0 ? -own.number : present.load(own.number)
    }
    if code != 0 {
      deletes = false
      session.report(directory.path(), VarveError(system: code, "cannot list what is there"))
    }
    nextPresent = 0
    isKept = Array(repeating: false, count: present.count)
  }

  func meet(_ name: UnsafeRawBufferPointer) {
    guard deletes else { return }
    while nextPresent < present.count, EntryName.precedes(present.bytes(nextPresent), name) {
      nextPresent += 1
    }
    if nextPresent < present.count, !EntryName.precedes(name, present.bytes(nextPresent)) {
      isKept[nextPresent] = true
    }
  }

  func leave(_ directory: RestoreDirectory, isComplete: Bool) throws {
    guard deletes, isComplete else { return }
    let removal = Removal(session: session, device: directory.identity.device)
    for index in 0..<present.count where !isKept[index] {
      try session.cancellation.check()
      let path = directory.path(of: Array(present.bytes(index)))
      let decision = ([UInt8(ascii: "/")] + path).withUnsafeBytes { session.filter.decision($0) }
      guard decision.isSelected else { continue }
      if let mountPoint = directory.mountPoint { return stays(mountPoint) }
      _ = try session.directories.with(directory) {
        removal.remove(Array(present.bytes(index)) + [0], path: path, in: $0)
      }
    }
  }

  private func stays(_ mountPoint: [UInt8]) {
    session.warn(
      .mounted(mountPoint),
      "\(EscapedBytes.text(mountPoint)) is a mount point inside the target, so what the snapshot does not have stays there; "
        + "to remove it, restore that directory on its own, with it as --target")
  }

  func release(_ directory: RestoreDirectory) { session.release(directory) }

  func failed(_ path: [UInt8], _ error: any Error) { session.report(path, error) }

  // MARK: Files

  func visit(_ entry: TreeEntry, number: Int, in directory: RestoreDirectory) throws {
    var size: UInt64 = 0
    if case .file(let content) = entry.content { size = content.size }
    guard target.reach(directory, creates: true) else { return }
    session.progress.itemsTotal.add(1, ordering: .relaxed)
    session.progress.bytesTotal.add(size, ordering: .relaxed)
    if case .imagined = directory.origin {
      session.progress.bytesRestored.add(size, ordering: .relaxed)
      session.finished(.restored, size: size, path: directory.path(of: entry.name))
      return
    }
    // The reader of nodes has checked it; nothing else stands between a name and the system.
    guard EntryName.isValid(entry.name) else {
      return failed(directory.path(), VarveError(.damaged, "a name is not allowed"))
    }
    var group: Int?
    if entry.attributes.isHardLinked, !session.options.dryRun {
      group = links.group(of: directory.path(of: entry.name))
    }
    if let known = group {
      if let leader = links.leader(of: known) {
        if isSameFile(entry, leader.entry) { return links.add(entry, in: directory, to: known) }
        group = nil
      } else if try isLeftAlone(entry, in: directory) {
        group = nil
      }
    }
    if window.isFull || isDue { try flush() }
    let task = RestoreTask(
      directory: directory, entry: entry, number: number, isLinkLeader: group != nil)
    directory.hold()
    if let group { links.setLeader(task, of: group) }
    window.add(task)
    if let content = task.content, task.dataSize > 0 { try plan(content, of: task) }
  }

  /// Whether a window that is not full is to be handed over, because workers would wait for it. Looked at now and then:
  /// the smaller windows are, the more blocks have something for two of them, and are opened twice.
  private var isDue: Bool {
    let count = window.tasks.count
    return count > 0 && count.isMultiple(of: RestoreWindow.smallest) && queue.isHungry
  }

  private func isSameFile(_ a: TreeEntry, _ b: TreeEntry) -> Bool {
    a.attributes == b.attributes && a.content == b.content && a.user == b.user
      && a.group == b.group && a.extendedAttributes == b.extendedAttributes
  }

  /// Whether the overwrite rule keeps the entry from being restored, so that it cannot lead a group.
  private func isLeftAlone(_ entry: TreeEntry, in directory: RestoreDirectory) throws -> Bool {
    guard directory.mayHaveContent else { return false }
    var status = FileStatus()
    let code = try session.directories.with(directory) { parent in
      (entry.name + [0]).withName { FileStatus.read(parent, $0, into: &status) }
    }
    guard code == 0 else { return false }
    let path = directory.path(of: entry.name)
    if case .leave = session.verdict(entry, path, over: status) { return true }
    return false
  }

  private func plan(_ content: FileContent, of task: RestoreTask) throws {
    var offset: UInt64 = 0
    do {
      try content.forEachChunk(from: reader) { chunk in
        if window.isFullOfUses {
          task.isWhole = false
          try flush()
          window.add(task)
        }
        let location = try locate(chunk)
        task.expect(1)
        window.add(chunk, at: location, dataOffset: offset)
        offset += UInt64(chunk.length)
      }
    } catch let error as VarveError where error.code == .interrupted {
      throw error
    } catch {
      task.fail(error, session)
    }
    if task.settle(1) { task.finish(session) }
  }

  private func locate(_ chunk: ChunkReference) throws -> ChunkLocation {
    guard let location = session.source.index.locate(chunk.address),
      location.storedLength <= PackLimits.storedBlockByteCount
    else {
      throw VarveError(
        .missing, "no index knows chunk \(chunk.address)",
        hint: "run 'varve check' to see which snapshots and files are affected")
    }
    return location
  }

  private func flush() throws {
    if window.isEmpty { return }
    window.seal()
    guard queue.add(window) else {
      try session.cancellation.check()
      throw VarveError(.interrupted, "the restore was stopped")
    }
    window = RestoreWindow()
  }
}
