import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct LsCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "ls",
    abstract: "List the files in a snapshot.",
    usage: "varve ls [<options>] <snapshot[:path]> [<directory> ...]",
    discussion: """
      Without directories everything is listed; with them, what lies in each, and with --recursive \
      what lies below, too.

      Examples:
        varve ls latest
        varve ls -l latest /etc
        varve ls --recursive latest:/srv/data logs
        varve ls latest --json | jq -r 'select(.size > 1e9) | .path'
      """)

  @Argument(
    help: ArgumentHelp(
      "ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Argument(help: ArgumentHelp("Only these directories.", valueName: "directory"))
  var directories: [RawArgument] = []

  @Flag(name: [.short, .long], help: "Show mode, owner, size and time, too.")
  var long = false

  @Flag(help: "With directories: list what lies below them, at any depth.")
  var recursive = false

  @Flag(help: "With --long: sizes in KiB, MiB, …")
  var humanReadable = false

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let found = try SnapshotAccess(repository.unlocked, filter, on: console)
      .snapshot(named: snapshot.bytes)
    let reader = CancellableSource(try repository.makeReader(), Interruption.flag)
    let root = try TreeLookup.directory(
      at: found.path, below: found.record.rootDirectory, from: reader)
    if console.isJSON {
      try console.json(flushing: false) {
        $0.member("message_type", "snapshot")
        $0.member("struct_type", "snapshot")
        SnapshotJSON.members(found.record, id: found.id, into: &$0)
      }
    } else {
      console.note(level: 2, "snapshot \(found.title)")
    }
    let listing = Listing(
      directories: directories.map {
        SnapshotPath(components: found.path.components + SnapshotPath($0.bytes).components)
      }, isRecursive: recursive)
    try listing.forEach(below: root, at: found.path, from: reader) { path, entry in
      try Interruption.flag.check()
      if console.isJSON {
        try console.json(flushing: false) {
          $0.member("message_type", "node")
          $0.member("struct_type", "node")
          NodeJSON.members(entry, path: path, into: &$0)
        }
      } else {
        try console.write(
          EntryLine(isLong: long, isHumanReadable: humanReadable).bytes(
            entry, path: path, on: console))
      }
    }
    return .success
  }
}
