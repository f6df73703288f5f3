import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Gives a file of the target the metadata of its entry.
///
/// Order: owner (changing it clears set-id bits and capabilities); extended attributes (while the mode
/// still lets us write them; an ACL also changes the mode); mode; times; inode flags, after which an
/// immutable file takes no more changes.
struct EntryMetadata {
  /// How the file is reached; never by a name that somebody could change meanwhile.
  enum Handle {
    /// Opened for reading or writing.
    case open(Int32)
    /// Opened with O_PATH: a symbolic link or a special file.
    case path(Int32)

    var descriptor: Int32 {
      switch self {
      case .open(let descriptor), .path(let descriptor): descriptor
      }
    }
  }

  /// What is known about the file's present metadata.
  enum Present {
    case unknown
    /// Made a moment ago by this process: it has its user and group, and mode 0600.
    case fresh
    /// The same, but made with the entry's own mode, and the entry wants no other owner.
    case exact
    case known(FileStatus)
  }

  let session: RestoreSession

  /// Whether a file that is created with the entry's mode by this process needs no further change of
  /// owner or mode, in a directory that hands nothing down.
  func isMetByCreation(_ entry: TreeEntry) -> Bool {
    let mode = entry.attributes.mode
    // What its owner may not write, some network file systems do not let him write from the start.
    return mode & ~0o777 == 0 && mode & 0o200 != 0 && mode & session.fileModeMask == 0
      && entry.extendedAttributes.isEmpty && owner(of: entry) == (session.user, session.group)
  }

  /// Owner and group that the entry asks for on this machine.
  func owner(of entry: TreeEntry) -> (user: UInt32, group: UInt32) {
    var owner = (entry.attributes.uid, entry.attributes.gid)
    if session.options.ownershipByName {
      if let name = entry.user, let number = session.accounts.userNumber(name) { owner.0 = number }
      if let name = entry.group, let number = session.accounts.groupNumber(name) {
        owner.1 = number
      }
    }
    return owner
  }

  /// Sets all of it; goes on after a failure.
  ///
  /// - Parameters:
  ///   - mayHaveForeign: whether the file may have attributes or flags that the entry has not.
  ///   - withFlags: false leaves inode flags for later.
  /// - Throws: `.io` for the first thing that the system refused.
  func restore(
    _ entry: TreeEntry, to handle: Handle, from present: Present, mayHaveForeign: Bool,
    withFlags: Bool = true
  ) throws {
    var failure: VarveError?
    func note(_ what: String, _ code: Int32) {
      if code != 0, failure == nil { failure = VarveError(system: code, "cannot set its \(what)") }
    }
    var mode = entry.attributes.mode
    var mustSetMode = true
    switch present {
    case .known(let status): mustSetMode = status.mode != mode
    case .exact: mustSetMode = false
    case .unknown, .fresh: break
    }

    let ownership = setOwner(of: entry, handle, present)
    note("owner", ownership.failure)
    mode &= ~ownership.withheld
    if ownership.isChanged { mustSetMode = true }
    if mayHaveForeign || !entry.extendedAttributes.isEmpty {
      let (changed, refused) = setAttributes(of: entry, handle, mayHaveForeign)
      if let refused { note(refused.what, refused.code) }
      if changed { mustSetMode = true }
    }
    if mustSetMode, entry.type != .link { note("mode", setMode(mode, handle)) }
    note("times", setTimes(of: entry, handle, present))
    if withFlags, !session.options.stages, entry.type == .file || entry.type == .directory,
      mayHaveForeign || entry.attributes.inodeFlags != 0
    {
      note("inode flags", setFlags(of: entry, handle.descriptor))
    }
    if let failure { throw failure }
  }

  /// Sets the inode flags alone.
  func restoreFlags(_ entry: TreeEntry, to descriptor: Int32) throws {
    let code = setFlags(of: entry, descriptor)
    if code != 0 { throw VarveError(system: code, "cannot set its inode flags") }
  }

  // MARK: One by one

  private struct Ownership {
    var isChanged = false
    var failure: Int32 = 0
    /// Set-id bits that must not be given to a file of another owner than the snapshot's.
    var withheld: UInt16 = 0
  }

  private func setOwner(of entry: TreeEntry, _ handle: Handle, _ present: Present) -> Ownership {
    let wanted = owner(of: entry)
    var result = Ownership()
    var current: (user: UInt32, group: UInt32)?
    switch present {
    case .unknown: break
    case .fresh, .exact: current = (session.user, session.group)
    case .known(let status): current = (status.owner, status.group)
    }
    if let current, current == wanted { return result }
    let code = change(handle, wanted.user, wanted.group)
    result.isChanged = true
    if code == 0 { return result }
    guard !session.isPrivileged, code == EPERM || code == EINVAL else {
      result.failure = code
      return result
    }
    session.warn(
      .ownership,
      "owners and groups that only root may set were left as they are; restore as root to set them")
    let hasGroup = change(handle, UInt32.max, wanted.group) == 0
    if wanted.user != session.user { result.withheld |= UInt16(S_ISUID) }
    if !hasGroup { result.withheld |= UInt16(S_ISGID) }
    return result
  }

  private func change(_ handle: Handle, _ user: UInt32, _ group: UInt32) -> Int32 {
    switch handle {
    case .open(let file): -varve_fchown(file, user, group)
    case .path(let file): -varve_chown(file, "", user, group, varve_at_empty_path)
    }
  }

  private func setMode(_ mode: UInt16, _ handle: Handle) -> Int32 {
    switch handle {
    case .open(let file): -varve_fchmod(file, mode_t(mode))
    case .path(let file): ProcessPath.with(file, nil) { -varve_chmod($0, mode_t(mode)) }
    }
  }

  private func setTimes(of entry: TreeEntry, _ handle: Handle, _ present: Present) -> Int32 {
    let modified = entry.attributes.modified
    let accessed = entry.attributes.accessed
    if case .known(let status) = present, status.modified == modified, accessed == nil { return 0 }
    let accessSeconds = accessed?.seconds ?? 0
    let accessNanoseconds = accessed.map { Int64($0.nanoseconds) } ?? varve_utime_omit
    switch handle {
    case .open(let file):
      return -varve_set_file_times(
        file, accessSeconds, accessNanoseconds, modified.seconds, Int64(modified.nanoseconds))
    case .path(let file):
      return -varve_set_times(
        file, "", varve_at_empty_path, accessSeconds, accessNanoseconds, modified.seconds,
        Int64(modified.nanoseconds))
    }
  }

  private func setFlags(of entry: TreeEntry, _ descriptor: Int32) -> Int32 {
    let code = InodeFlags.set(descriptor, entry.attributes.inodeFlags)
    if code == EOPNOTSUPP || code == EPERM && !session.isPrivileged {
      session.warn(
        .inodeFlags, "inode flags that this file system or user cannot set were left out")
      return 0
    }
    return code
  }

  private func setAttributes(
    of entry: TreeEntry, _ handle: Handle, _ mayHaveForeign: Bool
  ) -> (changed: Bool, refused: (what: String, code: Int32)?) {
    var present: [ExtendedAttribute] = []
    var isChanged = false
    var refused: (what: String, code: Int32)?
    func note(_ name: [UInt8], _ code: Int32) {
      if code == 0 { isChanged = true }
      guard code != 0, !isExcused(name, code), refused == nil else { return }
      refused = ("extended attribute \(EscapedBytes.text(name))", code)
    }
    if mayHaveForeign, case .open(let file) = handle {
      if ExtendedAttributes.read(file, into: &present) != 0 { present = [] }
      for attribute in present where isOurs(attribute.name) {
        guard !entry.extendedAttributes.contains(where: { $0.name == attribute.name }) else {
          continue
        }
        note(attribute.name, ExtendedAttributes.remove(file, attribute.name))
      }
    }
    for attribute in entry.extendedAttributes where !present.contains(attribute) {
      switch handle {
      case .open(let file):
        note(attribute.name, ExtendedAttributes.set(file, attribute.name, attribute.value))
      case .path(let file):
        note(attribute.name, ExtendedAttributes.set(path: file, attribute.name, attribute.value))
      }
    }
    return (isChanged, refused)
  }

  /// Whether an attribute that the snapshot does not have is to go; labels that the system gives by
  /// itself stay.
  func isOurs(_ name: [UInt8]) -> Bool {
    name.starts(with: Array("user.".utf8)) || name.starts(with: Array("system.posix_acl_".utf8))
      || name == Array("security.capability".utf8)
  }

  private func isExcused(_ name: [UInt8], _ code: Int32) -> Bool {
    let prefix = String(decoding: name.prefix { $0 != UInt8(ascii: ".") }, as: UTF8.self)
    let isForbidden = code == EPERM && !session.isPrivileged && prefix != "user"
    guard code == EOPNOTSUPP || isForbidden else { return false }
    session.warn(
      .extendedAttributes(prefix: prefix),
      "extended attributes '\(prefix).…' that this file system or user cannot set were left out")
    return true
  }
}
