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
  /// Removes a directory that lies where a file is to go: an empty one, or with `delete` any.
  func clearDirectory(_ name: [UInt8], in directory: RestoreDirectory) throws {
    if options.dryRun { return }
    try directories.with(directory) { parent in
      let result = name.withName { varve_unlink(parent, $0, varve_at_removedir) }
      if result == 0 || result == -ENOENT { return }
      guard options.delete else {
        throw VarveError(
          .io, "a directory is in its place and not empty",
          hint: "move the directory away, or restore with --delete")
      }
      let path = directory.path(of: Array(name.dropLast()))
      guard Removal(session: self).remove(name, path: path, in: parent) else {
        throw VarveError(.io, "the directory in its place cannot be removed")
      }
    }
  }
}
