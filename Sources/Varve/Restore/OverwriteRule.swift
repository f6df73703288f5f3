import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// What the user wants done about something that exists where an entry is to go.
enum OverwriteRule {
  enum Verdict {
    case leave
    /// Taken for equal by size and time.
    case assumeEqual
    /// Find out what differs.
    case compare
  }

  static func verdict(
    _ rule: RestoreOptions.Overwrite, _ entry: TreeEntry, over status: FileStatus
  ) -> Verdict {
    switch rule {
    case .never: return .leave
    case .ifNewer: return status.modified < entry.attributes.modified ? .compare : .leave
    case .always: return .compare
    case .ifChanged:
      guard case .file(let content) = entry.content, status.isFile, status.size == content.size,
        status.modified == entry.attributes.modified
      else { return .compare }
      return .assumeEqual
    }
  }
}

extension RestoreOptions.Overwrite {
  /// Whether a later run would see that a file is only a part of what it should be, and write it again.
  var seesParts: Bool {
    switch self {
    case .always, .ifChanged: true
    case .ifNewer, .never: false
    }
  }
}

extension RestoreSession {
  /// What the rule says about what is at `path`.
  func verdict(
    _ entry: TreeEntry, _ path: @autoclosure () -> [UInt8], over status: FileStatus
  ) -> OverwriteRule.Verdict {
    OverwriteRule.verdict(isSettled(path()) ? .ifChanged : options.overwrite, entry, over: status)
  }

  /// Whether it was put there for this restore.
  func isSettled(_ path: @autoclosure () -> [UInt8]) -> Bool {
    !options.settled.isEmpty && options.settled[path()] != nil
  }

  /// Removes a directory that lies where a file is to go: an empty one, or with `delete` any.
  ///
  /// - Throws: when it stays, in a dry run when it would.
  func clearDirectory(_ name: [UInt8], in directory: RestoreDirectory) throws {
    try directories.with(directory) { parent in
      if try clearEmpty(name, in: parent) || options.movesAside { return }
      guard options.delete else {
        throw VarveError(
          .io, "a directory is in its place and not empty",
          hint: "move the directory away, or restore with --delete")
      }
      guard !directory.isMounted else {
        throw VarveError(
          .io, "a directory is in its place, on another file system than the target",
          hint: "restore the mounted directory on its own, with it as --target")
      }
      let path = directory.path(of: Array(name.dropLast()))
      let removal = Removal(session: self, device: directory.identity.device)
      guard removal.remove(name, path: path, in: parent) else {
        throw VarveError(.io, "the directory in its place cannot be removed")
      }
    }
  }

  /// Removes an empty directory, or in a dry run says whether it is one.
  private func clearEmpty(_ name: [UInt8], in parent: Int32) throws -> Bool {
    guard options.dryRun else {
      let result = name.withName { varve_unlink(parent, $0, varve_at_removedir) }
      return result == 0 || result == -ENOENT
    }
    let number = name.withName { OpenAt.directory(parent, $0) }
    if number == -ENOENT { return true }
    guard number >= 0 else {
      throw VarveError(system: -number, "cannot open the directory in its place")
    }
    let found = Descriptor(owning: number)
    var status = FileStatus()
    var listing = DirectoryListing()
    let code = listing.load(found.number)
    guard code == 0 else {
      throw VarveError(system: code, "cannot list the directory in its place")
    }
    return listing.count == 0 && FileStatus.read(found.number, into: &status) == 0
      && !status.isMountRoot
  }
}
