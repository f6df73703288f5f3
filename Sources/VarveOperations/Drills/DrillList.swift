// What a drill restored, a line for each file, in the order in which it was restored:
//
//     line := snapshot's id in hex, SP, size in decimal, SP, SHA-256 in hex, SP, path as EscapedBytes, LF

import Glibc
import VarveCrypto
import VarveFormat

/// Writes the list of a drill's files, and hashes it.
final class DrillList {
  private let stream = SHA256Stream()
  private let file: UnsafeMutablePointer<FILE>?
  private let path: String?

  /// - Parameter path: nil to hash it only.
  /// - Throws: `.io`.
  init(_ path: String?) throws {
    self.path = path
    file = path.flatMap { fopen($0, "we") }
    if let path, file == nil { throw VarveError(.io, "cannot write \(path)") }
  }

  deinit { if let file { fclose(file) } }

  func write(_ line: String) throws {
    var line = line
    try line.withUTF8 { bytes in
      stream.update(UnsafeRawBufferPointer(bytes))
      if let file, let path, fwrite(bytes.baseAddress, 1, bytes.count, file) < bytes.count {
        throw VarveError(.io, "cannot write \(path)", hint: "see whether there is room")
      }
    }
  }

  /// - Throws: `.io`.
  func finish() throws -> Digest {
    if let file, let path, fflush(file) != 0 {
      throw VarveError(.io, "cannot write \(path)", hint: "see whether there is room")
    }
    return stream.finish()
  }
}
