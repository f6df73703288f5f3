package import CVarveLinux
import Glibc
package import VarveFormat

/// What statx(2) says about a file; filled in place, without allocation.
///
/// The corresponding C function is `statx`.
package struct FileStatus: Sendable {
  /// Everything at once, for who needs it raw.
  package var raw = varve_status()

  package init() {}

  /// Reads the status of the entry `name` of `directory`, not of what a link points to.
  ///
  /// - Returns: 0, or an error number.
  package static func read(
    _ directory: Int32, _ name: UnsafePointer<CChar>, into status: inout FileStatus
  ) -> Int32 {
    -varve_statx(directory, name, varve_at_symlink_nofollow, &status.raw)
  }

  /// Reads the status of the open file `descriptor`.
  ///
  /// - Returns: 0, or an error number.
  package static func read(_ descriptor: Int32, into status: inout FileStatus) -> Int32 {
    -varve_statx(descriptor, "", varve_at_empty_path, &status.raw)
  }

  /// The type as a tree entry has it; nil for a socket, and for what Linux does not have today.
  package var type: EntryType? {
    switch raw.mode & S_IFMT {
    case S_IFREG: .file
    case S_IFDIR: .directory
    case S_IFLNK: .link
    case S_IFIFO: .fifo
    case S_IFCHR: .characterDevice
    case S_IFBLK: .blockDevice
    default: nil
    }
  }

  package var isFile: Bool { raw.mode & S_IFMT == S_IFREG }
  package var isDirectory: Bool { raw.mode & S_IFMT == S_IFDIR }
  package var isSymbolicLink: Bool { raw.mode & S_IFMT == S_IFLNK }
  package var isSocket: Bool { raw.mode & S_IFMT == S_IFSOCK }

  /// The low 12 bits: permissions, set-id and sticky.
  package var mode: UInt16 { UInt16(raw.mode & 0o7777) }
  package var owner: UInt32 { raw.owner }
  package var group: UInt32 { raw.group }
  /// In bytes; what stat calls `st_size`.
  package var size: UInt64 { raw.size }
  package var inode: UInt64 { raw.inode }
  package var links: UInt32 { raw.links }
  package var modified: FileTime {
    FileTime(seconds: raw.modified_seconds, nanoseconds: raw.modified_nanoseconds)
  }
  package var changed: FileTime {
    FileTime(seconds: raw.changed_seconds, nanoseconds: raw.changed_nanoseconds)
  }
  package var accessed: FileTime {
    FileTime(seconds: raw.accessed_seconds, nanoseconds: raw.accessed_nanoseconds)
  }
  /// The file system that the file is on: major number in the upper half, minor in the lower.
  package var device: UInt64 { UInt64(raw.device_major) << 32 | UInt64(raw.device_minor) }

  /// Whether it is immutable or append-only, so that not even root can replace or remove it.
  package var isProtected: Bool { raw.attributes & 0x30 != 0 }

  /// Whether less is allocated than the size asks for: only then can there be holes.
  package var mayHaveHoles: Bool { raw.blocks < (raw.size + 511) / 512 }
}
