/// A place in a file that an operator wrote; lines and columns count from 1.
package struct SourcePosition: Sendable, Hashable {
  package let file: String
  package let line: Int
  package let column: Int

  package init(file: String, line: Int, column: Int) {
    self.file = file
    self.line = line
    self.column = column
  }
}

extension SourcePosition: CustomStringConvertible {
  package var description: String { "\(file):\(line):\(column)" }
}

/// Something wrong in such a file.
package struct ConfigurationProblem: Sendable, Hashable {
  package enum Kind: Sendable {
    /// It is no YAML, or a key or a value is not of the form that belongs there: what a JSON Schema tells, too.
    case form
    /// It has the right form, but makes no sense.
    case meaning
  }

  package let position: SourcePosition
  package let kind: Kind
  package let message: String

  package init(_ position: SourcePosition, _ kind: Kind, _ message: String) {
    self.position = position
    self.kind = kind
    self.message = message
  }
}

extension ConfigurationProblem: CustomStringConvertible {
  package var description: String { "\(position): \(message)" }
}
