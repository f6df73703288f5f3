import VarveFormat

/// Compares nodes with the grammar and says where they differ.
struct GrammarCheck {
  private(set) var problems: [ConfigurationProblem] = []

  mutating func check(_ node: YAMLNode, _ grammar: Grammar) {
    switch grammar {
    case .either(let grammars): either(node, grammars)
    case .list(let element, let atLeast):
      guard node.isSequence else { return expected(grammar, node) }
      if node.elements.count < atLeast { add(node, "the list is empty") }
      for element_ in node.elements { check(element_, element) }
    case .map(let value, let keys):
      guard node.isMapping else { return expected(grammar, node) }
      for entry in node.entries {
        if !keys.matches(entry.key) {
          add(
            entry.position,
            "'\(ByteText.printable(entry.key))' is no \(keys.name); expected \(keys.expectation)")
        }
        check(entry.value, value)
      }
    case .object(let object):
      guard node.isMapping else { return expected(grammar, node) }
      self.object(node, object)
    default: if !Self.matches(node, grammar) { expected(grammar, node) }
    }
  }

  private mutating func either(_ node: YAMLNode, _ grammars: [Grammar]) {
    let possible = grammars.filter { Self.hasShape(node, of: $0) }
    guard possible.count != 1 else { return check(node, possible[0]) }
    if !possible.contains(where: { Self.matches(node, $0) }) {
      expected(.either(possible.isEmpty ? grammars : possible), node)
    }
  }

  private mutating func object(_ node: YAMLNode, _ object: GrammarObject) {
    let known = object.fields.map(\.key)
    for entry in node.entries {
      if let field = object.fields.first(where: { $0.key == entry.key }) {
        check(entry.value, field.value)
      } else if !(object.hasExtensions && entry.key.hasPrefix("x-")) {
        let near =
          Spelling.nearest(to: entry.key, in: known).map { "; did you mean '\($0)'?" } ?? ""
        add(
          entry.position,
          "\(object.noun) has no key '\(ByteText.printable(entry.key))'\(near)")
      }
    }
    func given(_ keys: [String]) -> [YAMLEntry] {
      node.entries.filter { keys.contains($0.key) }
    }
    for field in object.fields where field.isRequired && node[field.key] == nil {
      add(node, "\(object.noun) needs '\(field.key)'")
    }
    for group in object.exactlyOne + object.atMostOne where given(group).count > 1 {
      let found = given(group)
      add(found[1].position, "'\(found[0].key)' and '\(found[1].key)' exclude each other")
    }
    for group in object.exactlyOne + object.atLeastOne where given(group).isEmpty {
      add(node, "\(object.noun) needs \(Self.list(group))")
    }
    for (key, other) in object.needs.sorted(by: { $0.key < $1.key }) where node[other] == nil {
      if let entry = given([key]).first {
        add(entry.position, "'\(key)' makes sense only beside '\(other)'")
      }
    }
  }

  // MARK: Values

  /// Whether a node is of the kind that the grammar is about, right or not.
  private static func hasShape(_ node: YAMLNode, of grammar: Grammar) -> Bool {
    switch (grammar, node.content) {
    case (.list, .sequence), (.map, .mapping), (.object, .mapping): true
    case (.either(let grammars), _): grammars.contains { hasShape(node, of: $0) }
    case (.text, .scalar(let scalar)): scalar.value == .text
    case (.anyScalar, .scalar(let scalar)): scalar.value != .null
    case (.integer, .scalar), (.number, .scalar): node.number != nil
    case (.boolean, .scalar), (.only, .scalar): node.truth != nil
    default: false
    }
  }

  private static func matches(_ node: YAMLNode, _ grammar: Grammar) -> Bool {
    guard hasShape(node, of: grammar) else { return false }
    switch grammar {
    case .text(let form): return form.matches(node.scalar?.text ?? "")
    case .integer(let range): return node.integer.map(range.contains) ?? false
    case .number(let range): return node.number.map(range.contains) ?? false
    case .only(let value): return node.truth == value
    default: return true
    }
  }

  private mutating func expected(_ grammar: Grammar, _ node: YAMLNode) {
    guard !node.isNull else {
      return add(node, "a value is missing; expected \(Self.expectation(grammar))")
    }
    let isQuotable = node.scalar.map { Self.takes($0.text, grammar) } ?? false
    let hint = isQuotable ? "; put it into quotes" : ""
    add(node, "expected \(Self.expectation(grammar)), not \(Self.description(node))\(hint)")
  }

  /// Whether the value would do if it were text.
  private static func takes(_ text: String, _ grammar: Grammar) -> Bool {
    switch grammar {
    case .text(let form): form.matches(text)
    case .either(let grammars): grammars.contains { takes(text, $0) }
    default: false
    }
  }

  static func expectation(_ grammar: Grammar) -> String {
    switch grammar {
    case .text(let form): form.expectation
    case .anyScalar: "text"
    case .integer(let range):
      range.upperBound > 1 << 50
        ? "a whole number from \(range.lowerBound)"
        : "a whole number from \(range.lowerBound) to \(range.upperBound)"
    case .number(let range): "a number from \(text(range.lowerBound)) to \(text(range.upperBound))"
    case .boolean: "true or false"
    case .only(let value): value ? "true" : "false"
    case .list: "a list"
    case .map: "a mapping"
    case .object(let object): "\(object.noun) (a mapping)"
    case .either(let grammars): list(grammars.map(expectation))
    }
  }

  private static func text(_ number: Double) -> String {
    Int64(exactly: number).map { String($0) } ?? "\(number)"
  }

  private static func description(_ node: YAMLNode) -> String {
    switch node.content {
    case .sequence: return "a list"
    case .mapping: return "a mapping"
    case .scalar(let scalar):
      // What the environment gave may be a secret.
      let shown = scalar.written ?? scalar.text
      let clipped = shown.count > 60 ? "\(shown.prefix(60))…" : shown
      return "'\(ByteText.printable(clipped))'"
    }
  }

  private static func list(_ texts: [String]) -> String {
    guard let last = texts.last, texts.count > 1 else { return texts.first ?? "nothing" }
    return texts.dropLast().joined(separator: ", ") + " or " + last
  }

  private mutating func add(_ node: YAMLNode, _ message: String) { add(node.position, message) }

  private mutating func add(_ position: SourcePosition, _ message: String) {
    problems.append(ConfigurationProblem(position, .form, message))
  }
}

extension YAMLNode {
  var integer: Int64? {
    switch scalar?.value {
    case .integer(let value): value
    case .number(let value): Int64(exactly: value)
    default: nil
    }
  }

  var number: Double? {
    switch scalar?.value {
    case .integer(let value): Double(value)
    case .number(let value): value
    default: nil
    }
  }

  var truth: Bool? { if case .boolean(let value) = scalar?.value { value } else { nil } }
}
