import ArgumentParser
import Varve
import VarveFormat
import VarveOperations
import VarveRepository

struct HoldAddCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Hold snapshots.",
    usage: "varve hold add [<options>] <snapshot> ...",
    discussion: """
      Without --until and --permanent they are held until an owner releases them.

      Examples:
        varve hold add --reason "before the migration" latest
        varve hold add --until 2030-01-01 79766175
      """)

  @OptionGroup var chosen: HeldSnapshotOptions

  @Option(
    help: ArgumentHelp(
      "When the hold ends: \"2006-01-02 15:04:05\" in local time, or RFC 3339.",
      valueName: "time"))
  var until: TimeArgument?

  @Flag(help: "For ever: nobody can take it back.")
  var permanent = false

  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if until != nil && permanent {
      throw ValidationError("--until and --permanent exclude each other.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let ids = try chosen.ids(in: repository, on: console)
    let term: LogStatement.Hold.Term =
      permanent ? .permanent : until.map { .until($0.timestamp) } ?? .released
    let held = try HoldChange(repository).add(to: ids, term: term, reason: chosen.reason)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "hold_added")
        $0.member("snapshots", held.map(\.hex))
        HoldListCommand.members(term, into: &$0)
      }
      return .success
    }
    for id in ids where !held.contains(id) {
      console.note("\(id.hex.prefix(8)) is held as long or longer already")
    }
    if !console.isQuiet {
      try console.line(
        "held \(HumanText.count(held.count, "snapshot")), \(HoldListCommand.text(term))")
    }
    return .success
  }
}

extension HeldSnapshotOptions {
  /// Each once.
  func ids(in repository: UnlockedRepository, on console: Console) throws -> [Digest] {
    try SnapshotSearch(repository) { console.warning($0.complaint) }
      .ids(of: try snapshots.map { try SnapshotSelector(parsing: $0.bytes) })
  }
}
