import Glibc
import VarveCrypto
import VarveFormat

/// Writes a file from front to back through one buffer, and digests stretches of it.
final class RunOutput {
  private static let bufferByteCount = 1 << 20

  private let file: CacheFile
  private let buffer: ReusableBuffer
  private let digest = SHA256Stream()
  private var used = 0
  private var written = 0

  init(_ file: CacheFile) throws {
    self.file = file
    buffer = try ReusableBuffer(capacity: Self.bufferByteCount)
  }

  /// Bytes so far, skipped ones included.
  var offset: Int { written + used }

  func append(_ bytes: UnsafeRawBufferPointer) throws {
    var rest = bytes
    while !rest.isEmpty {
      if used == Self.bufferByteCount { try flush() }
      let count = min(rest.count, Self.bufferByteCount - used)
      (buffer.base + used).copyMemory(from: rest.baseAddress!, byteCount: count)
      used += count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
  }

  /// Room for `count` bytes that come next, to be filled by the caller at once.
  @inline(__always)
  func room(_ count: Int) throws -> UnsafeMutableRawPointer {
    if used + count > Self.bufferByteCount { try flush() }
    defer { used += count }
    return buffer.base + used
  }

  /// Leaves zero bytes out of the digest, for what is only known later.
  func skip(_ count: Int) throws {
    try flush()
    written += count
  }

  /// Zero bytes up to a multiple of 8.
  func pad() throws {
    let count = -offset & 7
    if count > 0 { memset(try room(count), 0, count) }
  }

  /// The digest of what was appended since the last call.
  func takeDigest() throws -> Digest {
    try flush()
    return digest.finish()
  }

  private func flush() throws {
    let bytes = UnsafeRawBufferPointer(start: buffer.base, count: used)
    digest.update(bytes)
    try file.write(bytes, at: written)
    written += used
    used = 0
  }
}
