import ArgumentParser
import Varve
import VarveOperations

/// Which part of a snapshot to restore.
struct RestoreSelectionOptions: ParsableArguments {
  @Option(
    name: [.customShort("i"), .long], parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Restore only what matches; may be repeated.", valueName: "pattern"))
  var include: [RawArgument] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The same without regard to case.", valueName: "pattern"))
  var iinclude: [RawArgument] = []

  @Option(help: ArgumentHelp("Read include patterns from a file.", valueName: "file"))
  var includeFile: [RawArgument] = []

  @Option(help: ArgumentHelp("The same without regard to case.", valueName: "file"))
  var iincludeFile: [RawArgument] = []

  @Option(
    name: [.customShort("e"), .long], parsing: .unconditionalSingleValue,
    help: ArgumentHelp("Do not restore what matches; may be repeated.", valueName: "pattern"))
  var exclude: [RawArgument] = []

  @Option(
    parsing: .unconditionalSingleValue,
    help: ArgumentHelp("The same without regard to case.", valueName: "pattern"))
  var iexclude: [RawArgument] = []

  @Option(help: ArgumentHelp("Read exclude patterns from a file.", valueName: "file"))
  var excludeFile: [RawArgument] = []

  @Option(help: ArgumentHelp("The same without regard to case.", valueName: "file"))
  var iexcludeFile: [RawArgument] = []

  var isGiven: Bool {
    let all = include + iinclude + includeFile + iincludeFile + exclude + iexclude + excludeFile
    return !(all + iexcludeFile).isEmpty
  }

  mutating func validate() throws {
    let includes = include + iinclude + includeFile + iincludeFile
    let excludes = exclude + iexclude + excludeFile + iexcludeFile
    if !includes.isEmpty && !excludes.isEmpty {
      throw ValidationError("Include and exclude patterns exclude each other.")
    }
  }

  func apply(to options: inout RestoreOptions) throws {
    options.includes = try patterns(include, includeFile)
    options.caseInsensitiveIncludes = try patterns(iinclude, iincludeFile)
    options.excludes = try patterns(exclude, excludeFile)
    options.caseInsensitiveExcludes = try patterns(iexclude, iexcludeFile)
  }

  private func patterns(_ given: [RawArgument], _ files: [RawArgument]) throws -> [[UInt8]] {
    try given.map(\.bytes) + files.flatMap { try PatternFile.patterns(at: $0.bytes) }
  }
}
