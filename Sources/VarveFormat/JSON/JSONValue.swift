/// A JSON value in the canonical form that the format stores (docs/format.md, section 2):
/// UTF-8 without white space, keys in ascending order of their UTF-8 bytes and unique, integers in
/// ±(2^53 − 1), and in strings only `"`, `\` and U+0000–U+001F escaped. That is RFC 8785 without
/// fractions, so every value has one spelling, and a signature over bytes is one over the value.
public indirect enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  /// Between `-JSONValue.integerLimit` and `JSONValue.integerLimit`; others cannot be read back.
  case integer(Int64)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// The largest magnitude of an integer, 2^53 − 1.
  public static let integerLimit: Int64 = 9_007_199_254_740_991

  /// Arrays and objects nest at most this deep.
  public static let depthLimit = 32

  /// Parses `bytes`, encodes the value again and compares: any other spelling is damage.
  ///
  /// - Parameters:
  ///   - bytes: exactly one value.
  ///   - what: names the object in errors.
  /// - Throws: `VarveError.Code.damaged`. O(n).
  public init(canonical bytes: some Collection<UInt8>, _ what: String) throws {
    let bytes = Array(bytes)
    try self.init(knownCanonical: bytes, what)
    guard canonicalBytes() == bytes else {
      throw VarveError(.damaged, "\(what) is damaged: its JSON is not in canonical form")
    }
  }

  /// Parses bytes that were found canonical before, at a third of the cost.
  ///
  /// - Throws: `VarveError.Code.damaged`.
  package init(knownCanonical bytes: [UInt8], _ what: String) throws {
    self = try bytes.withUnsafeBufferPointer { buffer in
      var parser = JSONParser(buffer, what)
      return try parser.wholeValue()
    }
  }

  /// The one spelling of this value. O(n log n) in the number of keys.
  public func canonicalBytes() -> [UInt8] {
    var out: [UInt8] = []
    write(to: &out)
    return out
  }

  /// `canonicalBytes()` as text.
  public var canonicalText: String { String(decoding: canonicalBytes(), as: UTF8.self) }

  private func write(to out: inout [UInt8]) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): out.append(contentsOf: String(value).utf8)
    case .string(let text): Self.write(text, to: &out)
    case .array(let elements):
      out.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        element.write(to: &out)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let members):
      out.append(UInt8(ascii: "{"))
      let sorted = members.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
      for (index, member) in sorted.enumerated() {
        if index > 0 { out.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        member.value.write(to: &out)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    var text = text
    text.withUTF8 { bytes in
      var start = 0
      for index in 0..<bytes.count {
        let byte = bytes[index]
        guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
          continue
        }
        out.append(contentsOf: bytes[start..<index])
        start = index + 1
        escape(byte, to: &out)
      }
      out.append(contentsOf: bytes[start...])
    }
    out.append(UInt8(ascii: "\""))
  }

  private static func escape(_ byte: UInt8, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\\"))
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): out.append(byte)
    case 0x08: out.append(UInt8(ascii: "b"))
    case 0x09: out.append(UInt8(ascii: "t"))
    case 0x0a: out.append(UInt8(ascii: "n"))
    case 0x0c: out.append(UInt8(ascii: "f"))
    case 0x0d: out.append(UInt8(ascii: "r"))
    default:
      out.append(contentsOf: "u00".utf8)
      out.append(contentsOf: Hex.encode(CollectionOfOne(byte)).utf8)
    }
  }
}

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .string(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  public init(dictionaryLiteral elements: (String, JSONValue)...) {
    self = .object(Dictionary(elements) { _, last in last })
  }
}
