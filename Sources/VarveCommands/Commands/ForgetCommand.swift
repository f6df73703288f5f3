import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct ForgetCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "forget",
    abstract: "Remove snapshots by rules, by the policy in force, or by id.",
    usage: "varve forget [<options>] [<snapshot> ...]",
    discussion: """
      Snapshots are put into groups, by host and paths unless --group-by says otherwise, and of each \
      group those are kept that any rule keeps. A rule that keeps one snapshot of each period also \
      keeps the oldest snapshot as long as it has some left. Periods are of the calendar, in the zone in \
      which each snapshot was made.

      Without rules and ids, the policy in force for each source applies ('varve policy'). What it keeps is \
      not forgotten by other rules or by id, unless --override-policy is given, which the log records. \
      Snapshots that are held ('varve hold') are never forgotten, and of those whose records cannot be read only the ones \
      named by id.

      Rules go by the times that snapshots claim and, where the log, --witness-policy or --tsa-ca show that a claim cannot be \
      right, also by the time nearest to it that can be: what either keeps is kept.

      A forgotten snapshot's data stays until it is pruned ('varve prune', or --prune here). With --dry-run and --prune the prune's \
      plan is printed, too, as if the snapshots were forgotten. Needs an owner's credential; with --simulate, or --dry-run without --prune, a \
      reader's will do.

      Examples:
        varve forget --keep-daily 7 --keep-weekly 5 --keep-monthly 12
        varve forget --keep-within 2d --keep-within-daily 1m --keep-tag release --dry-run
        varve forget --keep-last 3 --path /srv/www --prune --dry-run
        varve forget
        varve forget 79766175 latest~3
        varve forget --simulate --keep-hourly 24 --keep-daily 30 --every 1h
      """)

  @Argument(help: ArgumentHelp("Forget these, whatever the rules.", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @OptionGroup(title: "Rules") var retention: RetentionOptions
  @OptionGroup(title: "Filters") var filter: ForgetFilterOptions

  @Option(
    name: [.customShort("g"), .long],
    help: ArgumentHelp(
      "How rules group snapshots; '' for not at all (default: host,paths).",
      valueName: "host,paths,tags"))
  var groupBy: GroupByArgument?

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; print what would be forgotten.")
  var dryRun = false

  @Flag(name: [.customShort("c"), .long], help: "One line for each snapshot, without reasons.")
  var compact = false

  @Flag(help: "Without rules: forget all that the filters select.")
  var unsafeAllowRemoveAll = false

  @Flag(help: "Also forget what the policy in force keeps; the log says so.")
  var overridePolicy = false

  @Flag(
    help: ArgumentHelp(
      "Change nothing; print which snapshots there will be in the next year, and what rules cost."))
  var simulate = false

  @Option(
    help: ArgumentHelp(
      "With --simulate: the time between backups, such as 15min, 1h, 1d (default: as observed).",
      valueName: "interval"))
  var every: CadenceArgument?

  @Flag(help: "Prune afterwards.")
  var prune = false

  @OptionGroup var timeTrust: TimeTrustOptions
  @OptionGroup var proposal: ProposeOption

  @OptionGroup(title: "Pruning") var pruning: PruningOptions
  @OptionGroup var receipts: ReceiptOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if proposal.propose && (dryRun || simulate || prune) {
      throw ValidationError("--propose goes with none of --dry-run, --simulate and --prune.")
    }
    if pruning.isGiven && !prune { throw ValidationError("Options of pruning need --prune.") }
    if prune && simulate { throw ValidationError("--simulate and --prune exclude each other.") }
    let hasFilter = !filter.isEmpty
    if !snapshots.isEmpty {
      if retention.isGiven || groupBy != nil {
        throw ValidationError("Rules and snapshots by id exclude each other.")
      }
      if hasFilter { throw ValidationError("Filters and snapshots by id exclude each other.") }
      if simulate { throw ValidationError("--simulate is about rules, not about ids.") }
      if unsafeAllowRemoveAll {
        throw ValidationError("--unsafe-allow-remove-all is for filters, not for ids.")
      }
    }
    if groupBy != nil && !retention.isGiven {
      throw ValidationError(
        "--group-by is for rules; the policy in force is always of a host and its paths.")
    }
    if every != nil && !simulate { throw ValidationError("--every needs --simulate.") }
    if simulate && unsafeAllowRemoveAll {
      throw ValidationError("--simulate and --unsafe-allow-remove-all exclude each other.")
    }
    if unsafeAllowRemoveAll && retention.rules.isEmpty && !hasFilter {
      throw ValidationError("--unsafe-allow-remove-all is not allowed without a filter.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    if simulate { return try runSimulation(on: console) }
    let access = RepositoryAccess(global, console)
    let trust = try timeTrust.trustIfAny(access)
    let repository = try access.unlocked()
    if dryRun && !prune {
      try repository.require(.owner, .reader, to: "see what would be forgotten")
    } else {
      try repository.require(.owner, to: "forget snapshots")
    }
    let request = try request(repository, on: console)
    let forget = try Forget(repository, trust: trust)
    if proposal.propose {
      _ = try proposal.run(in: repository, on: console) {
        _ = try forget.run(request, cancellation: Interruption.flag)
      }
      return .success
    }
    let plan =
      try dryRun ? forget.plan(request) : forget.run(request, cancellation: Interruption.flag)
    if plan.groups.isEmpty && !request.filter.isEmpty { console.warnThatNothingMatches() }
    try ForgetReport(plan, request, repository, isCompact: compact, isDryRun: dryRun)
      .print(on: console)
    if dryRun && !overridePolicy { try plan.requireObedience() }
    if prune {
      try Pruning(pruning.options, isDryRun: dryRun, receipts).run(
        repository, supposingForgotten: plan.removed.map(\.id), on: console)
    }
    return .success
  }

  private func request(_ repository: UnlockedRepository, on console: Console) throws
    -> ForgetRequest
  {
    ForgetRequest(
      try choice(repository, on: console), filter: try filter.filter(),
      overridesPolicy: overridePolicy)
  }

  private func choice(_ repository: UnlockedRepository, on console: Console) throws
    -> ForgetRequest.Choice
  {
    if !snapshots.isEmpty {
      return .snapshots(
        try SnapshotSearch(repository) { console.warning($0.complaint) }
          .ids(of: try snapshots.map { try SnapshotSelector(parsing: $0.bytes) }))
    }
    let rules = retention.rules
    if !rules.isEmpty { return .rules(rules, groupBy?.grouping ?? .source) }
    if unsafeAllowRemoveAll { return .everything }
    let state = repository.log.state
    guard !retention.isGiven, state.defaultPolicy != nil || !state.policies.isEmpty else {
      throw VarveError(
        .usage, "no policy was specified, no snapshots will be removed",
        hint: "give rules, such as --keep-daily 7, or set a policy with 'varve policy set'")
    }
    return .policies
  }

  private func runSimulation(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let trust = try timeTrust.trustIfAny(access)
    let repository = try access.readable()
    let rules = retention.rules
    let request = ForgetRequest(
      rules.isEmpty ? .policies : .rules(rules, groupBy?.grouping ?? .source),
      filter: try filter.filter())
    let simulation = try RetentionSimulation(
      request, in: repository, trust: trust, interval: every?.seconds,
      cancellation: Interruption.flag)
    if simulation.groups.isEmpty && !filter.isEmpty { console.warnThatNothingMatches() }
    try SimulationReport(simulation).print(on: console)
    return .success
  }
}

extension GroupByArgument {
  var grouping: SnapshotGrouping { SnapshotGrouping(host: host, paths: paths, tags: tags) }
}
