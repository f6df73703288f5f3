import CVarveLinux
import Glibc
import VarveFormat

/// Whether what is in the target has the metadata that its entry asks for, so that a restore has nothing to change about
/// it. What this process may not set in any case counts for nothing.
extension EntryMetadata {
  /// So far as a status can show it.
  func isSame(_ status: FileStatus, _ entry: TreeEntry) -> Bool {
    let wanted = owner(of: entry)
    return status.modified == entry.attributes.modified
      && (status.isSymbolicLink || status.mode == entry.attributes.mode)
      && status.owner == wanted.user && status.group == wanted.group
  }

  /// Of a file or directory, with extended attributes, ACLs among them, and inode flags.
  ///
  /// - Parameters:
  ///   - file: open for reading.
  ///   - flags: the inode flags that it had; nil to read them.
  func isSame(
    _ status: FileStatus, _ entry: TreeEntry, at file: Int32, flags: UInt32? = nil
  ) -> Bool {
    guard isSame(status, entry) else { return false }
    var present: [ExtendedAttribute] = []
    if ExtendedAttributes.read(file, into: &present) != 0 { present = [] }
    let hasForeign = present.contains { attribute in
      isOurs(attribute.name) && maySet(attribute.name)
        && !entry.extendedAttributes.contains { $0.name == attribute.name }
    }
    guard !hasForeign, hasAttributes(of: entry, present) else { return false }
    var current: UInt32 = 0
    if let flags { current = flags } else { _ = InodeFlags.read(file, into: &current) }
    return isSame(flags: current, entry.attributes.inodeFlags)
  }

  /// Of a symbolic link or special file, whose foreign attributes stay.
  func isSame(
    _ status: FileStatus, _ entry: TreeEntry, _ name: [UInt8], in directory: Int32
  ) -> Bool {
    guard isSame(status, entry) else { return false }
    if entry.extendedAttributes.isEmpty { return true }
    var present: [ExtendedAttribute] = []
    if name.withName({ ExtendedAttributes.read(directory, $0, into: &present) }) != 0 {
      present = []
    }
    return hasAttributes(of: entry, present)
  }

  private func hasAttributes(of entry: TreeEntry, _ present: [ExtendedAttribute]) -> Bool {
    entry.extendedAttributes.allSatisfy { present.contains($0) || !maySet($0.name) }
  }

  private func isSame(flags: UInt32, _ wanted: UInt32) -> Bool {
    let different = (flags ^ wanted) & InodeFlags.restorable
    if different == 0 { return true }
    // Only root may change these, and they are set all at once.
    return !session.isPrivileged && different & (InodeFlags.immutable | InodeFlags.appendOnly) != 0
  }

  /// Others may set the users' own attributes and ACLs.
  private func maySet(_ name: [UInt8]) -> Bool {
    session.isPrivileged || name.starts(with: Array("user.".utf8))
      || name.starts(with: Array("system.posix_acl_".utf8))
  }
}
