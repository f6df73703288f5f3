import ArgumentParser
import Varve
import VarveFormat

struct RestoreCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "restore",
    abstract: "Restore a snapshot, or a part of one, into a directory.",
    discussion: """
      The snapshot is an id, the beginning of one, latest, or latest~N (the Nth before the latest); \
      with :path, only what lies below that path is restored, right into the target.

      Files that are there already are compared chunk by chunk and rewritten where they differ; \
      --overwrite says otherwise. Nothing is ever written outside the target. A file whose data is \
      damaged is named and left out, and the exit code is 20.

      Examples:
        varve restore latest --target /
        varve restore latest:/etc/nginx --target /tmp/nginx --verify
        varve restore 79766175 -t /mnt --include '*.conf' --dry-run -v
        varve restore latest~1 --host db1 -t /var/lib/app --delete --overwrite if-changed
      """)

  @Argument(
    help: ArgumentHelp(
      "What to restore: ID, latest or latest~N; :path for a part.",
      valueName: "snapshot[:path]"))
  var snapshot: RawArgument

  @Option(
    name: [.customShort("t"), .long],
    help: ArgumentHelp(
      "The directory to restore into; it is made if need be.",
      valueName: "directory"))
  var target: RawArgument

  @OptionGroup var selecting: RestoreSelectionOptions

  @Option(
    help: ArgumentHelp(
      "What to do about files that exist: always, if-changed (size or time differ), if-newer "
        + "or never.", valueName: "when"))
  var overwrite: OverwriteArgument = .always

  @Flag(help: "Delete from restored directories what the snapshot does not have.")
  var delete = false

  @Flag(help: "Do not write runs of zeros: they become holes.")
  var sparse = false

  @Flag(help: "Read everything back and compare it with the snapshot.")
  var verify = false

  @Flag(
    name: [.customShort("n"), .long],
    help: "Say what would be done (with -v, each item), and do nothing.")
  var dryRun = false

  @Flag(help: "Give files to the owners of the same name, not of the same number.")
  var ownershipByName = false

  @OptionGroup(title: "Which latest") var filter: SnapshotFilterOptions
  @OptionGroup(title: "Global options") var global: GlobalOptions

  mutating func validate() throws {
    if target.bytes.isEmpty { throw ValidationError("--target is empty.") }
  }

  func execute(on console: Console) throws -> ExitStatus {
    .success
  }
}
