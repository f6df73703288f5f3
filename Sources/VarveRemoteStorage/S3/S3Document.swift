// The XML that S3 answers with, as far as it goes: elements, character data, CDATA, the five named entities and
// numeric ones; attributes, comments and processing instructions are passed over. A document type is refused, so
// nothing expands. UTF-8 only.

import VarveFormat

/// An element of an answer, with its content.
package struct S3Document: Equatable {
  /// Without a namespace's prefix.
  package let name: String
  /// The character data of the element itself.
  package let text: String
  package let children: [S3Document]

  package static let byteLimit = 16 << 20
  /// Of what is sent.
  static let namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
  fileprivate static let depthLimit = 16

  /// Parses a whole document.
  ///
  /// - Parameter what: names the answer in errors.
  /// - Throws: `VarveError.Code.io`: what a store answers instead of its protocol is its failure. O(n).
  package init(_ bytes: [UInt8], _ what: String) throws {
    guard bytes.count <= Self.byteLimit, String(validating: bytes, as: UTF8.self) != nil,
      let root = bytes.withUnsafeBytes({ bytes -> S3Document? in
        var parser = S3DocumentParser(bytes: bytes)
        return parser.document()
      })
    else {
      throw VarveError(
        .io, "\(what) is not XML as S3 answers it",
        hint: "see whether the address is that of the S3 service, and no proxy stands between")
    }
    self = root
  }

  fileprivate init(name: String, text: String, children: [S3Document]) {
    self.name = name
    self.text = text
    self.children = children
  }

  /// Text as it stands in an element.
  package static func escaped(_ text: String) -> String {
    text.reduce(into: "") { out, character in
      switch character {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      default: out.append(character)
      }
    }
  }

  func child(_ name: String) -> S3Document? { children.first { $0.name == name } }
  package func text(_ name: String) -> String? { child(name)?.text }
}

private struct S3DocumentParser {
  let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

  mutating func document() -> S3Document? {
    if starts("\u{FEFF}") { position += 3 }
    guard skipMisc(), let root = element(depth: 0), skipMisc(), position == bytes.count else {
      return nil
    }
    return root
  }

  private func starts(_ text: StaticString) -> Bool {
    let count = text.utf8CodeUnitCount
    guard bytes.count - position >= count else { return false }
    return (0..<count).allSatisfy { bytes[position + $0] == text.utf8Start[$0] }
  }

  private mutating func skipSpace() {
    while position < bytes.count {
      switch bytes[position] {
      case 0x20, 0x09, 0x0a, 0x0d: position += 1
      default: return
      }
    }
  }

  /// Goes behind the next `end`.
  private mutating func skip(past end: StaticString) -> Bool {
    while position < bytes.count {
      if starts(end) {
        position += end.utf8CodeUnitCount
        return true
      }
      position += 1
    }
    return false
  }

  /// Space, comments and processing instructions.
  private mutating func skipMisc() -> Bool {
    while true {
      skipSpace()
      if starts("<?") {
        guard skip(past: "?>") else { return false }
      } else if starts("<!--") {
        guard skip(past: "-->") else { return false }
      } else {
        return true
      }
    }
  }

  private mutating func element(depth: Int) -> S3Document? {
    guard depth < S3Document.depthLimit, starts("<") else { return nil }
    position += 1
    guard let name = name(), let isEmpty = restOfStartTag() else { return nil }
    var text: [UInt8] = []
    var children: [S3Document] = []
    if !isEmpty {
      while true {
        guard position < bytes.count else { return nil }
        if starts("</") {
          position += 2
          guard self.name() == name else { return nil }
          skipSpace()
          guard starts(">") else { return nil }
          position += 1
          break
        } else if starts("<![CDATA[") {
          position += 9
          let start = position
          guard skip(past: "]]>") else { return nil }
          text += bytes[start..<position - 3]
        } else if starts("<!--") {
          guard skip(past: "-->") else { return nil }
        } else if starts("<?") {
          guard skip(past: "?>") else { return nil }
        } else if starts("<") {
          guard let child = element(depth: depth + 1) else { return nil }
          children.append(child)
        } else if starts("&") {
          guard let character = entity() else { return nil }
          text += Array(String(character).utf8)
        } else {
          text.append(bytes[position])
          position += 1
        }
      }
    }
    return S3Document(name: name, text: String(decoding: text, as: UTF8.self), children: children)
  }

  /// The name without its prefix.
  private mutating func name() -> String? {
    let start = position
    while position < bytes.count, !Self.endsName(bytes[position]) { position += 1 }
    let name = bytes[start..<position]
    let local = name.lastIndex(of: UInt8(ascii: ":")).map { name[(name.index(after: $0))...] }
    let found = local ?? name
    return found.isEmpty ? nil : String(decoding: found, as: UTF8.self)
  }

  private static func endsName(_ byte: UInt8) -> Bool {
    byte <= 0x20 || byte == UInt8(ascii: ">") || byte == UInt8(ascii: "/")
      || byte == UInt8(ascii: "<") || byte == UInt8(ascii: "=") || byte == UInt8(ascii: "&")
  }

  /// Passes over attributes; says whether the element ends with its start tag.
  private mutating func restOfStartTag() -> Bool? {
    while true {
      skipSpace()
      if starts("/>") {
        position += 2
        return true
      }
      if starts(">") {
        position += 1
        return false
      }
      guard name() != nil else { return nil }
      skipSpace()
      guard starts("=") else { return nil }
      position += 1
      skipSpace()
      if starts("\"") {
        position += 1
        guard skip(past: "\"") else { return nil }
      } else if starts("'") {
        position += 1
        guard skip(past: "'") else { return nil }
      } else {
        return nil
      }
    }
  }

  private mutating func entity() -> Unicode.Scalar? {
    let start = position + 1
    // The longest are "#1114111;" and "#x10FFFF;".
    guard
      let end = bytes[start..<min(start + 9, bytes.count)].firstIndex(of: UInt8(ascii: ";"))
    else { return nil }
    let name = String(decoding: bytes[start..<end], as: UTF8.self)
    position = end + 1
    switch name {
    case "amp": return "&"
    case "lt": return "<"
    case "gt": return ">"
    case "quot": return "\""
    case "apos": return "'"
    default:
      let number: UInt32?
      if name.hasPrefix("#x") {
        number = UInt32(name.dropFirst(2), radix: 16)
      } else if name.hasPrefix("#") {
        number = UInt32(name.dropFirst())
      } else {
        number = nil
      }
      return number.flatMap { $0 == 0 ? nil : Unicode.Scalar($0) }
    }
  }
}
