import Glibc
import VarveFormat
import VarveTestSupport

/// A temporary directory addressed by raw bytes, for names that are no text.
final class ScratchDirectory {
  private let directory = TemporaryDirectory()
  let path: [UInt8]

  init() throws { path = Array(directory.path.utf8) }

  /// The path of `name` in it, NUL-terminated.
  func cPath(_ name: String) -> [CChar] { cPath(Array(name.utf8)) }

  func cPath(_ name: [UInt8]) -> [CChar] {
    (path + [0x2f] + name + [0]).map { CChar(bitPattern: $0) }
  }

  /// Writes a file anew and returns its path.
  func file(_ name: String, _ content: [UInt8]) throws -> [UInt8] {
    try file(Array(name.utf8), content)
  }

  func file(_ name: [UInt8], _ content: [UInt8]) throws -> [UInt8] {
    let descriptor = open(cPath(name), O_WRONLY | O_CREAT | O_TRUNC, 0o644)
    guard descriptor >= 0 else { throw VarveError(.io, "cannot create a file") }
    defer { close(descriptor) }
    var done = 0
    while done < content.count {
      let count = content.withUnsafeBytes {
        write(descriptor, $0.baseAddress! + done, $0.count - done)
      }
      guard count > 0 else { throw VarveError(.io, "cannot write a file") }
      done += count
    }
    return path + [0x2f] + name
  }

  func directory(_ name: String) throws {
    guard mkdir(cPath(name), 0o755) == 0 else { throw VarveError(.io, "cannot make a directory") }
  }
}
