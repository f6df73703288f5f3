import ArgumentParser
import VarveFormat

struct SnapshotsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshots",
    abstract: "List snapshots.",
    discussion: """
      Examples:
        varve snapshots
        varve snapshots --host db1 --tag nightly --latest 3
        varve snapshots --json | jq -r '.[].id'
      """)

  @Argument(
    help: ArgumentHelp(
      "Only these: ids or their beginnings, latest, latest~N.", valueName: "snapshot"))
  var snapshots: [String] = []

  @OptionGroup var filter: SnapshotFilterOptions

  @Option(
    help: ArgumentHelp("Only the newest n of each host and set of paths.", valueName: "n"))
  var latest: Int?

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "Show them in groups, by host, paths and tags.", valueName: "host[,paths][,tags]"))
  var groupBy: GroupByArgument?

  @Flag(name: [.customShort("c"), .long], help: "One line for each, without paths and counts.")
  var compact = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func validate() throws {
    if let latest, latest < 1 { throw ValidationError("--latest must be at least 1.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
