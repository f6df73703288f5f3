/// Lower case of names that may not be UTF-8: each scalar by its own lower-case mapping, bytes that
/// are not UTF-8 unchanged. Patterns and paths go through the same mapping before they are compared.
enum CaseFolding {
  /// O(n).
  static func lower(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(bytes.count)
    var position = 0
    while position < bytes.count {
      let scalar = UTF8Scalar(at: position, in: bytes)
      let source = bytes[position..<position + scalar.byteCount]
      position += scalar.byteCount
      if scalar.value < 0x80 {
        let byte = UInt8(scalar.value)
        out.append(byte &- 0x41 < 26 ? byte + 0x20 : byte)
      } else if scalar.isValid, let unicode = Unicode.Scalar(scalar.value),
        let mapped = unicode.properties.lowercaseMapping.unicodeScalars.first
      {
        out.append(contentsOf: UTF8.encode(mapped)!)
      } else {
        out.append(contentsOf: source)
      }
    }
    return out
  }

  static func lower(_ bytes: [UInt8]) -> [UInt8] {
    bytes.withUnsafeBytes { lower($0) }
  }
}
