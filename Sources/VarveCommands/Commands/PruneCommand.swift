import ArgumentParser
import VarveFormat
import VarveRepository

struct PruneCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "prune",
    abstract: "Free the room of what no snapshot needs.",
    usage: "varve prune [<options>]",
    discussion: """
      First the plan is printed, then it is done. Packs of which nothing is needed are condemned, and \
      so are those of which too much is unused, after their used part has been copied. What was condemned \
      is deleted by the first prune after the grace period, 24 hours; until then 'varve undo' brings \
      forgotten snapshots back. Backups may run at the same time. Needs an owner's credential.

      Examples:
        varve prune --dry-run
        varve prune
        varve prune --max-unused 10% --max-repack-size 20G
        varve prune --now
      """)

  @OptionGroup(title: "Pruning") var pruning: PruningOptions

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; print the plan.")
  var dryRun = false

  @OptionGroup var receipts: ReceiptOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try Pruning(pruning.options, isDryRun: dryRun, receipts).run(repository, on: console)
    return .success
  }
}

/// Prunes for a command, and says what is done.
struct Pruning {
  private let options: PruneOptions
  private let isDryRun: Bool
  private let receipts: ReceiptOptions

  init(_ options: PruneOptions, isDryRun: Bool, _ receipts: ReceiptOptions) {
    self.options = options
    self.isDryRun = isDryRun
    self.receipts = receipts
  }

  /// - Parameter forgotten: snapshots without which a dry run plans, though they are live.
  func run(
    _ repository: UnlockedRepository, supposingForgotten forgotten: [Digest] = [],
    on console: Console
  ) throws {
    let prune = try Prune(repository, options: options, cancellation: Interruption.flag)
    guard !isDryRun else {
      let plan = try prune.plan(supposingForgotten: forgotten)
      return try PruneSummary(plan: plan, report: nil).print(on: console)
    }
    let started = WallClock.now()
    let report = try prune.run { plan in
      if !console.isJSON { try PruneSummary(plan: plan, report: nil).print(on: console) }
    }
    receipts.leave(report.receipt(started: started), in: repository, on: console)
    try PruneSummary(plan: report.plan, report: report).print(on: console)
  }
}
