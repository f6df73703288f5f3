import Glibc
import VarveFormat

/// The two ends of a pipe, not inherited by children.
package struct Pipe {
  package let reading: Int32
  package let writing: Int32

  /// - Throws: `io` when the process has too many files open.
  package init() throws {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw VarveError(.io, "cannot make a pipe: \(String(cString: strerror(errno)))")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    reading = ends[0]
    writing = ends[1]
  }

  /// Closes both.
  package func close() {
    Glibc.close(reading)
    Glibc.close(writing)
  }
}
