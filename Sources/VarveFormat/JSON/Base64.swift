/// Base64 with padding (RFC 4648, section 4), in the one spelling that encodes back to itself.
public enum Base64 {
  private static let alphabet: [UInt8] = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  /// The value of each ASCII character in the alphabet, 0xff for others.
  private static let values: [UInt8] = {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
    return values
  }()

  private static let padding = UInt8(ascii: "=")

  /// O(n).
  public static func encode(_ bytes: [UInt8]) -> String {
    let count = (bytes.count + 2) / 3 * 4
    return String(unsafeUninitializedCapacity: count) { out in
      var written = 0
      var index = 0
      while index < bytes.count {
        let available = min(3, bytes.count - index)
        var word = UInt32(bytes[index]) << 16
        if available > 1 { word |= UInt32(bytes[index + 1]) << 8 }
        if available > 2 { word |= UInt32(bytes[index + 2]) }
        out[written] = alphabet[Int(word >> 18)]
        out[written + 1] = alphabet[Int(word >> 12 & 63)]
        out[written + 2] = available > 1 ? alphabet[Int(word >> 6 & 63)] : padding
        out[written + 3] = available > 2 ? alphabet[Int(word & 63)] : padding
        written += 4
        index += 3
      }
      return written
    }
  }

  /// The bytes, or nil for any text that `encode` does not make: white space, a missing or
  /// superfluous padding, bits set behind the end. O(n).
  public static func decode(_ text: String) -> [UInt8]? {
    var text = text
    return text.withUTF8 { decode($0) }
  }

  private static func decode(_ text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
    guard text.count % 4 == 0 else { return nil }
    guard !text.isEmpty else { return [] }
    var padded = 0
    if text[text.count - 1] == padding { padded = text[text.count - 2] == padding ? 2 : 1 }
    var out: [UInt8] = []
    out.reserveCapacity(text.count / 4 * 3)
    var index = 0
    while index < text.count {
      let isLast = index + 4 == text.count
      let significant = isLast ? 4 - padded : 4
      var word: UInt32 = 0
      for position in 0..<4 {
        let value = position < significant ? values[Int(text[index + position])] : 0
        guard value != 0xff else { return nil }
        word = word << 6 | UInt32(value)
      }
      let byteCount = significant - 1
      guard byteCount == 3 || word & (byteCount == 2 ? 0xff : 0xffff) == 0 else { return nil }
      out.append(UInt8(truncatingIfNeeded: word >> 16))
      if byteCount > 1 { out.append(UInt8(truncatingIfNeeded: word >> 8)) }
      if byteCount > 2 { out.append(UInt8(truncatingIfNeeded: word)) }
      index += 4
    }
    return out
  }
}
