/// Writes JSON as it comes, members in the order in which they are written.
///
/// This is for output: unlike `JSONValue` it writes fractions and keeps the caller's order.
/// It is the caller's business to write keys only inside objects.
package struct JSONWriter {
  package private(set) var bytes: [UInt8] = []
  private var needsComma = false

  package init() {}

  /// The text so far.
  package var text: String { String(decoding: bytes, as: UTF8.self) }

  /// Ends a line and starts afresh behind it.
  package mutating func endLine() {
    bytes.append(UInt8(ascii: "\n"))
    needsComma = false
  }

  /// Hands over what was written and starts afresh, the commas of an open array included.
  package mutating func take() -> [UInt8] {
    defer { bytes.removeAll(keepingCapacity: true) }
    return bytes
  }

  package mutating func object(_ body: (inout JSONWriter) throws -> Void) rethrows {
    try enclosed("{", "}", body)
  }

  package mutating func array(_ body: (inout JSONWriter) throws -> Void) rethrows {
    try enclosed("[", "]", body)
  }

  package mutating func beginObject() { begin("{") }
  package mutating func endObject() { end("}") }
  package mutating func beginArray() { begin("[") }
  package mutating func endArray() { end("]") }

  package mutating func key(_ key: String) {
    separate()
    quoted(key.utf8)
    bytes.append(UInt8(ascii: ":"))
    needsComma = false
  }

  package mutating func string(_ value: String) {
    separate()
    quoted(value.utf8)
  }

  package mutating func integer(_ value: some BinaryInteger) { raw(String(value)) }

  /// Infinity and not-a-number, for which JSON has no spelling, are written as 0.
  package mutating func number(_ value: Double) { raw(value.isFinite ? "\(value)" : "0") }

  package mutating func boolean(_ value: Bool) { raw(value ? "true" : "false") }

  package mutating func null() { raw("null") }

  /// A value that is JSON already.
  package mutating func raw(_ json: String) {
    separate()
    bytes.append(contentsOf: json.utf8)
  }

  private mutating func separate() {
    if needsComma { bytes.append(UInt8(ascii: ",")) }
    needsComma = true
  }

  private mutating func begin(_ open: Unicode.Scalar) {
    separate()
    bytes.append(UInt8(ascii: open))
    needsComma = false
  }

  private mutating func end(_ close: Unicode.Scalar) {
    bytes.append(UInt8(ascii: close))
    needsComma = true
  }

  private mutating func enclosed(
    _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ body: (inout JSONWriter) throws -> Void
  ) rethrows {
    begin(open)
    try body(&self)
    end(close)
  }

  private mutating func quoted(_ units: String.UTF8View) {
    bytes.append(UInt8(ascii: "\""))
    for unit in units {
      switch unit {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        bytes.append(UInt8(ascii: "\\"))
        bytes.append(unit)
      case 0x0a: bytes.append(contentsOf: "\\n".utf8)
      case 0x0d: bytes.append(contentsOf: "\\r".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0..<0x20, 0x7f:
        bytes.append(contentsOf: "\\u00".utf8)
        bytes.append(JSONWriter.digits[Int(unit >> 4)])
        bytes.append(JSONWriter.digits[Int(unit & 15)])
      default: bytes.append(unit)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }

  private static let digits = Array("0123456789abcdef".utf8)
}

extension JSONWriter {
  package mutating func member(_ name: String, _ value: String) {
    key(name)
    string(value)
  }

  package mutating func member(_ name: String, _ value: some BinaryInteger) {
    key(name)
    integer(value)
  }

  package mutating func member(_ name: String, _ value: Double) {
    key(name)
    number(value)
  }

  package mutating func member(_ name: String, _ value: Bool) {
    key(name)
    boolean(value)
  }

  package mutating func member(_ name: String, _ values: [String]) {
    key(name)
    array { writer in for value in values { writer.string(value) } }
  }

  /// A name or path of arbitrary bytes: as text, in which what is not UTF-8 shows as U+FFFD, and
  /// then exactly, as `<name>_base64` (docs/json.md, "Names").
  package mutating func member(_ name: String, bytes value: [UInt8]) {
    member(name, String(decoding: value, as: UTF8.self))
    if !ByteText.isUTF8(value) { member(name + "_base64", ByteText.base64(value)) }
  }
}

extension JSONWriter {
  /// A list of names or paths of arbitrary bytes; when one of them is not UTF-8, all of them are
  /// given exactly, too, as `<name>_base64`.
  package mutating func members(_ name: String, bytes values: [[UInt8]]) {
    member(name, values.map { String(decoding: $0, as: UTF8.self) })
    if !values.allSatisfy(ByteText.isUTF8) {
      member(name + "_base64", values.map(ByteText.base64))
    }
  }
}
