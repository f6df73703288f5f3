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
    usage: """
      varve restore [<options>] <snapshot[:path]> --target <directory>
      varve restore [<options>] --undo <safety snapshot>
      varve restore [<options>] --profile <name> [--source <name> ...] [--at <time>]
      """,
    discussion: """
      The snapshot is an id, the beginning of one, latest, or latest~N (the Nth before the latest); \
      with :path, only what lies below that path is restored, right into the target.

      Files that are there already are compared chunk by chunk and rewritten where they differ; \
      --overwrite says otherwise. Nothing is ever written outside the target. A file whose data is \
      damaged is named and left out, and the exit code is 20. What was restored is recorded in the log \
      ('varve receipt'), without paths.

      With --safety, a snapshot of what will be written over or removed is committed first, what is \
      restored is staged beside and moved into its place only when all of it is there, and \
      'varve restore --undo' with that snapshot's id puts everything back: also after a restore that was \
      killed. --atomic stages without the snapshot.

      --profile puts sources of the configuration back to their own places, each with a safety snapshot, \
      with the profile's before-restore and after-restore hooks around all of them. Sources that are \
      marked sensitive ask first, unless --yes is given.

      Examples:
        varve restore latest --target /
        varve restore --profile shop --source database --at '2026-03-01 12:00'
        varve restore latest:/srv/app --target /srv/app --safety --delete
        varve restore --undo 79766175
        varve restore latest:/srv/db --target /srv/db --safety --keep-existing
        varve restore latest:/etc/nginx --target /tmp/nginx --verify
        varve restore 79766175 -t /mnt --include '*.conf' --dry-run -v
        varve restore latest~1 -t /var/lib/app --delete --overwrite if-changed
      """)

  @Argument(
    help: ArgumentHelp(
      "What to restore: ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument?

  @Option(
    name: [.customShort("t"), .long],
    help: ArgumentHelp(
      "The directory to restore into; it is made if need be.", valueName: "directory"))
  var target: RawArgument?

  @OptionGroup(title: "What to restore") var selecting: RestoreSelectionOptions
  @OptionGroup(title: "How to restore") var writing: RestoreWritingOptions
  @OptionGroup(title: "How to change a live place") var staging: RestoreStagingOptions
  @OptionGroup(title: "Which sources of the configuration") var sources: RestoreSourceOptions
  @OptionGroup(title: "Which snapshot is the latest") var filter: SnapshotFilterOptions
  @OptionGroup var receipts: ReceiptOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if sources.profile != nil {
      guard snapshot == nil, target == nil, !staging.undo else {
        throw ValidationError("--profile knows snapshots and targets; leave them out.")
      }
      guard !selecting.isGiven, !writing.dryRun else {
        throw ValidationError(
          "--profile restores whole sources; patterns and --dry-run are not for it.")
      }
    } else if snapshot == nil {
      throw ValidationError("Missing expected argument '<snapshot[:path]>'")
    }
    if staging.keepExisting, writing.delete {
      throw ValidationError("--keep-existing keeps what is there; --delete does not.")
    }
    if sources.profile != nil { return }
    if staging.undo {
      guard target == nil else {
        throw ValidationError("--undo knows its target; leave out --target.")
      }
      guard !selecting.isGiven, !writing.isGiven else {
        throw ValidationError(
          "--undo puts everything back as it was; patterns and options of how to restore are not for it."
        )
      }
      return
    }
    guard let target else {
      throw ValidationError("Missing expected argument '--target <directory>'")
    }
    if target.bytes.isEmpty { throw ValidationError("--target is empty.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    guard let snapshot else { return try restoreProfile(on: console) }
    let access = RepositoryAccess(global, console)
    let repository =
      staging.safety
      ? try access.indexed(for: [.owner], to: "restore with --safety") : try access.readable()
    let found = try SnapshotAccess(repository.unlocked, filter, on: console)
      .snapshot(named: snapshot.bytes)
    var options = RestoreOptions(
      target: target?.bytes ?? StagedRestore.target(of: found.record) ?? [])
    try selecting.apply(to: &options)
    writing.apply(to: &options)
    options.subpath = found.path.components
    console.note(
      staging.undo
        ? "undoing the restore before which \(found.title) was saved"
        : "restoring snapshot \(found.title) to \(ByteText.printable(options.target))")
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
    var report: RestoreReport
    var staged: StagedReport?
    do {
      if staging.undo {
        report = try StagedRestore.undo(
          repository, found.record, observer: display, cancellation: Interruption.flag)
      } else if staging.isWanted {
        let result = try StagedRestore.run(
          repository, found.record, id: found.id, options: options,
          staging: staging.options(at: started, cancellation: Interruption.flag), observer: display,
          cancellation: Interruption.flag
        ) { console.note($0) }
        staged = result
        report = result.restore
      } else {
        report = try Restore.run(
          repository, found.record, options: options, observer: display,
          cancellation: Interruption.flag)
      }
    } catch {
      reporter.stop()
      if (error as? VarveError)?.code != .interrupted { leaveReceipt(nil) }
      throw error
    }
    reporter.stop()
    leaveReceipt(report)
    for warning in report.warnings { console.warning(ByteText.printable(warning)) }
    for id in staged?.interrupted ?? [] {
      console.warning(
        "an earlier restore into this target was interrupted; what was there before it is in \(id.prefix(12))"
      )
    }
    try RestoreSummary(report, safety: staged?.safety).print(on: console)
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
