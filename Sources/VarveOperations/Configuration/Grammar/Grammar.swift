/// What may stand at a place of an operator's file. There is one description, `ConfigurationGrammar`, out of which come
/// the check of a file (`GrammarCheck`), the JSON Schema (`GrammarSchema`) and the tables of the manual.
package indirect enum Grammar: Sendable {
  case text(TextForm)
  /// Text, a number or a truth value, taken as text.
  case anyScalar
  case integer(ClosedRange<Int64>)
  case number(ClosedRange<Double>)
  case boolean
  /// Only this truth value.
  case only(Bool)
  case list(Grammar, atLeast: Int = 0)
  /// Keys that the operator chooses; names unless they may be any text.
  case map(Grammar, keys: TextForm = .name)
  case object(GrammarObject)
  /// What the value looks like decides which it is.
  case either([Grammar])
}

/// A mapping with known keys.
package struct GrammarObject: Sendable {
  /// In the schema.
  package let name: String
  /// For people, as in "a profile".
  package let noun: String
  package let fields: [GrammarField]
  /// Of each of these groups exactly one key.
  package var exactlyOne: [[String]] = []
  /// Of each of these groups no more than one.
  package var atMostOne: [[String]] = []
  /// Of each of these groups one or more.
  package var atLeastOne: [[String]] = []
  /// Keys that make sense only beside others.
  package var needs: [String: String] = [:]
  /// Whether keys that begin with `x-` are passed over: for anchors.
  package var hasExtensions = false
}

package struct GrammarField: Sendable {
  package let key: String
  package let value: Grammar
  /// For the manual and for editors.
  package let summary: String
  /// As the manual has it; nil for none.
  package let standard: String?
  package let isRequired: Bool

  package init(
    _ key: String, _ value: Grammar, _ summary: String, default standard: String? = nil,
    required isRequired: Bool = false
  ) {
    self.key = key
    self.value = value
    self.summary = summary
    self.standard = standard
    self.isRequired = isRequired
  }
}

extension Grammar {
  /// One of something, or a list.
  static func oneOrMore(_ grammar: Grammar) -> Grammar {
    .either([grammar, .list(grammar, atLeast: 1)])
  }

  static let path = Grammar.text(.path)
  static let name = Grammar.text(.name)
  static let duration = Grammar.text(.duration)
  static let schedule = Grammar.text(.schedule)
  static let size = Grammar.either([.text(.size), .integer(0...((1 << 53) - 1))])
  static let names = Grammar.list(.text(.name))
  static let texts = Grammar.list(.text(.filled))
}
