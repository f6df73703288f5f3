import Glibc
import VarveFormat

/// Files that a user names and that are read as a whole: policies, certificates, checkpoints.
package enum SmallFile {
  private static let byteLimit = 16 << 20

  /// - Throws: `io` when it cannot be read, `usage` for more than 16 MiB.
  package static func bytes(at path: String) throws -> [UInt8] {
    let name = ByteText.printable(RawArgument.bytes(path))
    let file = open(RawArgument.cString(path), O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure("cannot open \(name)") }
    defer { close(file) }
    return try bytes(of: file, name, limit: byteLimit)
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
