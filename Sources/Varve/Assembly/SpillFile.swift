import CVarveLinux
import Glibc
internal import VarveFormat
internal import VarveStorage

/// A file without a name for what does not fit into memory; its space is free again when it goes.
final class SpillFile {
  private let descriptor: Int32
  private(set) var size: UInt64 = 0

  /// - Parameter directory: where to make it; nil for `TMPDIR` or `/var/tmp`.
  /// - Throws: `.io`.
  init(in directory: [UInt8]?) throws {
    let base =
      directory ?? getenv("TMPDIR").map { Array(String(cString: $0).utf8) }
      ?? Array("/var/tmp".utf8)
    var template = (base + Array("/.varve-XXXXXX".utf8) + [0]).map { CChar(bitPattern: $0) }
    descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw VarveError(
        system: errno, "cannot make a temporary file in \(EscapedBytes.text(base))")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    unlink(template)
  }

  deinit { close(descriptor) }

  /// - Throws: `.io`.
  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var done = 0
    while done < bytes.count {
      let count = varve_pwrite(
        descriptor, bytes.baseAddress! + done, bytes.count - done, Int64(size))
      guard count > 0 else {
        let code = count == 0 ? EIO : Int32(-count)
        throw VarveError(
          .io, "cannot write a temporary file: \(SystemError.text(code))",
          hint: "set TMPDIR to a directory with more room")
      }
      done += count
      size += UInt64(count)
    }
  }

  /// Reads up to `buffer.count` bytes.
  ///
  /// - Throws: `.io`.
  func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
    let count = varve_pread(descriptor, buffer.baseAddress!, buffer.count, Int64(offset))
    guard count >= 0 else {
      throw VarveError(system: Int32(-count), "cannot read a temporary file")
    }
    return count
  }
}
