import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct CopyCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "copy",
    abstract: "Copy snapshots from another repository.",
    usage: "varve copy [<options>] --from-repo <path> [<snapshot> ...]",
    discussion: """
      --repo names the repository into which is copied, --from-repo the one from which; that one is \
      only read, and a reader's credential will do. Keys and settings of the two have nothing in common. \
      Snapshots that are there already, or that are copies of one that is, are passed over, so the same \
      command can run every night; one that was interrupted goes on where it stopped.

      Data is verified on the way. A snapshot that cannot be read in full is not copied, its damaged files \
      are named, the others are copied, and the exit code is 20. Copies have new ids and name the snapshot \
      that they come from as their original. Holds stay behind unless --holds is given, policies always do. With \
      --holds copies that were there before are held, too, as long as their originals are.

      Examples:
        varve copy --from-repo /srv/backup --from-password-file ~/.pw-backup
        varve copy --from-repo /srv/backup --host db1 --tag monthly
        varve copy --from-repo /mnt/usb 79766175 latest
      """)

  @Argument(
    help: ArgumentHelp(
      "Which of the source's (default: all that the options select).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @OptionGroup(title: "Source") var from: FromOptions
  @OptionGroup(title: "Which snapshots of the source") var filter: SnapshotFilterOptions

  @Flag(help: "Hold the copies of snapshots that are held, too.")
  var holds = false

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; say what would be copied.")
  var dryRun = false

  @Option(
    help: ArgumentHelp(
      "While a snapshot is being copied, save what is stored so far every 15m (default), 1h30m or the like; 0 for never.",
      valueName: "time"))
  var partialInterval: IntervalArgument?

  @OptionGroup var receipts: ReceiptOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let source = try from.access(global, console).unlocked()
    let target = try RepositoryAccess(global, console).unlocked()
    var options = CopyOptions()
    options.copiesHolds = holds
    options.dryRun = dryRun
    if let partialInterval { options.partialInterval = partialInterval.nanoseconds }
    let started = WallClock.now()
    let display = CopyDisplay(console, isDryRun: dryRun)
    let copy = try Copy(
      from: source, to: target, options: options, observer: display,
      cancellation: Interruption.flag)
    let chosen = try SnapshotAccess(source, filter, on: console).ids(named: snapshots.map(\.bytes))
    let reporter = display.start()
    let report: CopyReport
    do {
      report = try copy.run(chosen)
    } catch {
      reporter.stop()
      throw error
    }
    reporter.stop()
    receipts.leave(report.receipt(started: started), in: target, on: console)
    try CopySummary(report).print(on: console)
    guard report.failed.isEmpty else {
      throw VarveError(
        .damaged,
        "\(HumanText.count(report.failed.count, "snapshot")) could not be copied in full, and "
          + "\(report.failed.count == 1 ? "was" : "were") not",
        hint: "run 'varve check --read-data' on the source to see what is damaged")
    }
    return .success
  }
}
