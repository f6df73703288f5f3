import ArgumentParser
import Varve
import VarveOperations

/// What a backup leaves out.
struct ExcludeOptions: ParsableArguments {
  @OptionGroup var patterns: ExcludePatternOptions

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
    options.excludes = try patterns.patterns()
    options.caseInsensitiveExcludes = try patterns.caseInsensitivePatterns()
    options.excludeCaches = excludeCaches
    options.excludeIfPresent = try excludeIfPresent.map { try ExclusionTag(parsing: $0.bytes) }
    options.excludeLargerThan = excludeLargerThan?.bytes
    options.oneFileSystem = oneFileSystem
  }
}
