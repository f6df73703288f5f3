import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct SnapshotsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshots",
    abstract: "List snapshots.",
    usage: "varve snapshots [<options>] [<snapshot> ...]",
    discussion: """
      Examples:
        varve snapshots
        varve snapshots --host db1 --tag nightly --latest 3
        varve snapshots --json | jq -r '.[].id'
        varve snapshots --windows --witness-policy policy.txt --tsa-ca tsa.pem
      """)

  @Argument(
    help: ArgumentHelp(
      "Only these: ids or their beginnings, latest, latest~N.", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

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

  @Flag(
    help:
      "Show instead of the claimed time between which times each was saved, by witnesses and time-stamping authorities."
  )
  var windows = false

  @OptionGroup var trust: TimeTrustOptions

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if let latest, latest < 1 { throw ValidationError("--latest must be at least 1.") }
    if windows && groupBy != nil {
      throw ValidationError("--windows and --group-by exclude each other.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let repository = try access.unlocked()
    guard repository.role != .writer else {
      try SealedSnapshotList(repository.log.state.snapshotsInOrder).print(on: console)
      return .success
    }
    var chosen = try SnapshotAccess(repository, filter).snapshots(named: snapshots.map(\.bytes))
    if let latest {
      let newest = SnapshotGroups(chosen, by: GroupByArgument(host: true, paths: true)).groups
        .flatMap { $0.snapshots.suffix(latest).map(\.id) }
      chosen = chosen.filter { Set(newest).contains($0.id) }
    }
    if windows {
      let times = try AttestedTimesReport(repository.log, trust.trust(access))
      try SnapshotWindowList(chosen, repository.log.state, times).print(on: console)
      return try times.finish(on: console)
    }
    let list = SnapshotList(isCompact: compact)
    guard let groupBy else {
      try list.print(chosen, on: console)
      return .success
    }
    try list.print(SnapshotGroups(chosen, by: groupBy), on: console)
    return .success
  }
}
