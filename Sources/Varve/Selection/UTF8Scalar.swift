/// One scalar decoded from bytes that may not be UTF-8 (Unicode 15, table 3-7).
struct UTF8Scalar {
  /// U+FFFD for a byte that begins no valid sequence.
  let value: UInt32
  /// 1 for such a byte.
  let byteCount: Int
  let isValid: Bool

  private init(_ value: UInt32, _ byteCount: Int, isValid: Bool = true) {
    self.value = value
    self.byteCount = byteCount
    self.isValid = isValid
  }

  /// Decodes at `position`, which must be within `bytes`. O(1).
  @inline(__always)
  init(at position: Int, in bytes: UnsafeRawBufferPointer) {
    let first = bytes[position]
    self =
      first < 0x80
      ? UTF8Scalar(UInt32(first), 1) : UTF8Scalar.multibyte(at: position, in: bytes)
  }

  private static func multibyte(
    at position: Int, in bytes: UnsafeRawBufferPointer
  ) -> UTF8Scalar {
    let invalid = UTF8Scalar(0xfffd, 1, isValid: false)
    let first = bytes[position]
    let count: Int
    var value: UInt32
    var range: ClosedRange<UInt8> = 0x80...0xbf
    switch first {
    case 0xc2...0xdf: (count, value) = (2, UInt32(first & 0x1f))
    case 0xe0...0xef:
      (count, value) = (3, UInt32(first & 0x0f))
      if first == 0xe0 { range = 0xa0...0xbf }
      if first == 0xed { range = 0x80...0x9f }
    case 0xf0...0xf4:
      (count, value) = (4, UInt32(first & 0x07))
      if first == 0xf0 { range = 0x90...0xbf }
      if first == 0xf4 { range = 0x80...0x8f }
    default: return invalid
    }
    guard bytes.count - position >= count else { return invalid }
    for index in 1..<count {
      let byte = bytes[position + index]
      guard range.contains(byte) else { return invalid }
      value = value << 6 | UInt32(byte & 0x3f)
      range = 0x80...0xbf
    }
    return UTF8Scalar(value, count)
  }
}
