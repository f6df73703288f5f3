import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct ManifestCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "manifest",
    abstract: "List the SHA-256 of each file in a snapshot, for sha256sum -c.",
    usage: "varve manifest [<options>] <snapshot[:path]>",
    discussion: """
      The digests come from the snapshot's tree; no file content is read. Names are relative to the \
      path, as a restore of snapshot:path puts them into its target, and escaped as sha256sum does. \
      Only regular files are listed, hard links under each name.

      Examples:
        varve manifest latest:/srv/data > data.sha256
        (cd /tmp/restored && varve manifest latest:/srv/data | sha256sum --check --quiet)
        varve manifest latest --absolute | sha256sum --check --quiet
      """)

  @Argument(
    help: ArgumentHelp("ID, latest or latest~N; :path for a part.", valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Flag(help: "Write the paths that the snapshot has, from the root.")
  var absolute = false

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).readable()
    let found = try SnapshotAccess(repository.unlocked, filter, on: console)
      .snapshot(named: snapshot.bytes)
    let reader = CancellableSource(try repository.makeReader(), Interruption.flag)
    console.note(level: 2, "snapshot \(found.title)")
    try Manifest(naming: absolute ? .absolute : .relative).forEach(
      in: found.record, at: found.path, from: reader
    ) { file in
      try Interruption.flag.check()
      guard console.isJSON else { return try console.write(file.line) }
      try console.json(flushing: false) {
        $0.member("message_type", "file")
        $0.member("name", bytes: file.name)
        $0.member("path", bytes: file.path)
        $0.member("size", file.size)
        $0.member("sha256", file.digest.hex)
      }
    }
    return .success
  }
}
