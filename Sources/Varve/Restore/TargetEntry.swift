import CVarveLinux
import Glibc
import VarveFormat
import VarveStorage

/// Changing single names of a directory of the target.
enum TargetEntry {
  /// Renames `from` over `to`; both end with NUL. A protected file in the way loses its protection.
  static func rename(_ from: [UInt8], to: [UInt8], in directory: Int32) throws {
    let result = from.withName { from in
      to.withName { to in
        let result = varve_rename(directory, from, directory, to, 0)
        guard result == -EPERM, unprotect(to, in: directory) else { return result }
        return varve_rename(directory, from, directory, to, 0)
      }
    }
    guard result == 0 else { throw VarveError(system: -result, "cannot give it its name") }
  }

  /// Removes a name that is no directory's. Returns 0, or an error number.
  static func unlink(_ name: UnsafePointer<CChar>, in directory: Int32) -> Int32 {
    let result = varve_unlink(directory, name, 0)
    guard result == -EPERM, unprotect(name, in: directory) else { return -result }
    return -varve_unlink(directory, name, 0)
  }

  /// Takes away the flags that keep a file or directory from being changed; whether there were any.
  static func unprotect(_ name: UnsafePointer<CChar>, in directory: Int32) -> Bool {
    let descriptor = varve_open(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var flags: UInt32 = 0
    guard InodeFlags.read(descriptor, into: &flags) == 0,
      flags & (InodeFlags.immutable | InodeFlags.appendOnly) != 0
    else { return false }
    return InodeFlags.set(descriptor, flags & ~(InodeFlags.immutable | InodeFlags.appendOnly)) == 0
  }
}

/// Names for files that are not complete yet.
enum TemporaryName {
  /// 23 bytes that no other has, ended by NUL.
  static func make() -> [UInt8] {
    let unique = String(UInt64.random(in: UInt64.min...UInt64.max), radix: 16)
    return Array(".varve-\(String(repeating: "0", count: 16 - unique.utf8.count))\(unique)".utf8)
      + [0]
  }
}
