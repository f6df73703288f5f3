import NIOCore

/// Bytes of a body until there are enough to be written: copied, since a slice, of however few bytes, keeps alive the whole
/// buffer that it was received into. So what is held is what is counted, however a client cuts what it sends.
///
/// Takes its capacity when the first bytes come, and no more.
package struct GatheredBody {
  package let capacity: Int
  private(set) var bytes = ByteBuffer()

  package init(capacity: Int) { self.capacity = capacity }

  package var count: Int { bytes.readableBytes }
  package var isFull: Bool { count >= capacity }
  /// What it occupies, in bytes.
  package var storageSize: Int { bytes.storageCapacity }

  /// Copies as many of the bytes as there is room for, from the first on.
  ///
  /// - Returns: how many.
  package mutating func take(_ source: UnsafeRawBufferPointer) -> Int {
    let part = source.prefix(capacity - count)
    guard !part.isEmpty else { return 0 }
    bytes.reserveCapacity(capacity)
    return bytes.writeBytes(UnsafeRawBufferPointer(rebasing: part))
  }

  /// Forgets what it has; the memory is used again unless somebody still holds `bytes`, who then frees it.
  package mutating func clear() { bytes.clear() }
}
