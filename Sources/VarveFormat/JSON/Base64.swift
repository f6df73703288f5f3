/// Base64 with padding (RFC 4648, section 4), in the one spelling that encodes back to itself.
public enum Base64 {
  private static let alphabet: StaticString =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  private static let padding = UInt8(ascii: "=")

  /// O(n).
  public static func encode(_ bytes: [UInt8]) -> String {
    let count = encodedCount(bytes.count)
    return String(unsafeUninitializedCapacity: count) { out in
      bytes.withUnsafeBytes { encode($0, into: UnsafeMutableRawBufferPointer(out)) }
      return count
    }
  }

  /// The bytes, or nil for any text that `encode` does not make: white space, a missing or
  /// superfluous padding, bits set behind the end. O(n).
  public static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { text in
      var isValid = false
      let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { out, count in
        let written = decode(UnsafeRawBufferPointer(text), into: UnsafeMutableRawBufferPointer(out))
        isValid = written != nil
        count = written ?? 0
      }
      return isValid ? bytes : nil
    }
  }

  /// Characters that stand for `count` bytes.
  package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

  /// Encodes without a copy elsewhere, for secrets.
  ///
  /// - Parameter out: must have room for `encodedCount(bytes.count)` characters.
  package static func encode(
    _ bytes: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) {
    func character(_ value: UInt32) -> UInt8 { alphabet.utf8Start[Int(value & 63)] }
    var written = 0
    var index = 0
    while index < bytes.count {
      let available = min(3, bytes.count - index)
      var word = UInt32(bytes[index]) << 16
      if available > 1 { word |= UInt32(bytes[index + 1]) << 8 }
      if available > 2 { word |= UInt32(bytes[index + 2]) }
      out[written] = character(word >> 18)
      out[written + 1] = character(word >> 12)
      out[written + 2] = available > 1 ? character(word >> 6) : padding
      out[written + 3] = available > 2 ? character(word) : padding
      written += 4
      index += 3
    }
  }

  /// Decodes without a copy elsewhere, for secrets.
  ///
  /// - Parameter out: must have room for three bytes for every four characters.
  /// - Returns: how many bytes were written, or nil as the other `decode` does.
  package static func decode(
    _ text: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer
  ) -> Int? {
    guard text.count % 4 == 0 else { return nil }
    guard !text.isEmpty else { return 0 }
    var padded = 0
    if text[text.count - 1] == padding { padded = text[text.count - 2] == padding ? 2 : 1 }
    var written = 0
    for start in stride(from: 0, to: text.count, by: 4) {
      let significant = start + 4 == text.count ? 4 - padded : 4
      var word: UInt32 = 0
      for position in 0..<4 {
        var digit: UInt8 = 0
        if position < significant {
          guard let value = value(text[start + position]) else { return nil }
          digit = value
        }
        word = word << 6 | UInt32(digit)
      }
      let byteCount = significant - 1
      guard byteCount == 3 || word & (byteCount == 2 ? 0xff : 0xffff) == 0 else { return nil }
      for position in 0..<byteCount {
        out[written] = UInt8(truncatingIfNeeded: word >> UInt32(16 - 8 * position))
        written += 1
      }
    }
    return written
  }

  private static func value(_ character: UInt8) -> UInt8? {
    switch character {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): 62
    case UInt8(ascii: "/"): 63
    default: nil
    }
  }
}
