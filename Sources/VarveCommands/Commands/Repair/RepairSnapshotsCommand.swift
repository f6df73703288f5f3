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
    let chosen = try chosen(in: repository)
    let repaired = try repair.run(on: chosen)
    try SnapshotRepairSummary(repaired, of: chosen.count, options).print(on: console)
    return .success
  }

  /// Those named, or all; records are read only where an option asks for what is in them, since they may be damaged.
  private func chosen(in repository: UnlockedRepository) throws -> [Digest] {
    let live = repository.log.state.snapshotsInOrder.map(\.id)
    let isFiltered = !filter.filter.isEmpty
    let access = SnapshotAccess(repository, filter)
    guard !snapshots.isEmpty else {
      return isFiltered ? try access.snapshots(named: []).map(\.id) : live
    }
    var seen: Set<Digest> = []
    return try snapshots.map { try access.id(named: $0.bytes) }
      .filter { seen.insert($0).inserted }
  }
}
