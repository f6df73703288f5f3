import ArgumentParser
import VarveOperations
import VarveRepository

/// How `prune`, and `forget --prune`, decide.
struct PruningOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Unused data that may stay in packs: a part of what is used, an amount, or unlimited (default: 3%).",
      valueName: "n%|size|unlimited"))
  var maxUnused: UnusedLimitArgument?

  @Option(
    help: ArgumentHelp("Copy no more than this (default: no limit).", valueName: "size"))
  var maxRepackSize: ByteSize?

  @Flag(help: "Also put short packs together.")
  var repackSmall = false

  @Option(
    help: ArgumentHelp(
      "Time between condemning and deleting (default: 24h).", valueName: "duration"))
  var grace: IntervalArgument?

  @Flag(help: "Delete at once what was condemned: no grace period, and no undo.")
  var now = false

  mutating func validate() throws {
    if now && grace != nil { throw ValidationError("--now and --grace exclude each other.") }
  }

  var isGiven: Bool {
    maxUnused != nil || maxRepackSize != nil || repackSmall || grace != nil || now
  }

  var options: PruneOptions {
    var options = PruneOptions()
    if let maxUnused { options.maxUnused = maxUnused.amount }
    options.maxRepackSize = maxRepackSize?.bytes
    options.repackSmall = repackSmall
    if let grace { options.grace = Int64(grace.nanoseconds / 1_000_000_000) }
    if now { options.grace = 0 }
    return options
  }
}

/// `5%`, `2G` or `unlimited`.
struct UnusedLimitArgument: ExpressibleByArgument {
  let amount: PruneOptions.Amount

  init?(argument: String) {
    if argument == "unlimited" {
      amount = .unlimited
    } else if argument.hasSuffix("%") {
      guard let percent = Double(argument.dropLast()), percent >= 0, percent < 100 else {
        return nil
      }
      amount = .fraction(percent / 100)
    } else {
      guard let size = ByteSize(argument) else { return nil }
      amount = .bytes(size.bytes)
    }
  }
}
