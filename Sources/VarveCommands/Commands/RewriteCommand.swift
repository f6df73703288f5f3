import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct RewriteCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "rewrite",
    abstract: "Take paths out of snapshots, or change their host or time.",
    usage: "varve rewrite [<options>] [<snapshot> ...]",
    discussion: """
      A snapshot never changes: of each in which something is to be changed a new one is made, under a \
      new id, which names the old one as its original. With --forget the old ones are forgotten in \
      the same step; otherwise they stay, and the new ones get the tag rewrite. What is in no snapshot \
      any more is deleted by 'varve prune --max-unused 0'; until then 'varve undo' brings the old ones back. \
      Snapshots that are held are not forgotten: with --forget nothing is done then. One whose record cannot be read is \
      left out, and the exit code is 20.

      Patterns are those of 'varve backup', for the paths that 'varve ls' shows. The result \
      is what a backup with those patterns would have saved. Needs an owner's credential.

      Examples:
        varve rewrite --exclude '*.iso' --dry-run
        varve rewrite --exclude /home/ada/private --forget
        varve rewrite --new-host db1 --forget 79766175
      """)

  @Argument(
    help: ArgumentHelp("Which (default: all that the options select).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Option(help: ArgumentHelp("Name this host instead.", valueName: "host"))
  var newHost: RawArgument?

  @Option(
    help: ArgumentHelp(
      "Name this time instead: 'YYYY-MM-DD HH:MM:SS' or RFC 3339.", valueName: "time"))
  var newTime: TimeArgument?

  @Flag(help: "Forget the old snapshots.")
  var forget = false

  @Flag(name: [.customShort("n"), .long], help: "Change nothing; say what would be done.")
  var dryRun = false

  @OptionGroup(title: "What to take out") var patterns: ExcludePatternOptions
  @OptionGroup(title: "Which snapshots") var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if patterns.isEmpty && newHost == nil && newTime == nil {
      throw ValidationError("Give --exclude, --new-host or --new-time.")
    }
    if newHost?.bytes.isEmpty == true { throw ValidationError("--new-host is empty.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    var options = RewriteOptions()
    options.excludes = try patterns.patterns()
    options.caseInsensitiveExcludes = try patterns.caseInsensitivePatterns()
    options.host = newHost?.bytes
    options.time = newTime?.timestamp
    options.forgets = forget
    options.dryRun = dryRun
    let repository = try RepositoryAccess(global, console).unlocked()
    let rewrite = try Rewrite(repository, options: options, cancellation: Interruption.flag)
    let choice = try SnapshotAccess(repository, filter, on: console).choice(
      named: snapshots.map(\.bytes))
    let report = try rewrite.run(on: choice.readable(on: console).map(\.id))
    try RewriteSummary(report, isDryRun: dryRun, forgets: forget).print(on: console)
    try choice.finish()
    return .success
  }
}
