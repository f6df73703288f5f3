import Varve
import VarveFormat

/// What a rewrite did, for people and as JSON.
struct RewriteSummary {
  private let report: RewriteReport
  private let isDryRun: Bool
  private let forgets: Bool

  init(_ report: RewriteReport, isDryRun: Bool, forgets: Bool) {
    self.report = report
    self.isDryRun = isDryRun
    self.forgets = forgets
  }

  func print(on console: Console) throws {
    guard !console.isJSON else {
      for change in report.changes { try console.json { json(change, into: &$0) } }
      return try console.json {
        $0.member("message_type", "summary")
        if isDryRun { $0.member("dry_run", true) }
        $0.member("changed_snapshot_count", report.changes.count)
        $0.member("unchanged_snapshot_count", report.unchanged.count)
        $0.member("present_snapshot_count", report.present.count)
      }
    }
    guard !console.isQuiet else { return }
    for change in report.changes { try console.line(text(change)) }
    for (old, new) in report.present.sorted(by: { $0.key < $1.key }) {
      try console.line(
        "snapshot \(old.hex.prefix(8)) was rewritten before: it is \(new.hex.prefix(8))")
    }
    let verb = isDryRun ? "would rewrite" : "rewrote"
    let unchanged =
      report.unchanged.isEmpty
      ? "" : "; nothing to do in \(HumanText.count(report.unchanged.count, "other"))"
    try console.line(
      "\(verb) \(HumanText.count(report.changes.count, "snapshot"))\(unchanged)")
  }

  private func text(_ change: RewriteReport.Change) -> String {
    var line = "snapshot \(change.old.hex.prefix(8)) "
    if let new = change.new {
      line += (forgets ? "is now " : "was rewritten as ") + "\(new.hex.prefix(8))"
    } else {
      line += "would be rewritten"
    }
    if let files = change.removedFiles, let bytes = change.removedBytes {
      line += ", without \(HumanText.count(files, "file")), \(HumanText.bytes(bytes))"
    }
    return line
  }

  private func json(_ change: RewriteReport.Change, into writer: inout JSONWriter) {
    writer.member("message_type", isDryRun ? "would_change" : "changed")
    writer.member("old_snapshot_id", change.old.hex)
    if let new = change.new { writer.member("new_snapshot_id", new.hex) }
    if let files = change.files { writer.member("total_files_processed", files) }
    if let bytes = change.bytes { writer.member("total_bytes_processed", bytes) }
    if let files = change.removedFiles { writer.member("removed_files", files) }
    if let bytes = change.removedBytes { writer.member("removed_bytes", bytes) }
  }
}
