import VarveFormat

/// What came of a command.
public struct CommandOutcome: Sendable, Equatable {
  public enum Ending: Sendable, Equatable {
    case exited(Int32)
    case signalled(Int32)
    /// It was ended since its time was over.
    case timedOut
    /// It could not be started; why not.
    case notStarted(String)
  }

  public var ending: Ending
  /// The beginning of what it printed.
  public var output: [UInt8] = []
  /// Whether it printed more than that.
  public var isOutputTruncated = false
  /// The end of what it wrote to its standard error.
  public var errors: [UInt8] = []
  public var seconds: Double = 0

  public init(ending: Ending) { self.ending = ending }

  public var isSuccess: Bool { ending == .exited(0) }

  /// Nil after a success; else how it ended, with the last lines that it wrote: one line of text, of a few hundred bytes.
  public var failure: String? {
    let how: String
    switch ending {
    case .exited(0): return nil
    case .exited(let status): how = "it failed with status \(status)"
    case .signalled(let signal): how = "it was ended by signal \(signal)"
    case .timedOut: how = "it was ended after \(Self.rounded(seconds)) s, which was too long"
    case .notStarted(let reason): how = "it cannot be started: \(reason)"
    }
    let words = Self.lastLines(errors) ?? Self.lastLines(output)
    return words.map { "\(how): \($0)" } ?? how
  }

  private static func lastLines(_ bytes: [UInt8]) -> String? {
    let lines = bytes.suffix(400).split { $0 == 0x0a || $0 == 0x0d }
      .map { ByteText.printable(Array($0)) }
    return lines.isEmpty ? nil : lines.suffix(3).joined(separator: " / ")
  }

  private static func rounded(_ seconds: Double) -> String {
    seconds < 10 ? "\((seconds * 10).rounded() / 10)" : "\(Int64(seconds.rounded()))"
  }
}
