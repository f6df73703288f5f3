// What services answer in JSON (RFC 8259), as far as it is wanted here: the members of one object whose values are strings.
// Unlike VarveFormat's JSON, which is read in one spelling only, any is taken; other values are passed over.

/// The string members of a JSON object in any spelling.
package struct JSONStrings {
  private static let depthLimit = 16

  package private(set) var members: [String: String] = [:]
  private let bytes: [UInt8]
  private var position = 0

  package subscript(_ name: String) -> String? { members[name] }

  /// Nil for what is no JSON object in UTF-8. Of members with one name the last counts. O(n).
  package init?(_ bytes: [UInt8]) {
    self.bytes = bytes
    guard skip("{") else { return nil }
    if !skip("}") {
      repeat {
        guard let name = string(), skip(":") else { return nil }
        if peek() == UInt8(ascii: "\"") {
          guard let value = string() else { return nil }
          members[name] = value
        } else {
          guard passValue(depth: 1) else { return nil }
          members[name] = nil
        }
      } while skip(",")
      guard skip("}") else { return nil }
    }
    skipSpace()
    guard position == bytes.count else { return nil }
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  /// The next byte behind white space.
  private mutating func peek() -> UInt8? {
    skipSpace()
    return position < bytes.count ? bytes[position] : nil
  }

  private mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard peek() == UInt8(ascii: character) else { return false }
    position += 1
    return true
  }

  private mutating func passValue(depth: Int) -> Bool {
    guard depth < Self.depthLimit, let first = peek() else { return false }
    switch first {
    case UInt8(ascii: "\""): return string() != nil
    case UInt8(ascii: "{"):
      position += 1
      if skip("}") { return true }
      repeat {
        guard string() != nil, skip(":"), passValue(depth: depth + 1) else { return false }
      } while skip(",")
      return skip("}")
    case UInt8(ascii: "["):
      position += 1
      if skip("]") { return true }
      repeat {
        guard passValue(depth: depth + 1) else { return false }
      } while skip(",")
      return skip("]")
    default:
      // A number, true, false or null: nobody asks which.
      let start = position
      while position < bytes.count, Self.isWord(bytes[position]) { position += 1 }
      return position > start
    }
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
      UInt8(ascii: "E"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
      true
    default: false
    }
  }

  private mutating func string() -> String? {
    guard skip("\"") else { return nil }
    var out: [UInt8] = []
    while position < bytes.count {
      let byte = bytes[position]
      position += 1
      switch byte {
      case UInt8(ascii: "\""): return String(validating: out, as: UTF8.self)
      case UInt8(ascii: "\\"):
        guard let scalar = escaped() else { return nil }
        out.append(contentsOf: String(Character(scalar)).utf8)
      case 0..<0x20: return nil
      default: out.append(byte)
      }
    }
    return nil
  }

  private mutating func escaped() -> Unicode.Scalar? {
    guard position < bytes.count else { return nil }
    let byte = bytes[position]
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{c}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"):
      guard let unit = unit() else { return nil }
      guard (0xd800..<0xdc00).contains(unit) else { return Unicode.Scalar(unit) }
      // The first half of a pair.
      guard bytes.count - position >= 2, bytes[position] == UInt8(ascii: "\\"),
        bytes[position + 1] == UInt8(ascii: "u")
      else { return nil }
      position += 2
      guard let low = self.unit(), (0xdc00..<0xe000).contains(low) else { return nil }
      return Unicode.Scalar(0x10000 + (unit - 0xd800) << 10 + (low - 0xdc00))
    default: return nil
    }
  }

  private mutating func unit() -> UInt32? {
    guard bytes.count - position >= 4 else { return nil }
    var value: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue else { return nil }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }
}
