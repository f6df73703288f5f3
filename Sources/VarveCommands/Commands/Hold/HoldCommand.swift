import ArgumentParser
import VarveOperations

/// `varve hold …`: snapshots that may not be forgotten.
struct HoldCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "hold",
    abstract: "Protect snapshots from being forgotten, for a time or for ever.",
    discussion: """
      No rule, policy or id forgets a snapshot that is held. A hold is an entry in the log; another one \
      never shortens it. Owners and writers may hold, only an owner may release, and nobody can release \
      a permanent hold.

      Examples:
        varve hold add --reason "before the migration" latest
        varve hold add --until 2030-01-01 --reason "tax year 2026" 79766175
        varve hold add --permanent --reason "evidence in case 17" 79766175
        varve hold list
        varve hold remove 79766175
      """,
    subcommands: [HoldAddCommand.self, HoldRemoveCommand.self, HoldListCommand.self])
}

/// Snapshots by id, or the newest.
struct HeldSnapshotOptions: ParsableArguments {
  @Argument(
    help: ArgumentHelp("Ids or their beginnings, latest, latest~N.", valueName: "snapshot"))
  var snapshots: [RawArgument]

  @Option(
    help: ArgumentHelp(
      "Why. It stands in the log for all to read: no secrets, no names.", valueName: "text"))
  var reason = ""
}
