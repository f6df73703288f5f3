import ArgumentParser
import VarveFormat
import VarveRepository

struct ReceiptListCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "List the receipts in the log. Needs no password.",
    usage: "varve receipt list [<options>]",
    discussion: """
      Examples:
        varve receipt list
        varve receipt list --json | jq 'select(.result != "ok")'
      """)

  @OptionGroup var global: GlobalOptions

  func execute(on console: Console) throws -> ExitStatus {
    let state = try RepositoryAccess(global, console).log(unlocked: false).state
    for row in Self.rows(state) {
      if console.isJSON {
        try console.json(flushing: false) {
          $0.member("message_type", "receipt")
          $0.member("index", row.entry)
          $0.member("author", row.author.text)
          $0.member("activity", row.activity)
          $0.member("result", row.result)
          $0.member("scope", row.scope)
          $0.member("started", row.started.utcSeconds)
          $0.member("ended", row.ended.utcSeconds)
          $0.member("snapshots", row.snapshots.map(\.hex))
          $0.key("counts")
          $0.object { writer in
            for (name, count) in row.counts.sorted(by: { $0.key < $1.key }) {
              writer.member(name, count)
            }
          }
          $0.key("digests")
          $0.object { writer in
            for (name, digest) in row.digests.sorted(by: { $0.key < $1.key }) {
              writer.member(name, digest.hex)
            }
          }
        }
      } else {
        let time = EntryText.shortTime(WallClock.local(seconds: row.ended.seconds))
        let snapshots = row.snapshots.map { String($0.hex.prefix(8)) }.joined(separator: " ")
        try console.line(
          "\(String(row.entry).leading(6))  \(time)  \(row.author.text.prefix(8))  "
            + "\(row.activity.padded(to: 11))  \(row.result.padded(to: 10))  "
            + ByteText.printable(row.scope) + (snapshots.isEmpty ? "" : "  \(snapshots)"))
      }
    }
    return .success
  }

  private struct Row {
    let entry: UInt64
    let author: KeyID
    let activity: String
    let result: String
    let scope: String
    let started: Timestamp
    let ended: Timestamp
    var snapshots: [Digest] = []
    let counts: [String: Int64]
    var digests: [String: Digest] = [:]
  }

  /// Receipts and checks, in the order of the log.
  private static func rows(_ state: LogState) -> [Row] {
    let receipts = state.receipts.map { row in
      let receipt = row.receipt
      return Row(
        entry: row.entry, author: row.author, activity: receipt.activity.rawValue,
        result: receipt.result.rawValue, scope: receipt.scope, started: receipt.started,
        ended: row.time, snapshots: receipt.snapshots, counts: receipt.counts,
        digests: receipt.digests)
    }
    let checks = state.checks.map { check in
      Row(
        entry: check.entry, author: check.author, activity: "check",
        result: check.result.isDamaged ? "damaged" : "ok", scope: check.result.scope,
        started: check.result.started, ended: check.time, counts: check.result.counts)
    }
    return (receipts + checks).sorted { $0.entry < $1.entry }
  }
}
