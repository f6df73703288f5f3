import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// What kept a file or directory from being moved or changed, and was taken away: inode flags, and of a directory of ours
/// its mode.
struct Protection {
  private var flags: UInt32?
  private var mode: UInt16?

  /// Whether there may be any: else nobody has to open the file.
  static func isPossible(_ status: FileStatus) -> Bool {
    status.isDirectory || status.isFile && (status.isProtected || !status.tellsProtection)
  }

  /// Takes it away; nil when there is none, or none that we may take.
  init?(takenFrom file: Int32, _ status: FileStatus) {
    if status.isProtected || !status.tellsProtection { takeFlags(from: file) }
    if status.isDirectory, geteuid() != 0, status.owner == geteuid(), status.mode & 0o300 != 0o300,
      varve_fchmod(file, mode_t(status.mode | 0o700)) == 0
    {
      mode = status.mode
    }
    if flags == nil, mode == nil { return nil }
  }

  private mutating func takeFlags(from file: Int32) {
    var present: UInt32 = 0
    let protecting = InodeFlags.immutable | InodeFlags.appendOnly
    guard InodeFlags.read(file, into: &present) == 0, present & protecting != 0,
      InodeFlags.set(file, present & ~protecting) == 0
    else { return }
    flags = present
  }

  func giveBack(to file: Int32) {
    if let mode { _ = varve_fchmod(file, mode_t(mode)) }
    if let flags { _ = InodeFlags.set(file, flags) }
  }
}

extension FileStatus {
  /// Whether the file system says of a file whether it is protected.
  fileprivate var tellsProtection: Bool { raw.attributes_mask & 0x30 == 0x30 }
}

/// Directories of the target in which names are changed: open to us meanwhile.
struct ChangedDirectories {
  private var found: [[UInt8]: (modified: FileTime, protection: Protection?)] = [:]

  /// Makes sure that names in the directory can be changed.
  ///
  /// - Throws: `.io` when it cannot be opened.
  mutating func open(_ path: [UInt8], in target: TargetPlaces) throws {
    guard found[path] == nil else { return }
    let directory = target.directory(path)
    var status = FileStatus()
    let code = directory < 0 ? -directory : FileStatus.read(directory, into: &status)
    guard code == 0 else {
      throw VarveError(system: code, "cannot open \(EscapedBytes.text(path))")
    }
    found[path] = (status.modified, Protection(takenFrom: directory, status))
  }

  /// Gives them back their protection, and their times if nothing has changed in the end.
  func giveBack(in target: TargetPlaces, withTimes: Bool) {
    // What lies deepest first, while the way there is open.
    for (path, before) in found.sorted(by: { $0.key.count > $1.key.count }) {
      let directory = target.directory(path)
      guard directory >= 0 else { continue }
      if withTimes {
        _ = varve_set_file_times(
          directory, 0, varve_utime_omit, before.modified.seconds,
          Int64(before.modified.nanoseconds))
      }
      before.protection?.giveBack(to: directory)
    }
  }
}
