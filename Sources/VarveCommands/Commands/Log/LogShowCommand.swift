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
            + statement.body.summary)
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
}
