import Glibc

/// Zeros that need not be written: a file system keeps no block for them.
package enum ZeroRuns {
  /// Holes smaller than this save nothing on common file systems.
  static let blockSize = 4_096

  /// Calls `body` with the parts of `bytes` that are not blocks, or what they have of blocks, of zeros.
  ///
  /// - Parameter offset: where `bytes` begin in their file; blocks are counted from its start.
  package static func forEachOther(
    _ bytes: UnsafeRawBufferPointer, at offset: UInt64,
    _ body: (_ offset: UInt64, _ bytes: UnsafeRawBufferPointer) throws -> Void
  ) rethrows {
    var start = 0
    var position = 0
    while position < bytes.count {
      let inBlock = Int((offset + UInt64(position)) % UInt64(blockSize))
      let end = min(bytes.count, position + blockSize - inBlock)
      if isZero(UnsafeRawBufferPointer(rebasing: bytes[position..<end])) {
        if start < position {
          try body(
            offset + UInt64(start), UnsafeRawBufferPointer(rebasing: bytes[start..<position]))
        }
        start = end
      }
      position = end
    }
    if start < bytes.count {
      try body(offset + UInt64(start), UnsafeRawBufferPointer(rebasing: bytes[start...]))
    }
  }

  /// Whether all bytes are zero. O(n); stops at the first word that is not.
  package static func isZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard let base = bytes.baseAddress else { return true }
    // A run of bytes is all zero when its first is and each equals the next.
    return bytes[0] == 0 && memcmp(base, base + 1, bytes.count - 1) == 0
  }
}
