import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct BackupCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "backup",
    abstract: "Save files and directories as a new snapshot.",
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
      """)

  @OptionGroup var sources: SourceOptions
  @OptionGroup(title: "Leaving out") var excluding: ExcludeOptions

  @Option(
    name: [.customShort("H"), .long],
    help: ArgumentHelp("The host name to record (default: this host's).", valueName: "name"))
  var host: String?

  @Option(
    name: .customLong("tag"),
    help: ArgumentHelp("Tags for the snapshot; may be repeated.", valueName: "tag[,tag…]"))
  var tags: [String] = []

  @Option(
    help: ArgumentHelp(
      "The time to record: \"2006-01-02 15:04:05\" in local time, or RFC 3339.",
      valueName: "time"))
  var time: TimeArgument?

  @Option(
    help: ArgumentHelp(
      "Something to record in the snapshot; may be repeated.", valueName: "key=value"))
  var meta: [String] = []

  @Option(
    help: ArgumentHelp(
      "The path to record for the one directory or file given, instead of its own.",
      valueName: "path"))
  var asPath: RawArgument?

  @Option(
    help: ArgumentHelp(
      "Compare with this snapshot (default: the newest of this host and these paths).",
      valueName: "snapshot"))
  var parent: String?

  @Flag(name: [.customShort("f"), .long], help: "Compare with none: read every file.")
  var force = false

  @Flag(help: "A file with a new inode number may still be unchanged.")
  var ignoreInode = false

  @Flag(help: "A file with a new ctime may still be unchanged.")
  var ignoreCtime = false

  @Flag(help: "Save no snapshot when nothing differs from the parent.")
  var skipIfUnchanged = false

  @Flag(help: "Store access times, too.")
  var withAtime = false

  @Flag(name: [.customShort("n"), .long], help: "Read and compare, but store nothing.")
  var dryRun = false

  @Option(
    help: ArgumentHelp("off, fastest, auto, better or max.", valueName: "level"))
  var compression: CompressionArgument = .auto

  @Flag(help: "Do not decode each pack again in memory before it is stored.")
  var noExtraVerify = false

  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func validate() throws {
    if force && parent != nil { throw ValidationError("--force and --parent exclude each other.") }
    if asPath != nil && sources.paths.count != 1 {
      throw ValidationError("--as-path needs exactly one path to save.")
    }
    for pair in meta {
      guard let equals = pair.firstIndex(of: "="), equals != pair.startIndex else {
        throw ValidationError("--meta wants KEY=VALUE, not \"\(pair)\".")
      }
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let options = try options(console)
    let repository = try RepositoryAccess(global, console).indexed()
    let display = BackupDisplay(console)
    let reporter = display.start()
    let report: BackupReport
    do {
      report = try Backup.run(
        repository, options: options, observer: display, cancellation: Interruption.flag)
    } catch {
      reporter.stop()
      throw error
    }
    reporter.stop()
    try BackupSummary(report).print(on: console)
    return report.problems.isEmpty ? .success : .incomplete
  }

  private func options(_ console: Console) throws -> BackupOptions {
    let source = try sources.source {
      console.warning("\(ByteText.printable($0)) matches no file")
    }
    var options = BackupOptions(source: source)
    try excluding.apply(to: &options)
    options.asPath = asPath?.bytes
    options.host = host
    options.tags = tags.flatMap(TagList.parse)
    options.time = time?.timestamp
    for pair in meta {
      let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard options.meta.updateValue(String(parts[1]), forKey: String(parts[0])) == nil else {
        throw VarveError(.usage, "--meta \(parts[0]) is given twice", hint: "keys are unique")
      }
    }
    options.parent = force ? .none : parent.map { .selector($0) } ?? .automatic
    options.ignoreInode = ignoreInode
    options.ignoreCtime = ignoreCtime
    options.skipIfUnchanged = skipIfUnchanged
    options.withAtime = withAtime
    options.dryRun = dryRun
    options.compression = compression.level
    options.verifyPacks = !noExtraVerify
    return options
  }
}
