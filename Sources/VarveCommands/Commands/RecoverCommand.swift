import ArgumentParser
import VarveFormat
import VarveRepository

struct RecoverCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "recover",
    abstract: "List forgotten snapshots that can be brought back.",
    usage: "varve recover [<options>]",
    discussion: """
      Lists the snapshots that were forgotten and whose forgetting is not swept yet, the newest first, with \
      times in this machine's time zone. 'varve undo' brings them back.
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let repository = try RepositoryAccess(global, console).unlocked()
    try repository.require(.owner, .reader, to: "see what was forgotten")
    let forgotten = try Undo.candidates(repository)
    if console.isJSON {
      for row in forgotten {
        let record = try? repository.snapshotRecord(row.snapshot.id)
        try console.json {
          $0.member("message_type", "forgotten")
          $0.member("id", row.snapshot.id.hex)
          $0.member("short_id", String(row.snapshot.id.hex.prefix(8)))
          $0.member("forgotten", row.time.utcSeconds)
          $0.member("entry", row.entry)
          if let record { $0.member("time", record.time.precise) }
        }
      }
      return .success
    }
    guard !forgotten.isEmpty else {
      console.note("nothing that was forgotten can be brought back")
      return .success
    }
    var table = TextTable([
      ("ID", .left), ("Time", .left), ("Host", .left), ("Forgotten", .left),
    ])
    for row in forgotten {
      let record = try? repository.snapshotRecord(row.snapshot.id)
      table.add([
        String(row.snapshot.id.hex.prefix(8)),
        record.map { Self.local($0.time) } ?? "unreadable",
        record.map { ByteText.printable($0.host) } ?? "", Self.local(row.time),
      ])
    }
    for line in table.lines() { try console.line(line) }
    return .success
  }

  private static func local(_ time: Timestamp) -> String {
    EntryText.shortTime(WallClock.local(seconds: time.seconds))
  }
}
