import CVarveLinux
import Glibc
import Synchronization
import VarveFormat
import VarveStorage

/// Files that have no name until they are complete: open(2) with O_TMPFILE, then linkat(2).
final class UnnamedFiles: Sendable {
  private let isSupported: Atomic<Bool>

  init() {
    // A name is given through /proc, which a bare chroot may not have.
    var status = FileStatus()
    isSupported = Atomic(FileStatus.read(AT_FDCWD, "/proc/self/fd", into: &status) == 0)
  }

  /// A new file in the file system of `directory`, open for writing, or a negative number where there are
  /// no such files.
  func create(in directory: Int32) -> Int32 {
    guard isSupported.load(ordering: .relaxed) else { return -EOPNOTSUPP }
    let file = varve_open(directory, ".", varve_o_tmpfile | O_WRONLY, 0o600)
    // Asked only once; the target may hold other file systems, where a temporary name does as well.
    if file == -EOPNOTSUPP || file == -EISDIR || file == -EINVAL {
      isSupported.store(false, ordering: .relaxed)
    }
    return file
  }

  /// Puts the open file in its place, over what is there.
  static func name(_ file: Int32, _ name: [UInt8], in directory: Int32) throws {
    var result = link(file, name, in: directory)
    if result == -EEXIST {
      let temporary = TemporaryName.make()
      result = link(file, temporary, in: directory)
      if result == 0 {
        do { try TargetEntry.rename(temporary, to: name, in: directory) } catch {
          _ = temporary.withName { varve_unlink(directory, $0, 0) }
          throw error
        }
      }
    }
    guard result == 0 else { throw VarveError(system: -result, "cannot give it its name") }
  }

  /// Gives the open file one more name. Returns 0, or a negated error number.
  static func link(_ file: Int32, _ name: [UInt8], in directory: Int32) -> Int32 {
    ProcessPath.with(file, nil) { path in
      name.withName { varve_link(AT_FDCWD, path, directory, $0, varve_at_symlink_follow) }
    }
  }
}
