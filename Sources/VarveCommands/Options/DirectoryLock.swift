import Glibc
import VarveFormat

/// Keeps a second process out of a directory, as long as this one runs.
struct DirectoryLock {
  private let file: Int32

  /// - Throws: `refused` when another process has it, `io` when there is no such directory.
  init(_ directory: String) throws {
    file = open("\(directory)/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    guard file >= 0 else {
      throw VarveError(.io, "cannot use \(directory): \(String(cString: strerror(errno)))")
    }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let code = errno
      close(file)
      throw code == EWOULDBLOCK
        ? VarveError(.refused, "another process serves \(directory)")
        : VarveError(.io, "cannot lock \(directory): \(String(cString: strerror(code)))")
    }
  }

  func release() { close(file) }
}
