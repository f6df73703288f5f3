// JSON as programs of others write it (RFC 8259): any white space, order of members and spelling of strings. Of numbers,
// those that `JSONValue` has: integers within ±(2^53 − 1). A name that comes twice is refused.

/// Reads JSON that need not be canonical: requests and answers, never what is stored.
package struct JSONText {
  private var rest: ArraySlice<UInt8>
  private var depth = 0

  /// - Throws: `VarveError.Code.usage` for anything else than one value. O(n).
  package static func value(_ bytes: [UInt8]) throws -> JSONValue {
    var reader = JSONText(rest: bytes[...])
    let value = try reader.value()
    reader.skipSpace()
    guard reader.rest.isEmpty else { throw failure() }
    return value
  }

  private static func failure() -> VarveError { VarveError(.usage, "that is not JSON") }

  private mutating func skipSpace() {
    rest = rest.drop { $0 == 0x20 || $0 == 0x0a || $0 == 0x0d || $0 == 0x09 }
  }

  private mutating func take(_ byte: UInt8) -> Bool {
    skipSpace()
    guard rest.first == byte else { return false }
    rest.removeFirst()
    return true
  }

  private mutating func take(word: StaticString) -> Bool {
    let isNext = word.withUTF8Buffer { rest.starts(with: $0) }
    if isNext { rest.removeFirst(word.utf8CodeUnitCount) }
    return isNext
  }

  private mutating func value() throws -> JSONValue {
    skipSpace()
    switch rest.first {
    case UInt8(ascii: "{"): return try nested { try $0.object() }
    case UInt8(ascii: "["): return try nested { try $0.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")):
      return .integer(try integer())
    default:
      if take(word: "true") { return .bool(true) }
      if take(word: "false") { return .bool(false) }
      if take(word: "null") { return .null }
      throw Self.failure()
    }
  }

  private mutating func nested(
    _ body: (inout JSONText) throws -> JSONValue
  ) throws -> JSONValue {
    guard depth < JSONValue.depthLimit else { throw Self.failure() }
    depth += 1
    defer { depth -= 1 }
    rest.removeFirst()
    return try body(&self)
  }

  private mutating func object() throws -> JSONValue {
    var members: [String: JSONValue] = [:]
    if take(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard rest.first == UInt8(ascii: "\"") else { throw Self.failure() }
      let name = try string()
      guard !JSONKey.isDisguised(name), take(UInt8(ascii: ":")),
        members.updateValue(try value(), forKey: name) == nil
      else {
        throw Self.failure()
      }
    } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "}")) else { throw Self.failure() }
    return .object(members)
  }

  private mutating func array() throws -> JSONValue {
    var elements: [JSONValue] = []
    if take(UInt8(ascii: "]")) { return .array(elements) }
    repeat { elements.append(try value()) } while take(UInt8(ascii: ","))
    guard take(UInt8(ascii: "]")) else { throw Self.failure() }
    return .array(elements)
  }

  private mutating func integer() throws -> Int64 {
    let digits = rest.prefix { $0 == UInt8(ascii: "-") || (0x30...0x39).contains($0) }
    rest = rest.dropFirst(digits.count)
    let text = String(decoding: digits, as: UTF8.self)
    let bare = text.drop { $0 == "-" }
    guard let value = Int64(text), value.magnitude <= JSONValue.integerLimit,
      bare.utf8.count == 1 || bare.utf8.first != UInt8(ascii: "0"),
      ![UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(rest.first ?? 0)
    else { throw Self.failure() }
    return value
  }

  private mutating func string() throws -> String {
    rest.removeFirst()
    var bytes: [UInt8] = []
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "\""):
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Self.failure() }
        return text
      case UInt8(ascii: "\\"): bytes.append(contentsOf: String(try escaped()).utf8)
      case 0..<0x20: throw Self.failure()
      default: bytes.append(byte)
      }
    }
    throw Self.failure()
  }

  private mutating func escaped() throws -> Unicode.Scalar {
    let plain: [UInt8: Unicode.Scalar] = [
      UInt8(ascii: "\""): "\"", UInt8(ascii: "\\"): "\\", UInt8(ascii: "/"): "/",
      UInt8(ascii: "b"): "\u{8}", UInt8(ascii: "f"): "\u{c}", UInt8(ascii: "n"): "\n",
      UInt8(ascii: "r"): "\r", UInt8(ascii: "t"): "\t",
    ]
    guard let letter = rest.popFirst() else { throw Self.failure() }
    if let scalar = plain[letter] { return scalar }
    guard letter == UInt8(ascii: "u") else { throw Self.failure() }
    let first = try unit()
    guard (0xd800..<0xdc00).contains(first) else {
      guard let scalar = Unicode.Scalar(first) else { throw Self.failure() }
      return scalar
    }
    guard rest.popFirst() == UInt8(ascii: "\\"), rest.popFirst() == UInt8(ascii: "u") else {
      throw Self.failure()
    }
    let second = try unit()
    guard (0xdc00..<0xe000).contains(second),
      let scalar = Unicode.Scalar(0x10000 + (first - 0xd800) << 10 + (second - 0xdc00))
    else { throw Self.failure() }
    return scalar
  }

  private mutating func unit() throws -> UInt32 {
    let digits = rest.prefix(4)
    guard digits.count == 4,
      let bytes = Hex.decode(String(decoding: digits, as: UTF8.self).lowercased())
    else { throw Self.failure() }
    rest = rest.dropFirst(4)
    return UInt32(bytes[0]) << 8 | UInt32(bytes[1])
  }
}
