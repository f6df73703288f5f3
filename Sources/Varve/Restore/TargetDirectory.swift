import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// Finding and making the directories of the target.
struct TargetDirectory {
  let session: RestoreSession

  /// Opens the target itself, as the user names it, and makes it when it is missing.
  func openTarget() throws -> RestoreDirectory {
    let path = session.options.target
    let shown = EscapedBytes.text(path)
    guard !path.isEmpty, !path.contains(0) else {
      throw VarveError(.usage, "'\(shown)' is not a possible target")
    }
    let target = RestoreDirectory(parent: nil, entry: nil)
    var isMade = false
    var descriptor = (path + [0]).withName { OpenAt.userDirectory($0) }
    if descriptor == -ENOENT {
      if session.options.dryRun {
        target.origin = .imagined
        return target
      }
      try TargetDirectory.makePath(path)
      isMade = true
      descriptor = (path + [0]).withName { OpenAt.userDirectory($0) }
    }
    guard descriptor >= 0 else {
      throw VarveError(system: -descriptor, "cannot open the target directory \(shown)")
    }
    var status = FileStatus()
    let code = FileStatus.read(descriptor, into: &status)
    guard code == 0 else {
      close(descriptor)
      throw VarveError(system: code, "cannot look at the target directory \(shown)")
    }
    target.handsDown = handsDown(status, descriptor)
    target.origin = isMade ? .made : .found(status)
    target.identity = RestoreDirectory.Identity(status)
    session.directories.add(target, descriptor)
    return target
  }

  /// `mkdir -p`.
  static func makePath(_ path: [UInt8]) throws {
    var end = 0
    while end < path.count {
      end = path[(end + 1)...].firstIndex(of: UInt8(ascii: "/")) ?? path.count
      let result = (Array(path[..<end]) + [0]).withName { varve_mkdir(AT_FDCWD, $0, 0o700) }
      // Of directories above that exist, some systems say first that they are read-only.
      guard result == 0 || result == -EEXIST || end < path.count else {
        throw VarveError(
          system: -result, "cannot make the target directory \(EscapedBytes.text(path))")
      }
    }
  }

  /// Makes sure that a directory is there, and those above it.
  ///
  /// - Parameter creates: false to find only what is there already.
  /// - Returns: whether something can be put into it, or a dry run would.
  func reach(_ directory: RestoreDirectory, creates: Bool) -> Bool {
    var unknown: [RestoreDirectory] = []
    var next: RestoreDirectory? = directory
    while let current = next, case .unknown = current.origin {
      unknown.append(current)
      next = current.parent
    }
    for current in unknown.reversed() {
      do { try settle(current, creates: creates) } catch {
        current.origin = .unreachable
        session.report(current.path(), error)
      }
    }
    if creates { want(directory) }
    switch directory.origin {
    case .made, .found, .imagined: return true
    case .unknown, .unreachable: return false
    }
  }

  private func want(_ directory: RestoreDirectory) {
    var next: RestoreDirectory? = directory
    while let current = next, !current.isWanted {
      current.isWanted = true
      if current.entry != nil { session.progress.itemsTotal.add(1, ordering: .relaxed) }
      next = current.parent
    }
  }

  private func settle(_ directory: RestoreDirectory, creates: Bool) throws {
    guard let parent = directory.parent, let entry = directory.entry else { return }
    switch parent.origin {
    case .unknown: return
    case .imagined, .unreachable: directory.origin = parent.origin
    case .made, .found:
      try session.directories.with(parent) { above in
        if creates, !session.options.dryRun {
          let result = directory.name.withName { varve_mkdir(above, $0, 0o700) }
          if result == 0 { return try openMade(directory, in: above, handsDown: parent.handsDown) }
          guard result == -EEXIST else {
            throw VarveError(system: -result, "cannot make the directory")
          }
        }
        let descriptor = openFound(directory, in: above)
        switch descriptor {
        case 0...: try take(directory, descriptor)
        case -ENOENT: directory.origin = creates ? .imagined : .unknown
        case -ENOTDIR, -ELOOP:
          if creates { try replace(directory, entry, in: above, parent.handsDown) }
        default: throw VarveError(system: -descriptor, "cannot open the directory")
        }
      }
    }
  }

  private func openMade(
    _ directory: RestoreDirectory, in above: Int32, handsDown: Bool
  ) throws {
    let descriptor = directory.name.withName { OpenAt.directory(above, $0) }
    guard descriptor >= 0 else {
      throw VarveError(system: -descriptor, "cannot open the directory")
    }
    var status = FileStatus()
    let code = FileStatus.read(descriptor, into: &status)
    guard code == 0 else {
      close(descriptor)
      throw VarveError(system: code, "cannot look at the directory")
    }
    directory.handsDown = handsDown || status.group != session.group
    directory.keepsModes =
      !directory.handsDown && status.owner == session.user && status.mode == 0o700
    directory.identity = RestoreDirectory.Identity(status)
    directory.takeMount(status)
    directory.origin = .made
    session.directories.add(directory, descriptor)
  }

  private func openFound(_ directory: RestoreDirectory, in above: Int32) -> Int32 {
    directory.name.withName { name in
      let descriptor = OpenAt.directory(above, name)
      guard descriptor == -EACCES, !session.options.dryRun, session.options.overwrite != .never
      else { return descriptor }
      // Its owner may always change its mode; it gets its own back in the end.
      let node = varve_open(above, name, varve_o_path | O_NOFOLLOW | O_DIRECTORY, 0)
      guard node >= 0 else { return descriptor }
      let owned = Descriptor(owning: node)
      _ = ProcessPath.with(owned.number, nil) { varve_chmod($0, 0o700) }
      return OpenAt.directory(above, name)
    }
  }

  private func take(_ directory: RestoreDirectory, _ descriptor: Int32) throws {
    var status = FileStatus()
    let code = FileStatus.read(descriptor, into: &status)
    guard code == 0 else {
      close(descriptor)
      throw VarveError(system: code, "cannot look at the directory")
    }
    if !session.options.dryRun {
      if !session.isPrivileged, status.mode & 0o700 != 0o700, status.owner == session.user {
        _ = varve_fchmod(descriptor, mode_t(status.mode | 0o700))
      }
      if status.isProtected, InodeFlags.read(descriptor, into: &directory.originalFlags) == 0 {
        _ = InodeFlags.set(
          descriptor,
          directory.originalFlags & ~(InodeFlags.immutable | InodeFlags.appendOnly))
      }
    }
    directory.handsDown = handsDown(status, descriptor)
    directory.identity = RestoreDirectory.Identity(status)
    directory.takeMount(status)
    directory.origin = .found(status)
    session.directories.add(directory, descriptor)
  }

  /// Something else is where the directory is to be.
  private func replace(
    _ directory: RestoreDirectory, _ entry: TreeEntry, in above: Int32, _ handsDown: Bool
  ) throws {
    var status = FileStatus()
    let code = directory.name.withName { FileStatus.read(above, $0, into: &status) }
    guard code == 0 else { throw VarveError(system: code, "cannot look at what is in its place") }
    if case .leave = session.verdict(entry, directory.path(), over: status) {
      throw VarveError(
        .io, "what is in its place is no directory, so nothing below it is restored",
        hint: "move it away, or restore with --overwrite always")
    }
    if session.options.dryRun {
      directory.origin = .imagined
      return
    }
    let removed = directory.name.withName { TargetEntry.unlink($0, in: above) }
    guard removed == 0 else {
      throw VarveError(system: removed, "cannot remove what is in its place")
    }
    let made = directory.name.withName { varve_mkdir(above, $0, 0o700) }
    guard made == 0 else { throw VarveError(system: -made, "cannot make the directory") }
    try openMade(directory, in: above, handsDown: handsDown)
  }

  /// Whether new files would get anything from the directory but our own user and group.
  private func handsDown(_ status: FileStatus, _ descriptor: Int32) -> Bool {
    if status.mode & UInt16(S_ISGID) != 0 || status.group != session.group { return true }
    if varve_fgetxattr(descriptor, "system.posix_acl_default", nil, 0) > 0 { return true }
    var flags: UInt32 = 0
    return InodeFlags.read(descriptor, into: &flags) != 0 || flags != 0
  }
}
