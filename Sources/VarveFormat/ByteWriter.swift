/// Writes the binary formats into a growing array; the counterpart of `ByteReader`.
public struct ByteWriter {
  public var bytes: [UInt8]

  public init(reservingCapacity capacity: Int = 0) {
    bytes = []
    bytes.reserveCapacity(capacity)
  }

  public mutating func u8(_ value: UInt8) { bytes.append(value) }
  public mutating func u16(_ value: UInt16) { integer(value) }
  public mutating func u32(_ value: UInt32) { integer(value) }
  public mutating func u64(_ value: UInt64) { integer(value) }

  private mutating func integer<T: FixedWidthInteger>(_ value: T) {
    withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
  }

  public mutating func uvarint(_ value: UInt64) {
    var value = value
    while value >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
      value >>= 7
    }
    bytes.append(UInt8(value))
  }

  public mutating func uvarint(_ value: Int) { uvarint(UInt64(value)) }

  /// Zig-zag, then LEB128.
  public mutating func svarint(_ value: Int64) {
    uvarint(UInt64(bitPattern: value << 1 ^ value >> 63))
  }

  public mutating func digest(_ value: Digest) {
    withUnsafeTemporaryAllocation(byteCount: Digest.byteCount, alignment: 8) { buffer in
      value.store(to: buffer.baseAddress!)
      bytes.append(contentsOf: buffer)
    }
  }

  public mutating func raw(_ value: UnsafeRawBufferPointer) { bytes.append(contentsOf: value) }
  public mutating func raw(_ value: [UInt8]) { bytes.append(contentsOf: value) }

  /// A `uvarint` length, then the bytes.
  public mutating func lengthPrefixed(_ value: [UInt8]) {
    uvarint(value.count)
    bytes.append(contentsOf: value)
  }
}
