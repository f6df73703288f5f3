internal import VarveCrypto
internal import VarveFormat
internal import VarveStorage

/// Reads objects from front to back in windows, for their digests.
enum ObjectHash {
  static let windowByteCount = 8 << 20

  /// The digest of the object's first `size` bytes.
  ///
  /// - Parameters:
  ///   - buffer: at least `windowByteCount` bytes.
  ///   - advanced: told of the bytes read so far after each window; may throw to stop.
  static func digest(
    _ name: String, size: UInt64, from storage: any StorageBackend, _ buffer: ReusableBuffer,
    _ advanced: (UInt64) throws -> Void
  ) throws -> Digest {
    let hash = SHA256Stream()
    var offset: UInt64 = 0
    while offset < size {
      let count = Int(min(UInt64(windowByteCount), size - offset))
      let window = UnsafeMutableRawBufferPointer(start: buffer.base, count: count)
      try storage.read(name, offset: offset, into: window)
      hash.update(UnsafeRawBufferPointer(window))
      offset += UInt64(count)
      try advanced(UInt64(count))
    }
    return hash.finish()
  }
}
