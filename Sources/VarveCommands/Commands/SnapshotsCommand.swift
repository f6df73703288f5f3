import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct SnapshotsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshots",
    abstract: "List snapshots.",
    usage: "varve snapshots [<options>] [<snapshot> ...]",
    discussion: """
      Of a snapshot whose record is damaged or missing the list has what the log says, and the exit code is 20.

      With --witness-policy or --tsa-ca the times between which others saw each snapshot enter the log take \
      the place of the time that it claims.

      Examples:
        varve snapshots
        varve snapshots --host db1 --tag nightly --latest 3
        varve snapshots --json | jq -r '.[].id'
        varve snapshots --witness-policy policy.txt --tsa-ca tsa.pem
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
      "Insist on the times that witnesses and time-stamping authorities attest: fail when nobody is trusted or a time stamp proves nothing."
  )
  var windows = false

  @OptionGroup var trust: TimeTrustOptions

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if let latest, latest < 1 { throw ValidationError("--latest must be at least 1.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let repository = try access.unlocked()
    guard repository.role != .writer else {
      try SealedSnapshotList(repository.log.state.snapshotsInOrder).print(on: console)
      return .success
    }
    let choice = try SnapshotAccess(repository, filter, on: console).choice(
      named: snapshots.map(\.bytes))
    var chosen = choice.snapshots
    if let latest {
      let newest = SnapshotGroups(chosen, by: GroupByArgument(host: true, paths: true)).groups
        .flatMap { $0.snapshots.suffix(latest).map(\.id) }
      chosen = chosen.filter { Set(newest).contains($0.id) }
    }
    let trust = try windows ? trust.trust(access) : trust.trustIfAny(access)
    let times = try trust.isEmpty ? nil : AttestedTimesReport(repository.log, trust)
    let list = SnapshotList(
      isCompact: compact, unreadable: choice.unreadable,
      windows: times.map { SnapshotWindows(repository.log.state, $0) })
    if let groupBy {
      try list.print(SnapshotGroups(chosen, by: groupBy), on: console)
    } else {
      try list.print(chosen, on: console)
    }
    guard choice.unreadable.isEmpty else { throw list.unreadableError }
    return try windows ? times?.finish(on: console) ?? .success : .success
  }
}
