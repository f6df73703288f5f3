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
        varve log show --windows --witness-policy policy.txt --tsa-ca tsa.pem
      """)

  @Option(help: ArgumentHelp("Only the newest n entries.", valueName: "n"))
  var latest: UInt64?

  @Flag(
    help:
      "Show between which times each entry was appended, by witnesses and time-stamping authorities."
  )
  var windows = false

  @OptionGroup var trust: TimeTrustOptions

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let access = RepositoryAccess(global, console)
    let log = try access.log()
    let times = try windows ? AttestedTimesReport(log, trust.trust(access)) : nil
    let size = log.head.size
    let first = latest.map { size - min($0, size) } ?? 0
    let authors = log.state.authors
    try log.forEachEntry(in: first..<size) { entry in
      try Interruption.flag.check()
      let statement = entry.statement
      let role = authors[statement.author]?.role
      let window = times?.window(ofEntry: entry.index)
      if console.isJSON {
        try console.json(flushing: false) {
          try Self.members(entry, role, into: &$0)
          if let window { AttestedTimesReport.members(window, statement.time, into: &$0) }
        }
      } else if let window {
        try console.line(
          "\(String(entry.index).leading(6))  \(AttestedTimesReport.text(window))  "
            + "\(statement.author.text.prefix(8))  \(statement.body.kind.padded(to: 10))  "
            + statement.body.summary + AttestedTimesReport.remark(window, statement.time))
      } else {
        let time = EntryText.shortTime(WallClock.local(seconds: statement.time.seconds))
        try console.line(
          "\(String(entry.index).leading(6))  \(time)  \(statement.author.text.prefix(8))  "
            + "\((role?.rawValue ?? "").padded(to: 6))  \(statement.body.kind.padded(to: 10))  "
            + statement.body.summary)
      }
    }
    return try times?.finish(on: console) ?? .success
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
