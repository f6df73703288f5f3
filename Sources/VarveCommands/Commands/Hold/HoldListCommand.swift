import ArgumentParser
import Varve
import VarveFormat
import VarveRepository

struct HoldListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List snapshots that are held.",
    usage: "varve hold list [<options>]")

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    let state = repository.log.state
    let now = WallClock.now()
    let held = state.snapshotsInOrder.compactMap { snapshot in
      state.hold(on: snapshot.id, at: now).map { (snapshot: snapshot, hold: $0) }
    }
    if console.isJSON {
      var writer = JSONWriter()
      writer.array { writer in
        for (snapshot, hold) in held {
          writer.object {
            $0.member("snapshot", snapshot.id.hex)
            $0.member("short_id", String(snapshot.id.hex.prefix(8)))
            Self.members(hold.term, into: &$0)
            $0.member("reason", hold.reason)
            $0.member("entry", hold.entry)
            $0.member("author", hold.author.text)
            $0.member("time", hold.time.utcSeconds)
          }
        }
      }
      writer.endLine()
      try console.write(writer.bytes)
      return .success
    }
    var table = TextTable([
      ("ID", .left), ("Logged", .left), ("Held", .left), ("Since", .left), ("Reason", .left),
    ])
    for (snapshot, hold) in held {
      table.add([
        String(snapshot.id.hex.prefix(8)), Self.local(snapshot.time), Self.text(hold.term),
        Self.local(hold.time), ByteText.printable(hold.reason),
      ])
    }
    let footer = HumanText.count(held.count, "snapshot")
    for line in table.lines(footer: footer) { try console.line(line) }
    return .success
  }

  static func text(_ term: LogStatement.Hold.Term) -> String {
    switch term {
    case .until(let time): "until \(local(time))"
    case .released: "until released"
    case .permanent: "for ever"
    }
  }

  static func members(_ term: LogStatement.Hold.Term, into writer: inout JSONWriter) {
    if case .until(let time) = term { writer.member("until", time.utcSeconds) }
    writer.member("permanent", term == .permanent)
  }

  private static func local(_ time: Timestamp) -> String {
    EntryText.shortTime(WallClock.local(seconds: time.seconds))
  }
}
