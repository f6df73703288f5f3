import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveRepository
import VarveStorage

/// Hard links: of each group of the snapshot's link table the first path that is restored is made like
/// any other file, and the others are linked to it when all content is there.
///
/// The directories of all of them are held until then, since a link changes its directory's times.
/// Used by one thread at a time: the planner's, then the one that links.
final class LinkGroups {
  private struct Member {
    let directory: RestoreDirectory
    let entry: TreeEntry
  }

  private struct Group {
    var leader: RestoreTask?
    var members: [Member] = []
  }

  private let numbers: [[UInt8]: Int]
  private var groups: [Int: Group] = [:]

  /// - Parameter table: groups of paths relative to the directory that is restored.
  init(_ table: [[[UInt8]]]) {
    var numbers: [[UInt8]: Int] = [:]
    for (number, paths) in table.enumerated() {
      for path in paths { numbers[path] = number }
    }
    self.numbers = numbers
  }

  /// The group that has `path`, if any.
  func group(of path: [UInt8]) -> Int? { numbers[path] }

  /// The file that other paths of the group are to be linked to.
  func leader(of group: Int) -> RestoreTask? { groups[group]?.leader }

  func setLeader(_ task: RestoreTask, of group: Int) {
    task.directory.hold()
    groups[group, default: Group()].leader = task
  }

  /// Adds an entry that is the same file as the group's leader.
  func add(_ entry: TreeEntry, in directory: RestoreDirectory, to group: Int) {
    directory.hold()
    groups[group, default: Group()].members.append(Member(directory: directory, entry: entry))
  }

  /// Makes all links and lets the directories go.
  func link(_ session: RestoreSession) throws {
    for number in groups.keys.sorted() {
      try session.cancellation.check()
      guard let group = groups.removeValue(forKey: number), let leader = group.leader else {
        continue
      }
      if !session.options.dryRun { link(group.members, to: leader, session) }
      for member in group.members { session.release(member.directory) }
      session.release(leader.directory)
    }
  }

  private func link(_ members: [Member], to leader: RestoreTask, _ session: RestoreSession) {
    let hasFlags =
      leader.content != nil && leader.entry.attributes.inodeFlags != 0 && !session.options.stages
    guard !members.isEmpty || hasFlags else { return }
    do {
      let file = try open(leader, session)
      for member in members {
        do {
          try link(member, to: file.number, leader, session)
        } catch {
          session.report(member.directory.path(of: member.entry.name), error)
        }
      }
    } catch {
      for member in members {
        session.report(
          member.directory.path(of: member.entry.name),
          VarveError(
            .io, "it is another name of \(EscapedBytes.text(leader.path)), which was not restored",
            cause: error))
      }
    }
    if hasFlags, !leader.hasFailed { setFlags(leader, session) }
  }

  private func open(_ leader: RestoreTask, _ session: RestoreSession) throws -> Descriptor {
    let identity = leader.output.withLock { $0.identity }
    guard !leader.hasFailed, let identity else { throw VarveError(.io, "it is not complete") }
    let number = try session.directories.with(leader.directory) { parent in
      leader.name.withName { varve_open(parent, $0, varve_o_path | O_NOFOLLOW, 0) }
    }
    guard number >= 0 else { throw VarveError(system: -number, "it cannot be opened") }
    let file = Descriptor(owning: number)
    var status = FileStatus()
    guard FileStatus.read(file.number, into: &status) == 0,
      RestoreDirectory.Identity(status) == identity
    else { throw VarveError(.io, "somebody replaced it meanwhile") }
    return file
  }

  private func link(
    _ member: Member, to file: Int32, _ leader: RestoreTask, _ session: RestoreSession
  ) throws {
    let name = member.entry.name + [0]
    let size = leader.size
    func finished(_ action: RestoreItem.Action) {
      if action == .unchanged {
        session.progress.bytesSkipped.add(size, ordering: .relaxed)
      } else {
        session.progress.bytesRestored.add(size, ordering: .relaxed)
      }
      session.finished(action, size: size, path: member.directory.path(of: member.entry.name))
    }
    var isUpdate = false
    if member.directory.mayHaveContent {
      var status = FileStatus()
      let code = try session.directories.with(member.directory) { parent in
        name.withName { FileStatus.read(parent, $0, into: &status) }
      }
      if code == 0 {
        let identity = leader.output.withLock { $0.identity }
        if RestoreDirectory.Identity(status) == identity { return finished(.unchanged) }
        let path = member.directory.path(of: member.entry.name)
        let verdict = session.verdict(member.entry, path, over: status)
        if case .leave = verdict { return finished(.unchanged) }
        if status.isDirectory { try session.clearDirectory(name, in: member.directory) }
        isUpdate = !status.isDirectory
      }
    }
    try session.directories.with(member.directory) { parent in
      if session.options.overwrite == .never, !isUpdate {
        let result = UnnamedFiles.link(file, name, in: parent)
        guard result == 0 else { throw VarveError(system: -result, "cannot make the hard link") }
      } else {
        try UnnamedFiles.name(file, name, in: parent)
      }
    }
    finished(isUpdate ? .updated : .restored)
  }

  private func setFlags(_ leader: RestoreTask, _ session: RestoreSession) {
    do {
      let number = try session.directories.with(leader.directory) { parent in
        leader.name.withName { OpenAt.file(parent, $0) }
      }
      guard number >= 0 else { throw VarveError(system: -number, "it cannot be opened") }
      let file = Descriptor(owning: number)
      try EntryMetadata(session: session).restoreFlags(leader.entry, to: file.number)
    } catch {
      session.report(leader.path, error)
    }
  }
}
