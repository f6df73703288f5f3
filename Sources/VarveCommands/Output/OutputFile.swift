import Glibc
import Varve
import VarveFormat
import VarveOperations

/// A file that a command makes: written beside its place and moved there when it is whole, so that what is there is right.
/// One that is there already is replaced.
enum OutputFile {
  static func write(_ bytes: [UInt8], to path: RawArgument) throws {
    try make(path.bytes) { output in
      try bytes.withUnsafeBytes { try output.write($0) }
    }
  }

  /// - Throws: `.io`, and what `body` throws; nothing is left then.
  static func make(_ path: [UInt8], _ body: (DescriptorOutput) throws -> Void) throws {
    let name = ByteText.printable(path)
    func failure() -> VarveError {
      VarveError(.io, "cannot write \(name): \(String(cString: strerror(errno)))")
    }
    func text(_ bytes: [UInt8]) -> [CChar] { bytes.map { CChar(bitPattern: $0) } + [0] }
    let place = text(path)
    var status = stat()
    if stat(place, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
      // A pipe or a device stays what it is.
      let file = open(place, O_WRONLY | O_CLOEXEC)
      guard file >= 0 else { throw failure() }
      defer { close(file) }
      return try write(to: file, name, body)
    }
    let number = String(UInt64.random(in: 0...UInt64.max), radix: 16)
    let temporary = text(path + Array(".\(number)".utf8))
    let file = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure() }
    do {
      defer { close(file) }
      try write(to: file, name, body)
      guard fsync(file) == 0 || errno == EINVAL else { throw failure() }
      guard rename(temporary, place) == 0 else { throw failure() }
    } catch {
      unlink(temporary)
      throw error
    }
  }

  private static func write(
    to file: Int32, _ name: String, _ body: (DescriptorOutput) throws -> Void
  ) throws {
    let output = DescriptorOutput(descriptor: file, name: name)
    try body(output)
    try output.flush()
  }
}
