import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct FindCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "find",
    abstract: "Find files by name in all snapshots, or by the id of their data.",
    usage: "varve find [<options>] <pattern> ...",
    discussion: """
      A pattern without a slash is matched against names, one with a slash against whole paths.

      Examples:
        varve find '*.sqlite'
        varve find --newest '2026-03-01 12:00:00' --ignore-case report.pdf
        varve find --snapshot latest --long '/etc/**/*.conf'
        varve find --blob 4d0b8f2e1c… --json
      """)

  @Argument(help: ArgumentHelp("What to look for.", valueName: "pattern"))
  var patterns: [RawArgument]

  @Flag(name: [.short, .long], help: "Without regard to case.")
  var ignoreCase = false

  @Option(
    name: [.customShort("O"), .long],
    help: ArgumentHelp("Only what was modified at or after this time.", valueName: "time"))
  var oldest: TimeArgument?

  @Option(
    name: [.customShort("N"), .long],
    help: ArgumentHelp("Only what was modified at or before this time.", valueName: "time"))
  var newest: TimeArgument?

  @Option(
    name: [.customShort("s"), .customLong("snapshot")],
    help: ArgumentHelp("Only in this snapshot; may be repeated.", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Flag(name: [.short, .long], help: "Show mode, owner, size and time, too.")
  var long = false

  @Flag(help: "With --long: sizes in KiB, MiB, …")
  var humanReadable = false

  @Flag(help: "The patterns are ids of chunks, or their beginnings.")
  var blob = false

  @Flag(help: "The patterns are ids of tree nodes, or their beginnings.")
  var tree = false

  @Flag(help: "The patterns are ids of packs, or their beginnings: find what lies in them.")
  var pack = false

  @Flag(name: [.customShort("R"), .long], help: "Oldest snapshots first.")
  var reverse = false

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let choice = try SnapshotAccess(repository.unlocked, filter, on: console).choice(
      named: snapshots.map(\.bytes))
    let oldestFirst = choice.readable(on: console)
    let chosen = reverse ? oldestFirst : oldestFirst.reversed()
    let reader = CancellableSource(try repository.makeReader(), Interruption.flag)
    if blob || tree || pack {
      try findObjects(in: chosen, repository, reader, console)
    } else {
      try findPaths(in: chosen, reader, console)
    }
    try choice.finish()
    return .success
  }

  private func findPaths(
    in snapshots: [ChosenSnapshot], _ reader: CancellableSource, _ console: Console
  ) throws {
    let finder = try PathFinder(
      patterns: patterns.map(\.bytes), ignoringCase: ignoreCase,
      oldest: oldest?.fileTime, newest: newest?.fileTime)
    let report = FoundPaths(console, isLong: long, isHumanReadable: humanReadable)
    for snapshot in snapshots {
      try finder.search(snapshot.id, snapshot.record.rootDirectory, from: reader) { found in
        try Interruption.flag.check()
        try report.add(found, in: snapshot)
      }
    }
    try report.finish()
  }

  private func findObjects(
    in snapshots: [ChosenSnapshot], _ repository: IndexedRepository, _ reader: CancellableSource,
    _ console: Console
  ) throws {
    let ids = patterns.map { String(decoding: $0.bytes, as: UTF8.self) }
    let finder = try ObjectFinder(
      chunks: blob ? ids : [], nodes: tree ? ids : [],
      exact: pack ? PackContents.addresses(inPacks: ids, of: repository.index) : [])
    let report = FoundObjects(console)
    for snapshot in snapshots {
      try finder.search(snapshot.id, snapshot.record.rootDirectory, from: reader) { found in
        try Interruption.flag.check()
        try report.add(found, in: snapshot)
      }
    }
    try report.finish()
  }
}
