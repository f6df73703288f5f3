import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct BackupCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Save files and directories as a new snapshot.",
    usage: "varve backup [<options>] <path> ...",
    discussion: """
      Only what has changed since the parent snapshot is read, and only data that the repository \
      does not have yet is stored. A file that cannot be read is named, the snapshot is saved \
      without it, and the exit code is 3.

      Patterns are restic's: * and ? do not cross a slash, ** does, a leading ! takes an earlier \
      match back, and a pattern without a slash matches names at any depth.

      Examples:
        varve backup /etc /home --exclude '*.cache' --one-file-system
        varve backup ~/work --tag nightly --meta commit=$(git rev-parse HEAD)
        pg_dump shop | varve backup --stdin --stdin-filename shop.sql
        varve backup --stdin-from-command --stdin-filename shop.sql -- pg_dump shop
        find . -name '*.conf' -print0 | varve backup --files-from-raw -
        varve backup /snapshots/home-today --as-path /home
        varve backup /var/lib/postgresql --chunk-size 64K
      """)

  @OptionGroup(title: "What to save") var sources: SourceOptions
  @OptionGroup(title: "What to leave out") var excluding: ExcludeOptions
  @OptionGroup(title: "What to record") var recording: RecordOptions
  @OptionGroup(title: "What to compare with") var changes: ChangeOptions

  @Flag(name: [.customShort("n"), .long], help: "Read and compare, but store nothing.")
  var dryRun = false

  @Flag(help: "Store access times, too.")
  var withAtime = false

  @Option(help: ArgumentHelp("How hard to compress.", valueName: "level"))
  var compression: CompressionArgument = .auto

  @Option(
    help: ArgumentHelp(
      "Cut files into chunks of about this many bytes, a power of two from 8K to 1M (default: the repository's, usually 1M, and 64K for files that are known to change in place, such as SQLite databases and disk images). Less is stored of a database or disk image that changes here and there; more must be kept in the index. Give the same size each time: what is cut differently is stored again.",
      valueName: "size"))
  var chunkSize: ByteSize?

  @Flag(help: "Do not decode each block again in memory before it is stored.")
  var noExtraVerify = false

  @Option(
    help: ArgumentHelp(
      "While the backup runs, save what is done so far every 15m (default), 1h30m or the like; 0 for never. An interrupted backup goes on from there when it is run again. Such a partial snapshot is dropped when a complete one is saved.",
      valueName: "time"))
  var partialInterval: IntervalArgument?

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if recording.asPath != nil && sources.paths.count != 1 {
      throw ValidationError("--as-path needs exactly one path to save.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let source = try sources.source {
      console.warning("\(ByteText.printable($0)) matches no file")
    }
    var options = BackupOptions(source: source)
    try excluding.apply(to: &options)
    try recording.apply(to: &options)
    changes.apply(to: &options)
    options.dryRun = dryRun
    options.withAtime = withAtime
    options.compression = compression.level
    options.chunkSizes = try chunkSize.map {
      try RepositoryConfig.ChunkSizes(mean: Int(clamping: $0.bytes))
    }
    options.verifyPacks = !noExtraVerify
    if let partialInterval { options.partialInterval = partialInterval.nanoseconds }
    let repository = try RepositoryAccess(global, console).indexed(
      for: [.owner, .writer], to: "make snapshots")
    let report = try BackupDisplay(console).show(repository, options)
    return report.problems.isEmpty ? .success : .incomplete
  }
}
