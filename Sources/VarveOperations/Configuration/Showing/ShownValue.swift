/// A value as it is shown: keys in the order in which they are given.
package indirect enum ShownValue: Sendable {
  case text(String)
  case integer(Int64)
  case number(Double)
  case boolean(Bool)
  case list([ShownValue])
  case mapping([(key: String, value: ShownValue)])

  /// A mapping without what is nil.
  static func fields(_ fields: [(String, ShownValue?)]) -> ShownValue {
    .mapping(fields.compactMap { key, value in value.map { (key, $0) } })
  }

  /// Nil for an empty list, which is left out.
  static func texts(_ texts: [String]) -> ShownValue? {
    texts.isEmpty ? nil : .list(texts.map { .text($0) })
  }
}

/// Writes YAML in block style. A text is plain only where every reader takes it for text.
package struct YAMLWriter {
  package private(set) var text = ""

  package init(_ value: ShownValue) {
    write(value, depth: 0)
  }

  private mutating func write(_ value: ShownValue, depth: Int) {
    let indent = String(repeating: "  ", count: depth)
    switch value {
    case .mapping(let entries):
      for (key, value) in entries {
        text += "\(indent)\(Self.scalar(key)):"
        below(value, depth: depth)
      }
    case .list(let values):
      for value in values {
        text += "\(indent)-"
        if case .mapping(let entries) = value, let first = entries.first {
          text += " \(Self.scalar(first.key)):"
          below(first.value, depth: depth + 1)
          write(.mapping(Array(entries.dropFirst())), depth: depth + 1)
        } else {
          below(value, depth: depth)
        }
      }
    default: text += indent + Self.plain(value) + "\n"
    }
  }

  /// What follows a key or a dash.
  private mutating func below(_ value: ShownValue, depth: Int) {
    switch value {
    case .mapping(let entries) where !entries.isEmpty:
      text += "\n"
      write(value, depth: depth + 1)
    case .list(let values) where !values.isEmpty:
      text += "\n"
      write(value, depth: depth + 1)
    default: text += " \(Self.plain(value))\n"
    }
  }

  private static func plain(_ value: ShownValue) -> String {
    switch value {
    case .text(let text): scalar(text)
    case .integer(let number): String(number)
    case .number(let number): Int64(exactly: number).map { String($0) } ?? "\(number)"
    case .boolean(let truth): truth ? "true" : "false"
    case .list: "[]"
    case .mapping: "{}"
    }
  }

  static func scalar(_ text: String) -> String {
    let isPlain =
      text.utf8.allSatisfy { TextForm.isNameByte($0) || "/ @+:".utf8.contains($0) }
      && begins(text) && text.last != " " && text.last != ":" && !text.contains(": ")
      && YAMLScalar.resolve(text) == .text && !words.contains(text.lowercased())
    if isPlain { return text }
    var quoted = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": quoted += "\\\""
      case "\\": quoted += "\\\\"
      case "\n": quoted += "\\n"
      case "\t": quoted += "\\t"
      default:
        // YAML's printable characters, without those that break lines.
        switch scalar.value {
        case 0x20...0x7e, 0xa0...0x2027, 0x202a...0xd7ff, 0xe000...0xfefe, 0xff00...0xfffd:
          quoted.unicodeScalars.append(scalar)
        default:
          let hex = String(scalar.value, radix: 16)
          quoted += "\\U" + String(repeating: "0", count: 8 - hex.count) + hex
        }
      }
    }
    return quoted + "\""
  }

  /// With a letter or a path, or a number and its unit; what has a digit in front may be much in YAML 1.1.
  private static func begins(_ text: String) -> Bool {
    guard let first = text.first, let last = text.last else { return false }
    if first.isLetter || first == "/" { return true }
    return first.isNumber && last.isLetter
      && text.dropLast().allSatisfy { $0.isNumber || $0 == "." }
      || ["KiB", "MiB", "GiB"].contains { unit in
        text.hasSuffix(unit) && text.dropLast(3).allSatisfy(\.isNumber)
      }
  }

  /// Which YAML 1.1 takes for something else.
  private static let words: Set<String> = ["y", "n", "yes", "no", "on", "off"]
}
