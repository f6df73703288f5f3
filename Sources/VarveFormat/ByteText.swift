/// Names of arbitrary bytes as text for people: nothing in a name reaches a terminal as a control.
package enum ByteText {
  package static func isUTF8(_ bytes: [UInt8]) -> Bool {
    String(validating: bytes, as: UTF8.self) != nil
  }

  package static func base64(_ bytes: [UInt8]) -> String { Base64.encode(bytes) }

  /// Text without control characters, bytes that are not UTF-8, or marks that turn the direction
  /// of writing: those are written as `\n`, `\t`, `\xHH` or `\u{H}`.
  package static func printable(_ bytes: [UInt8]) -> String {
    if isPlain(bytes) { return String(decoding: bytes, as: UTF8.self) }
    var out = ""
    var decoder = Unicode.UTF8.ForwardParser()
    var rest = bytes[...]
    while true {
      var iterator = rest.makeIterator()
      switch decoder.parseScalar(from: &iterator) {
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        append(scalar, to: &out)
        rest = rest.dropFirst(encoded.count)
        decoder = Unicode.UTF8.ForwardParser()
      case .error(let length):
        for byte in rest.prefix(length) { out += "\\x" + Hex.encode([byte]) }
        rest = rest.dropFirst(length)
        decoder = Unicode.UTF8.ForwardParser()
      case .emptyInput: return out
      }
    }
  }

  package static func printable(_ text: String) -> String { printable(Array(text.utf8)) }

  private static func isPlain(_ bytes: [UInt8]) -> Bool {
    bytes.allSatisfy { (0x20..<0x7f).contains($0) }
  }

  private static func append(_ scalar: Unicode.Scalar, to out: inout String) {
    switch scalar.value {
    case 0x0a: out += "\\n"
    case 0x0d: out += "\\r"
    case 0x09: out += "\\t"
    case 0..<0x20, 0x7f: out += "\\x" + Hex.encode([UInt8(scalar.value)])
    case 0x80..<0xa0, 0x200b...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff:
      out += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: out.unicodeScalars.append(scalar)
    }
  }
}
