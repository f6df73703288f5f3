import CVarveLinux
import Glibc

/// An open file or directory, closed when its one owner goes.
package struct Descriptor: ~Copyable {
  package let number: Int32

  /// Takes over `number`, which must be open.
  package init(owning number: Int32) { self.number = number }

  deinit { close(number) }

  /// Gives up ownership without closing.
  package consuming func release() -> Int32 {
    let number = number
    discard self
    return number
  }
}

/// Opening below a directory descriptor, never through a symbolic link in the last component.
///
/// `name` is a single component; so paths of any length can be walked, and nobody who renames
/// things meanwhile can lead the walk elsewhere. Each function returns a descriptor, or a negated
/// error number: `ELOOP` or `ENOTDIR` when a link or another kind of file has taken the place.
package enum OpenAt {
  /// Opens for reading without changing its access time, where the system allows that.
  /// Never waits for the other end of a FIFO; the caller checks what it got.
  package static func file(_ directory: Int32, _ name: UnsafePointer<CChar>) -> Int32 {
    withoutAccessTime(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY)
  }

  /// Opens a directory for listing it and for reaching what is in it.
  package static func directory(_ directory: Int32, _ name: UnsafePointer<CChar>) -> Int32 {
    withoutAccessTime(directory, name, O_RDONLY | O_NOFOLLOW | O_DIRECTORY)
  }

  /// Opens the directory `path`, following links, as a user means it who names it.
  package static func userDirectory(_ path: UnsafePointer<CChar>) -> Int32 {
    withoutAccessTime(AT_FDCWD, path, O_RDONLY | O_DIRECTORY)
  }

  private static func withoutAccessTime(
    _ directory: Int32, _ name: UnsafePointer<CChar>, _ flags: Int32
  ) -> Int32 {
    // Only a file's owner, or root, may leave its access time alone.
    let descriptor = varve_open(directory, name, flags | varve_o_noatime, 0)
    return descriptor == -EPERM ? varve_open(directory, name, flags, 0) : descriptor
  }
}
