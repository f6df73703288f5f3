/// Byte strings in JSON (docs/format.md, section 2): valid UTF-8 stands for itself with `\`
/// doubled, any byte of an invalid sequence is written as the four characters `\xHH`. Every byte
/// string has one notation, and only that one is read.
public enum EscapedBytes {
  private static let backslash = UInt8(ascii: "\\")

  /// O(n).
  public static func text(_ bytes: [UInt8]) -> String {
    if !bytes.contains(backslash), let text = String(validating: bytes, as: UTF8.self) {
      return text
    }
    var out: [UInt8] = []
    var index = 0
    while index < bytes.count {
      let length = sequenceLength(bytes[index...])
      if bytes[index] == backslash {
        out.append(backslash)
        out.append(backslash)
      } else if length > 0 {
        out.append(contentsOf: bytes[index..<index + length])
      } else {
        out.append(contentsOf: "\\x".utf8)
        out.append(contentsOf: Hex.encode(CollectionOfOne(bytes[index])).utf8)
      }
      index += max(length, 1)
    }
    return String(decoding: out, as: UTF8.self)
  }

  /// The bytes that `text` stands for, or nil when `text(_:)` makes no such text. O(n).
  public static func bytes(_ text: String) -> [UInt8]? {
    let units = Array(text.utf8)
    guard units.contains(backslash) else { return units }
    var out: [UInt8] = []
    var index = 0
    while index < units.count {
      guard units[index] == backslash else {
        out.append(units[index])
        index += 1
        continue
      }
      guard index + 1 < units.count else { return nil }
      switch units[index + 1] {
      case backslash:
        out.append(backslash)
        index += 2
      case UInt8(ascii: "x"):
        guard units.count - index >= 4,
          let byte = Hex.decode(String(decoding: units[index + 2..<index + 4], as: UTF8.self))
        else { return nil }
        out.append(byte[0])
        index += 4
      default: return nil
      }
    }
    return self.text(out).utf8.elementsEqual(units) ? out : nil
  }

  /// Bytes in the well-formed UTF-8 sequence at the start of `bytes`, or 0 when there is none
  /// (The Unicode Standard, table 3-7).
  private static func sequenceLength(_ bytes: ArraySlice<UInt8>) -> Int {
    let start = bytes.startIndex
    let second: ClosedRange<UInt8>
    let length: Int
    switch bytes[start] {
    case 0x00...0x7f: return 1
    case 0xc2...0xdf: (length, second) = (2, 0x80...0xbf)
    case 0xe0: (length, second) = (3, 0xa0...0xbf)
    case 0xe1...0xec, 0xee...0xef: (length, second) = (3, 0x80...0xbf)
    case 0xed: (length, second) = (3, 0x80...0x9f)
    case 0xf0: (length, second) = (4, 0x90...0xbf)
    case 0xf1...0xf3: (length, second) = (4, 0x80...0xbf)
    case 0xf4: (length, second) = (4, 0x80...0x8f)
    default: return 0
    }
    guard bytes.count >= length, second.contains(bytes[start + 1]) else { return 0 }
    for index in start + 2..<start + length where bytes[index] & 0xc0 != 0x80 { return 0 }
    return length
  }
}
