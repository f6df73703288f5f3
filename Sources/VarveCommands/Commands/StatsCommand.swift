import ArgumentParser
import Varve
import VarveFormat

struct StatsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "stats",
    abstract: "Count and measure what snapshots hold.",
    discussion: """
      Modes:
        restore-size       what restoring them all would write (the default)
        files-by-contents  the same, each file content counted once
        blobs-per-file     chunks, counted once for each file they are in
        raw-data           chunks as they lie in the repository, each counted once

      Examples:
        varve stats
        varve stats latest
        varve stats --mode raw-data --host db1
      """)

  @Argument(help: ArgumentHelp("Only these (default: all).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Option(
    help: ArgumentHelp(
      "restore-size, files-by-contents, blobs-per-file or raw-data.", valueName: "mode"))
  var mode: String = "restore-size"

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
