import Varve
import VarveFormat

/// What a restore says when it is done, in restic's form.
struct RestoreSummary {
  private let report: RestoreReport

  /// What leads back.
  private let safety: Digest?

  init(_ report: RestoreReport, safety: Digest? = nil) {
    self.report = report
    self.safety = safety
  }

  func print(on console: Console) throws {
    if console.isJSON {
      try console.json { json(into: &$0) }
    } else if !console.isQuiet {
      for line in lines { try console.line(line) }
    }
  }

  private func json(into writer: inout JSONWriter) {
    writer.member("message_type", "summary")
    if report.dryRun { writer.member("dry_run", true) }
    writer.member("seconds_elapsed", report.duration / 1_000_000_000)
    writer.member("total_files", report.itemsTotal)
    writer.member("files_restored", report.itemsRestored)
    writer.member("files_skipped", report.itemsSkipped)
    writer.member("files_deleted", report.itemsDeleted)
    writer.member("total_bytes", report.bytesTotal)
    writer.member("bytes_restored", report.bytesRestored)
    writer.member("bytes_skipped", report.bytesSkipped)
    writer.member("files_verified", report.filesVerified)
    writer.member("bytes_verified", report.bytesVerified)
    writer.member("error_count", report.problems.count)
    if let safety { writer.member("safety_snapshot", safety.hex) }
  }

  private var lines: [String] {
    let verb = report.dryRun ? "Would restore" : "Restored"
    var line = "\(verb) \(report.itemsRestored) / \(report.itemsTotal) files and directories, "
    line += "\(HumanText.bytes(report.bytesRestored)) / \(HumanText.bytes(report.bytesTotal)), in "
    line += HumanText.duration(seconds: report.duration / 1_000_000_000)
    var lines = [line]
    if report.itemsSkipped > 0 {
      lines.append(
        "left \(HumanText.count(report.itemsSkipped, "item")) as they were, "
          + HumanText.bytes(report.bytesSkipped))
    }
    if report.itemsDeleted > 0 {
      lines.append(
        "\(report.dryRun ? "would delete" : "deleted") "
          + HumanText.count(report.itemsDeleted, "item"))
    }
    if report.filesVerified > 0 {
      lines.append(
        "verified \(HumanText.count(report.filesVerified, "file")), "
          + HumanText.bytes(report.bytesVerified))
    }
    if let safety {
      lines.append(
        "what was there before is in \(safety.hex.prefix(8)): 'varve restore --undo \(safety.hex.prefix(8))' puts it back"
      )
    }
    if !report.problems.isEmpty {
      lines.append(HumanText.count(report.problems.count, "problem") + ", named above")
    }
    return lines
  }
}
