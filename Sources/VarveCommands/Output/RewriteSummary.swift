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
      for (old, new) in present {
        try console.json {
          $0.member("message_type", "present")
          $0.member("old_snapshot_id", old.hex)
          $0.member("new_snapshot_id", new.hex)
          $0.member("forgotten", report.forgotten.contains(old))
        }
      }
      return try console.json {
        $0.member("message_type", "summary")
        if isDryRun { $0.member("dry_run", true) }
        $0.member("changed_snapshot_count", report.changes.count)
        $0.member("unchanged_snapshot_count", report.unchanged.count)
        $0.member("present_snapshot_count", report.present.count)
        if forgets { $0.member("forgotten_snapshot_count", report.forgotten.count) }
      }
    }
    guard !console.isQuiet else { return }
    for change in report.changes { try console.line(text(change)) }
    for (old, new) in present {
      let forgotten = isDryRun ? "; it would be forgotten" : "; it is forgotten"
      let end = report.forgotten.contains(old) ? forgotten : ""
      try console.line(
        "snapshot \(old.hex.prefix(8)) was rewritten before: it is \(new.hex.prefix(8))\(end)")
    }
    let verb = isDryRun ? "would rewrite" : "rewrote"
    let unchanged =
      report.unchanged.isEmpty
      ? "" : "; nothing to do in \(HumanText.count(report.unchanged.count, "other"))"
    let forgot =
      report.forgotten.isEmpty
      ? ""
      : "; \(isDryRun ? "would forget" : "forgot") "
        + HumanText.count(report.forgotten.count, "old snapshot")
    try console.line(
      "\(verb) \(HumanText.count(report.changes.count, "snapshot"))\(unchanged)\(forgot)")
  }

  private var present: [(old: Digest, new: Digest)] {
    report.present.sorted { $0.key < $1.key }.map { (old: $0.key, new: $0.value) }
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
