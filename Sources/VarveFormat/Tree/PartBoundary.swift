/// Where a huge directory is cut into parts (docs/format.md, section 9).
///
/// The bytes of a part are those of its entries with their length prefixes, the entry just added
/// included. A part ends after an entry once it has 512 KiB, or once it has 32 KiB and the 64-bit FNV-1a
/// hash of the entry's name has its low ten bits zero. So where a part ends depends only on the entries
/// near it, and inserting a name changes one or two parts, not all that follow.
public struct PartBoundary: Sendable {
  /// A directory with more bytes of entries is written as parts.
  public static let splitByteCount = 256 << 10
  public static let minimumByteCount = 32 << 10
  public static let maximumByteCount = 512 << 10

  private var byteCount = 0

  public init() {}

  /// Takes the next entry.
  ///
  /// - Parameter entryByteCount: bytes of the entry with its length prefix.
  /// - Returns: whether the part ends after it; the next entry then begins another.
  public mutating func endsAfter(_ name: UnsafeRawBufferPointer, _ entryByteCount: Int) -> Bool {
    byteCount += entryByteCount
    guard byteCount >= PartBoundary.minimumByteCount else { return false }
    guard byteCount >= PartBoundary.maximumByteCount || PartBoundary.hash(name) & 0x3ff == 0 else {
      return false
    }
    byteCount = 0
    return true
  }

  /// FNV-1a, 64 bits.
  static func hash(_ name: UnsafeRawBufferPointer) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in name { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }

  /// Bytes that a body takes in a node: its length prefix and itself.
  static func entryByteCount(body: Int) -> Int {
    (Int.bitWidth - 1 - (body | 1).leadingZeroBitCount) / 7 + 1 + body
  }
}
