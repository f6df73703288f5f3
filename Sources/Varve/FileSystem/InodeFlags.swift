import CVarveLinux
import Glibc

/// Inode flags as chattr(1) sets them: `FS_*_FL` in <linux/fs.h>.
package enum InodeFlags {
  package static let immutable: UInt32 = 0x10
  package static let appendOnly: UInt32 = 0x20

  /// Those that a user sets and a restore can set again. What the file system keeps for itself
  /// (extents, indexes, encryption, verity, inline data) is left out.
  package static let restorable: UInt32 =
    0x0000_0001  // s: overwrite on deletion
    | 0x0000_0002  // u: allow undeletion
    | 0x0000_0004  // c: compressed
    | 0x0000_0008  // S: synchronous
    | immutable  // i
    | appendOnly  // a
    | 0x0000_0040  // d: no dump
    | 0x0000_0080  // A: no access time
    | 0x0000_0400  // m: do not compress
    | 0x0000_4000  // j: data in the journal
    | 0x0000_8000  // t: no tail merging
    | 0x0001_0000  // D: synchronous directory
    | 0x0002_0000  // T: top of directory hierarchies
    | 0x0080_0000  // C: no copy on write
    | 0x0200_0000  // x: direct access
    | 0x2000_0000  // P: project hierarchy

  /// The restorable flags of an open file or directory; none where the file system has none.
  ///
  /// - Returns: 0, or an error number.
  package static func read(_ file: Int32, into flags: inout UInt32) -> Int32 {
    flags = 0
    var all: UInt32 = 0
    let result = varve_get_inode_flags(file, &all)
    if result == 0 { flags = all & restorable }
    return isUnsupported(result) ? 0 : -result
  }

  /// Gives an open file or directory exactly `flags` among the restorable ones.
  ///
  /// - Returns: 0, or an error number; 0 too when it has them already.
  package static func set(_ file: Int32, _ flags: UInt32) -> Int32 {
    var current: UInt32 = 0
    let result = varve_get_inode_flags(file, &current)
    if isUnsupported(result) { return flags & restorable == 0 ? 0 : EOPNOTSUPP }
    guard result == 0 else { return -result }
    let wanted = current & ~restorable | flags & restorable
    return wanted == current ? 0 : -varve_set_inode_flags(file, wanted)
  }

  private static func isUnsupported(_ result: Int32) -> Bool {
    result == -ENOTTY || result == -EOPNOTSUPP || result == -ENOSYS || result == -EINVAL
  }
}
