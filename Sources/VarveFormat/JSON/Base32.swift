/// Base32 in upper case (RFC 4648, section 6) without padding characters; a last group that is not
/// full is filled with zero bits. Works in place, since it spells secrets (docs/format.md, section
/// 4.2).
package enum Base32 {
  private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

  /// Characters that stand for `count` bytes.
  package static func encodedCount(_ count: Int) -> Int { (count * 8 + 4) / 5 }

  /// - Parameter out: must have room for `encodedCount(bytes.count)` characters. O(n).
  package static func encode(
    _ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) {
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    var written = 0
    for byte in bytes {
      buffer = buffer << 8 | UInt32(byte)
      bits += 8
      while bits >= 5 {
        bits -= 5
        out[written] = alphabet.utf8Start[Int(buffer >> bits & 31)]
        written += 1
      }
      buffer &= (1 << bits) - 1
    }
    if bits > 0 { out[written] = alphabet.utf8Start[Int(buffer << (5 - bits) & 31)] }
  }

  /// - Parameter out: must have room for `text.count * 5 / 8` bytes.
  /// - Returns: how many bytes were written, or nil for any text that `encode` does not make. O(n).
  package static func decode(
    _ text: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int? {
    var buffer: UInt32 = 0
    var bits: UInt32 = 0
    var written = 0
    for character in text {
      let value: UInt8
      switch character {
      case UInt8(ascii: "A")...UInt8(ascii: "Z"): value = character - UInt8(ascii: "A")
      case UInt8(ascii: "2")...UInt8(ascii: "7"): value = character - UInt8(ascii: "2") + 26
      default: return nil
      }
      buffer = buffer << 5 | UInt32(value)
      bits += 5
      if bits >= 8 {
        bits -= 8
        out[written] = UInt8(truncatingIfNeeded: buffer >> bits)
        written += 1
        buffer &= (1 << bits) - 1
      }
    }
    return bits < 5 && buffer == 0 ? written : nil
  }
}
