import ArgumentParser
import VarveFormat
import VarveProof
import VarveRepository

struct LogShowCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "List the entries of the log. Needs no password.",
    usage: "varve log show [<options>]",
    discussion: """
      Examples:
        varve log show
        varve log show --latest 10
        varve log show --json | jq 'select(.kind == "snapshot")'
      """)

  @Option(help: ArgumentHelp("Only the newest n entries.", valueName: "n"))
  var latest: UInt64?

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let log = try access.opened().openLog(client: try access.client())
    let size = log.head.size
    let first = latest.map { size - min($0, size) } ?? 0
    let authors = log.state.authors
    try log.forEachEntry(in: first..<size) { entry in
      try Interruption.flag.check()
      let statement = entry.statement
      let role = authors[statement.author]?.role
      if console.isJSON {
        try console.json(flushing: false) { try Self.members(entry, role, into: &$0) }
      } else {
        let time = EntryText.shortTime(WallClock.local(seconds: statement.time.seconds))
        try console.line(
          "\(String(entry.index).leading(6))  \(time)  \(statement.author.text.prefix(8))  "
            + "\((role?.rawValue ?? "").padded(to: 6))  \(statement.body.kind.padded(to: 10))  "
            + Self.summary(statement.body))
      }
    }
    return .success
  }

  private static func members(_ entry: LogEntry, _ role: Role?, into writer: inout JSONWriter)
    throws
  {
    let statement = entry.statement
    writer.member("message_type", "entry")
    writer.member("index", entry.index)
    writer.member("kind", statement.body.kind)
    writer.member("author", statement.author.text)
    if let role { writer.member("role", role.rawValue) }
    writer.member("time", statement.time.utcSeconds)
    writer.member("program", statement.program)
    let payload = try JSONValue(canonical: entry.envelope.payload, "log entry \(entry.index)")
    writer.key("predicate")
    writer.raw(try payload.member("predicate").canonicalText)
  }

  /// What the entry says, in a few words.
  private static func summary(_ body: LogStatement.Body) -> String {
    switch body {
    case .genesis(let genesis): return "config \(genesis.config.hex.prefix(8))"
    case .credential(let change):
      let added = change.additions.map { "+\($0.credential.hex.prefix(8)) (\($0.role.rawValue))" }
      return (added + change.removals.map { "-\($0.credential.hex.prefix(8))" })
        .joined(separator: " ")
    case .snapshot(let addition):
      let what =
        switch addition.additions {
        case .listed(let objects): "\(objects.count) new objects"
        case .inventory(let digest): "inventory \(digest.hex.prefix(8))"
        }
      let original = addition.original.map { ", was \($0.hex.prefix(8))" } ?? ""
      return "\(addition.snapshot.hex.prefix(8)), \(what)\(original)"
    case .forget(let forgetting):
      return forgetting.snapshots.map { String($0.hex.prefix(8)) }.joined(separator: " ") + ": "
        + ByteText.printable(forgetting.reason)
    case .check(let result):
      return ByteText.printable(result.scope) + ": "
        + (result.isDamaged ? "\(result.damaged.count) damaged" : "no damage")
    }
  }
}
