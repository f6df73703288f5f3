import ArgumentParser
import Varve

/// What a backup leaves out.
struct ExcludeOptions: ParsableArguments {
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

  @Flag(help: "Leave out the content of cache directories, those with a CACHEDIR.TAG.")
  var excludeCaches = false

  @Option(
    help: ArgumentHelp(
      "Leave out the content of directories that hold such a file (that begins with that text).",
      valueName: "name[:header]"))
  var excludeIfPresent: [RawArgument] = []

  @Option(
    help: ArgumentHelp("Leave out files larger than this, such as 500M or 2G.", valueName: "size"))
  var excludeLargerThan: ByteSize?

  @Flag(
    name: [.customShort("x"), .long],
    help: "Stay on the file systems of the paths given.")
  var oneFileSystem = false

  func apply(to options: inout BackupOptions) throws {
    options.excludes =
      try exclude.map(\.bytes) + excludeFile.flatMap { try PatternFile.patterns(at: $0.bytes) }
    options.caseInsensitiveExcludes =
      try iexclude.map(\.bytes) + iexcludeFile.flatMap { try PatternFile.patterns(at: $0.bytes) }
    options.excludeCaches = excludeCaches
    options.excludeIfPresent = try excludeIfPresent.map { try ExclusionTag(parsing: $0.bytes) }
    options.excludeLargerThan = excludeLargerThan?.bytes
    options.oneFileSystem = oneFileSystem
  }
}
