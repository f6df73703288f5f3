import ArgumentParser
import Glibc
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct RestoreCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Restore a snapshot, or a part of one, into a directory.",
    usage: "varve restore [<options>] <snapshot[:path]> --target <directory>",
    discussion: """
      The snapshot is an id, the beginning of one, latest, or latest~N (the Nth before the latest); \
      with :path, only what lies below that path is restored, right into the target.

      Files that are there already are compared chunk by chunk and rewritten where they differ; \
      --overwrite says otherwise. Nothing is ever written outside the target. A file whose data is \
      damaged is named and left out, and the exit code is 20. What was restored is recorded in the log \
      ('varve receipt'), without paths.

      Examples:
        varve restore latest --target /
        varve restore latest:/etc/nginx --target /tmp/nginx --verify
        varve restore 79766175 -t /mnt --include '*.conf' --dry-run -v
        varve restore latest~1 -t /var/lib/app --delete --overwrite if-changed
      """)

  @Argument(
    help: ArgumentHelp(
      "What to restore: ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Option(
    name: [.customShort("t"), .long],
    help: ArgumentHelp(
      "The directory to restore into; it is made if need be.", valueName: "directory"))
  var target: RawArgument

  @OptionGroup(title: "What to restore") var selecting: RestoreSelectionOptions
  @OptionGroup(title: "How to restore") var writing: RestoreWritingOptions
  @OptionGroup(title: "Which snapshot is the latest") var filter: SnapshotFilterOptions
  @OptionGroup var receipts: ReceiptOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if target.bytes.isEmpty { throw ValidationError("--target is empty.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    var options = RestoreOptions(target: target.bytes)
    try selecting.apply(to: &options)
    writing.apply(to: &options)
    let repository = try RepositoryAccess(global, console).readable()
    let found = try SnapshotAccess(repository.unlocked, filter).snapshot(named: snapshot.bytes)
    options.subpath = found.path.components
    console.note(
      "restoring snapshot \(found.title) to \(ByteText.printable(target.bytes))")
    let started = WallClock.now()
    func leaveReceipt(_ report: RestoreReport?) {
      guard !writing.dryRun else { return }
      receipts.leave(
        LogStatement.Receipt(
          restoring: found.id, found.record, options, report, started: started),
        in: repository.unlocked, on: console)
    }
    let display = RestoreDisplay(
      console, verifies: writing.verify, listing: console.verbosity >= (writing.dryRun ? 2 : 3))
    let reporter = display.start()
    // Files are then created with the modes that they are to have. All others say 0600 themselves.
    umask(0)
    let report: RestoreReport
    do {
      report = try Restore.run(
        repository, found.record, options: options, observer: display,
        cancellation: Interruption.flag)
    } catch {
      reporter.stop()
      if (error as? VarveError)?.code != .interrupted { leaveReceipt(nil) }
      throw error
    }
    reporter.stop()
    leaveReceipt(report)
    for warning in report.warnings { console.warning(ByteText.printable(warning)) }
    try RestoreSummary(report).print(on: console)
    return try status(report, on: console)
  }

  /// What was damaged counts for more than what the target refused.
  private func status(_ report: RestoreReport, on console: Console) throws -> ExitStatus {
    guard !report.problems.isEmpty else { return .success }
    let isDamaged = report.problems.contains { $0.kind == .damage }
    throw VarveError(
      isDamaged ? .damaged : .io,
      "\(HumanText.count(report.problems.count, "item")) could not be restored as the snapshot has "
        + "\(report.problems.count == 1 ? "it" : "them")",
      hint: isDamaged
        ? "run 'varve check --read-data' to see what is damaged; all else was restored"
        : "see the messages above; all else was restored")
  }
}
