internal import Glibc
internal import VarveCrypto
package import VarveFormat

/// Files that a verifier is given.
package enum InputFile {
  private static let bufferLength = 1 << 20

  /// All bytes of the file.
  ///
  /// - Parameter limit: longer ones are refused.
  /// - Throws: `.notFound` when there is none; `.unproved` for one that is longer; `.io`.
  package static func read(_ path: [UInt8], limit: Int) throws -> [UInt8] {
    var bytes: [UInt8] = []
    try forEachPart(of: path) { part in
      guard bytes.count + part.count <= limit else {
        throw VarveError(.unproved, "\(name(path)) is too long to be a proof")
      }
      bytes.append(contentsOf: part)
    }
    return bytes
  }

  /// Bytes and SHA-256 of the file.
  ///
  /// - Throws: `.notFound` when there is none; `.io`.
  package static func digest(_ path: [UInt8]) throws -> (size: UInt64, digest: Digest) {
    let stream = SHA256Stream()
    var size: UInt64 = 0
    try forEachPart(of: path) { part in
      stream.update(part)
      size += UInt64(part.count)
    }
    return (size, stream.finish())
  }

  /// For people.
  package static func name(_ path: [UInt8]) -> String { ByteText.printable(path) }

  private static func forEachPart(
    of path: [UInt8], _ body: (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let file = open(path.map { CChar(bitPattern: $0) } + [0], O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw failure(path, errno) }
    defer { close(file) }
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: bufferLength, alignment: 64)
    defer { buffer.deallocate() }
    while true {
      let count = Glibc.read(file, buffer.baseAddress, buffer.count)
      if count == 0 { return }
      if count < 0 {
        if errno == EINTR { continue }
        throw failure(path, errno)
      }
      try body(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
    }
  }

  private static func failure(_ path: [UInt8], _ error: Int32) -> VarveError {
    VarveError(
      error == ENOENT ? .notFound : .io,
      "cannot read \(name(path)): \(String(cString: strerror(error)))")
  }
}
