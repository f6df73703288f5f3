import ArgumentParser
import Varve
import VarveOperations

/// The patterns of what is left out, of a backup or of snapshots made anew.
struct ExcludePatternOptions: ParsableArguments {
  @Option(
    name: [.customShort("e"), .long], parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Leave out what matches; may be repeated.", valueName: "pattern"))
  var exclude: [RawArgument] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The same without regard to case.", valueName: "pattern"))
  var iexclude: [RawArgument] = []

  @Option(help: ArgumentHelp("Read exclude patterns from a file, one a line.", valueName: "file"))
  var excludeFile: [RawArgument] = []

  @Option(help: ArgumentHelp("The same without regard to case.", valueName: "file"))
  var iexcludeFile: [RawArgument] = []

  var isEmpty: Bool {
    exclude.isEmpty && iexclude.isEmpty && excludeFile.isEmpty && iexcludeFile.isEmpty
  }

  /// Those given and those in the files.
  ///
  /// - Throws: what reading a file throws.
  func patterns() throws -> [[UInt8]] {
    try exclude.map(\.bytes) + excludeFile.flatMap { try PatternFile.patterns(at: $0.bytes) }
  }

  /// The same of those that match without regard to case.
  func caseInsensitivePatterns() throws -> [[UInt8]] {
    try iexclude.map(\.bytes) + iexcludeFile.flatMap { try PatternFile.patterns(at: $0.bytes) }
  }
}
