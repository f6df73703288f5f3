import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct RepairSnapshotsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "snapshots",
    abstract: "Make new snapshots of damaged ones, without what cannot be read.",
    usage: "varve repair snapshots [<options>] [<snapshot> ...]",
    discussion: """
      Run 'varve repair index' first, and 'varve backup' of the same sources: what it stores again \
      needs no repair. For each snapshot that still needs something lost, a new one is made that has \
      everything else: same time, host, paths and tags, the first one named as its original. Files and \
      directories of which anything cannot be read are left out, or with --mark replaced by empty ones \
      whose names end in .unreadable. Each of them is printed.

      Old snapshots stay, unless --forget is given; a snapshot that is held stays in any case. Of one whose \
      record or root directory cannot be read no new one can be made: --forget forgets it.

      Examples:
        varve repair snapshots --dry-run
        varve repair snapshots --forget
        varve repair snapshots --mark --forget 79766175
      """)

  @Argument(
    help: ArgumentHelp("Ids, beginnings of ids, latest (default: all).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Flag(help: "Forget the old snapshots.")
  var forget = false

  @Flag(help: "Put an empty file or directory where something is left out.")
  var mark = false

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; print what would be done.")
  var dryRun = false

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    var options = SnapshotRepair.Options()
    options.forgets = forget
    options.marks = mark
    options.isDryRun = dryRun
    let repair = try SnapshotRepair(repository, options: options, cancellation: Interruption.flag)
    let (chosen, choice) = try chosen(in: repository, on: console)
    let repaired = try repair.run(on: chosen)
    try SnapshotRepairSummary(repaired, of: chosen.count, options).print(on: console)
    try choice?.finish()
    return .success
  }

  /// Those named, or all, since records may be damaged; with options that ask for what is in them, those that can be read:
  /// of others nobody knows whether they are meant.
  private func chosen(
    in repository: UnlockedRepository, on console: Console
  ) throws -> ([Digest], SnapshotChoice?) {
    if snapshots.isEmpty && filter.isEmpty {
      return (repository.log.state.snapshotsInOrder.map(\.id), nil)
    }
    let access = try SnapshotAccess(repository, filter, on: console)
    guard snapshots.isEmpty else {
      return (try access.ids(named: snapshots.map(\.bytes)), nil)
    }
    let choice = try access.choice(named: [])
    return (choice.readable(on: console).map(\.id), choice)
  }
}
