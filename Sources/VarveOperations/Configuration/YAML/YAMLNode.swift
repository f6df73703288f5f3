/// A node of a YAML document, aliases expanded, `${…}` in values replaced.
package struct YAMLNode: Sendable {
  package enum Content: Sendable {
    case scalar(YAMLScalar)
    case sequence([YAMLNode])
    /// In the order of the file; no key twice.
    case mapping([YAMLEntry])
  }

  package let position: SourcePosition
  package let content: Content
  /// Nodes in it, itself among them, where an alias counts as often as it is used.
  let weight: Int

  init(_ content: Content, at position: SourcePosition, weight: Int) {
    self.content = content
    self.position = position
    self.weight = weight
  }
}

package struct YAMLEntry: Sendable {
  package let key: String
  package let position: SourcePosition
  package let value: YAMLNode
}

package struct YAMLScalar: Sendable {
  /// What a scalar is by the core schema of YAML 1.2; `yes` and `on` are text there.
  package enum Value: Sendable, Equatable {
    case null
    case boolean(Bool)
    case integer(Int64)
    case number(Double)
    case text
  }

  package let text: String
  /// As the file has it, where something was put in for `${…}`, or should have been.
  package let written: String?
  package let value: Value

  /// - Parameter isPlain: without quotes, so that it may be something other than text.
  init(_ text: String, written: String? = nil, isPlain: Bool) {
    self.text = text
    self.written = written
    value = isPlain ? YAMLScalar.resolve(text) : .text
  }

  /// Whether the environment lacks what it needs: that is a problem of its own, and nothing else can be said of the value.
  package var isUnfilled: Bool { written == text }

  static func resolve(_ text: String) -> Value {
    switch text {
    case "", "~", "null", "Null", "NULL": return .null
    case "true", "True", "TRUE": return .boolean(true)
    case "false", "False", "FALSE": return .boolean(false)
    case ".nan", ".NaN", ".NAN": return .number(.nan)
    case ".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF": return .number(.infinity)
    case "-.inf", "-.Inf", "-.INF": return .number(-.infinity)
    default: break
    }
    if text.hasPrefix("0o"), text.count > 2, let value = Int64(text.dropFirst(2), radix: 8),
      text.utf8.dropFirst(2).allSatisfy(isDigit)
    {
      return .integer(value)
    }
    if text.hasPrefix("0x"), text.count > 2, let value = Int64(text.dropFirst(2), radix: 16),
      !text.contains("-"), !text.contains("+")
    {
      return .integer(value)
    }
    return number(text)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

  /// `[-+]? ( . [0-9]+ | [0-9]+ ( . [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?`
  private static func number(_ text: String) -> Value {
    var rest = Array(text.utf8)[...]
    func digits() -> Int {
      let count = rest.prefix(while: isDigit).count
      rest = rest.dropFirst(count)
      return count
    }
    func skip(_ bytes: UInt8...) -> Bool {
      guard let first = rest.first, bytes.contains(first) else { return false }
      rest = rest.dropFirst()
      return true
    }
    _ = skip(UInt8(ascii: "-"), UInt8(ascii: "+"))
    let whole = digits()
    if whole > 0, rest.isEmpty {
      return Int64(text).map { .integer($0) } ?? Double(text).map { .number($0) } ?? .text
    }
    let fraction = skip(UInt8(ascii: ".")) ? digits() : 0
    guard whole + fraction > 0 else { return .text }
    if skip(UInt8(ascii: "e"), UInt8(ascii: "E")) {
      _ = skip(UInt8(ascii: "-"), UInt8(ascii: "+"))
      guard digits() > 0 else { return .text }
    }
    guard rest.isEmpty else { return .text }
    // Swift wants a digit on both sides of the point.
    var spelled = text.hasPrefix("+") ? String(text.dropFirst()) : text
    if let point = spelled.firstIndex(of: ".") {
      let after = spelled.index(after: point)
      if after == spelled.endIndex || !spelled[after].isNumber { spelled.insert("0", at: after) }
      if point == spelled.startIndex || !spelled[spelled.index(before: point)].isNumber {
        spelled.insert("0", at: point)
      }
    }
    return Double(spelled).map { .number($0) } ?? .text
  }
}

extension YAMLNode {
  package var entries: [YAMLEntry] {
    if case .mapping(let entries) = content { entries } else { [] }
  }

  package subscript(key: String) -> YAMLNode? { entries.first { $0.key == key }?.value }

  package var elements: [YAMLNode] {
    if case .sequence(let nodes) = content { nodes } else { [] }
  }

  package var scalar: YAMLScalar? {
    if case .scalar(let scalar) = content { scalar } else { nil }
  }

  package var isMapping: Bool { if case .mapping = content { true } else { false } }
  package var isSequence: Bool { if case .sequence = content { true } else { false } }

  package var isNull: Bool { scalar?.value == .null }
}
