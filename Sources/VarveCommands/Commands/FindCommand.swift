import ArgumentParser
import Varve
import VarveFormat

struct FindCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "find",
    abstract: "Find files by name in all snapshots, or by the id of their data.",
    discussion: """
      A pattern without a slash is matched against names, one with a slash against whole paths.

      Examples:
        varve find '*.sqlite'
        varve find --newest '2026-03-01 12:00:00' --ignore-case report.pdf
        varve find --snapshot latest --long '/etc/**/*.conf'
        varve find --blob 4d0b8f2e1c… --json
      """)

  @Argument(help: ArgumentHelp("What to look for.", valueName: "pattern"))
  var patterns: [RawArgument]

  @Flag(name: [.short, .long], help: "Without regard to case.")
  var ignoreCase = false

  @Option(
    name: [.customShort("O"), .long],
    help: ArgumentHelp("Only what was modified at or after this time.", valueName: "time"))
  var oldest: TimeArgument?

  @Option(
    name: [.customShort("N"), .long],
    help: ArgumentHelp("Only what was modified at or before this time.", valueName: "time"))
  var newest: TimeArgument?

  @Option(
    name: [.customShort("s"), .customLong("snapshot")],
    help: ArgumentHelp("Only in this snapshot; may be repeated.", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Flag(name: [.short, .long], help: "Show mode, owner, size and time, too.")
  var long = false

  @Flag(help: "With --long: sizes in KiB, MiB, …")
  var humanReadable = false

  @Flag(help: "The patterns are ids of chunks, or their beginnings.")
  var blob = false

  @Flag(help: "The patterns are ids of tree nodes, or their beginnings.")
  var tree = false

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
