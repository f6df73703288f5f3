import Glibc
import VarveFormat

/// Files that a user names and that are read as a whole: policies, certificates, checkpoints.
package enum SmallFile {
  private static let byteLimit = 16 << 20

  /// A pipe is taken only where a shell hands over its own, `/dev/fd/63`: of one by name nobody knows whether somebody writes.
  ///
  /// - Throws: `io` when it cannot be read, `usage` for more than 16 MiB, and for what is no file.
  package static func bytes(at path: String) throws -> [UInt8] {
    let name = ByteText.printable(RawArgument.bytes(path))
    let file = open(RawArgument.cString(path), O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard file >= 0 else { throw failure("cannot open \(name)") }
    defer { close(file) }
    var status = stat()
    if fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFIFO {
      guard isHandedOver(path) else {
        throw VarveError(
          .usage, "\(name) is a named pipe", hint: "give a file, or what <(command) stands for")
      }
      _ = fcntl(file, F_SETFL, fcntl(file, F_GETFL) & ~O_NONBLOCK)
    }
    return try bytes(of: file, name, limit: byteLimit)
  }

  /// Whether a path is of a descriptor that this process was given.
  private static func isHandedOver(_ path: String) -> Bool {
    path == "/dev/stdin" || path.hasPrefix("/dev/fd/") || path.hasPrefix("/proc/self/fd/")
  }

  /// What a file, pipe or socket has, to its end.
  package static func bytes(of file: Int32, _ name: String, limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = read(file, &buffer, buffer.count)
      if count < 0 && errno == EINTR { continue }
      guard count >= 0 else { throw failure("cannot read \(name)") }
      guard count > 0 else { return bytes }
      guard bytes.count + count <= limit else {
        throw VarveError(.usage, "\(name) gives more than \(limit >> 10) KiB")
      }
      bytes += buffer[..<count]
    }
  }

  private static func failure(_ what: String) -> VarveError {
    VarveError(.io, "\(what): \(String(cString: strerror(errno)))")
  }
}
