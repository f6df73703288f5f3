import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct TagCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "tag",
    abstract: "Change the tags of snapshots.",
    usage: "varve tag [<options>] [<snapshot> ...]",
    discussion: """
      A snapshot's record never changes: a new record with the new tags takes its place, under a \
      new id, and names the first one as its original.

      Examples:
        varve tag --add keep latest
        varve tag --remove nightly --host db1
        varve tag --set release,v1.2 79766175
      """)

  @Argument(
    help: ArgumentHelp("Which (default: all that the options select).", valueName: "snapshot"))
  var snapshots: [RawArgument] = []

  @Option(
    name: .customLong("set"),
    help: ArgumentHelp("Have these tags and no others; '' for none.", valueName: "tag[,tag…]"))
  var replacement: [String] = []

  @Option(
    name: .customLong("add"), help: ArgumentHelp("Add tags.", valueName: "tag[,tag…]"))
  var added: [String] = []

  @Option(
    name: .customLong("remove"), help: ArgumentHelp("Remove tags.", valueName: "tag[,tag…]"))
  var removed: [String] = []

  @OptionGroup var filter: SnapshotFilterOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if replacement.isEmpty && added.isEmpty && removed.isEmpty {
      throw ValidationError("Give --set, --add or --remove.")
    }
    if !replacement.isEmpty && !(added.isEmpty && removed.isEmpty) {
      throw ValidationError("--set excludes --add and --remove.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try repository.require(.owner, to: "change tags")
    let choice = try SnapshotAccess(repository, filter, on: console).choice(
      named: snapshots.map(\.bytes))
    let operation: TagChange.Operation =
      replacement.isEmpty
      ? .edit(add: added.flatMap(TagList.parse), remove: removed.flatMap(TagList.parse))
      : .set(replacement.flatMap(TagList.parse))
    let changed = try TagChange(operation).run(
      on: choice.readable(on: console).map(\.id), in: repository, cancellation: Interruption.flag)
    if console.isJSON {
      for replacement in changed {
        try console.json {
          $0.member("message_type", "changed")
          $0.member("old_snapshot_id", replacement.old.hex)
          $0.member("new_snapshot_id", replacement.new.hex)
        }
      }
      try console.json {
        $0.member("message_type", "summary")
        $0.member("changed_snapshot_count", changed.count)
      }
    } else if !console.isQuiet {
      for replacement in changed {
        try console.line(
          "snapshot \(replacement.old.hex.prefix(8)) is now \(replacement.new.hex.prefix(8))")
      }
      try console.line("changed the tags of \(HumanText.count(changed.count, "snapshot"))")
    }
    try choice.finish()
    return .success
  }
}
