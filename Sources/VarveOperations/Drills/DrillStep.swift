import VarveFormat

/// One thing that a drill did, and what came of it.
public struct DrillStep: Sendable, Equatable {
  /// The set grows.
  public enum Kind: String, CaseIterable, Sendable {
    /// A snapshot is there, and young enough.
    case snapshot
    case sample
    case restore
    /// Hashes of what was restored against the tree's.
    case hashes
    case integrity
    case tables
    case size
    case digest
    case service
    case command
    case http
    /// From the start to the last check.
    case recoveryTime = "recovery-time"
    /// It was stopped, or could not go on.
    case interruption
    /// Nothing is left behind.
    case cleanUp = "clean-up"
  }

  public enum Result: String, CaseIterable, Sendable {
    case passed
    case failed
    /// Not reached, since something before it failed.
    case skipped
  }

  public var kind: Kind
  /// What it was about: a source, a path, a command, a URL.
  public var subject: String
  public var result: Result
  public var milliseconds: Int64
  /// One line: what was found.
  public var finding: String
  /// What was printed, in part.
  public var output: String

  public init(
    _ kind: Kind, _ subject: String, _ result: Result, milliseconds: Int64 = 0,
    _ finding: String, output: String = ""
  ) {
    self.kind = kind
    self.subject = subject
    self.result = result
    self.milliseconds = milliseconds
    self.finding = finding
    self.output = output
  }
}

extension DrillStep {
  var json: JSONValue {
    [
      "finding": .string(finding), "kind": .string(kind.rawValue),
      "milliseconds": .integer(milliseconds), "output": .string(output),
      "result": .string(result.rawValue), "subject": .string(subject),
    ]
  }

  init(_ json: JSONValue) throws {
    guard let kind = Kind(rawValue: try json.string("kind")),
      let result = Result(rawValue: try json.string("result"))
    else { throw VarveError(.damaged, "a step's kind or result is none that is known") }
    self.init(
      kind, try json.string("subject"), result, milliseconds: try json.integer("milliseconds"),
      try json.string("finding"), output: try json.string("output"))
  }
}
