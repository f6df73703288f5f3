import Varve
import VarveFormat

/// What a backup says when it is done, in restic's form.
struct BackupSummary {
  private let report: BackupReport

  init(_ report: BackupReport) { self.report = report }

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
    SnapshotSummaryJSON.counts(report.counts, into: &writer)
    if let size = report.chunkSize { writer.member("chunk_size", size) }
    writer.member("sockets_skipped", report.socketsSkipped)
    writer.member("error_count", report.problems.count)
    writer.member("backup_start", report.start.precise)
    writer.member("backup_end", report.end.precise)
    writer.member("total_duration", Double(report.duration) / 1e9)
    if let parent = report.parent { writer.member("parent", parent.hex) }
    if let resumed = report.resumed { writer.member("resumed", resumed.hex) }
    if report.attempts > 1 { writer.member("attempts", report.attempts) }
    if let snapshot = report.snapshot { writer.member("snapshot_id", snapshot.hex) }
  }

  private var lines: [String] {
    let counts = report.counts
    var lines = [
      "Files:       " + row(counts.filesNew, counts.filesChanged, counts.filesUnmodified),
      "Dirs:        "
        + row(
          counts.directoriesNew, counts.directoriesChanged, counts.directoriesUnmodified),
      (report.dryRun ? "Would add to the repository: " : "Added to the repository: ")
        + "\(HumanText.bytes(counts.dataAdded)) (\(HumanText.bytes(counts.dataAddedPacked)) stored)",
      "",
      "processed \(HumanText.count(counts.filesProcessed, "file")), "
        + "\(HumanText.bytes(counts.bytesProcessed)) in "
        + HumanText.duration(seconds: report.duration / 1_000_000_000),
    ]
    if let resumed = report.resumed {
      lines.append("went on from the partial snapshot \(resumed.hex.prefix(8))")
    }
    if report.socketsSkipped > 0 {
      lines.append("skipped \(HumanText.count(report.socketsSkipped, "socket"))")
    }
    let kept = report.problems.count { $0.isKept }
    if kept < report.problems.count {
      lines.append(
        "\(HumanText.count(report.problems.count - kept, "problem")): "
          + "what is named above could not be read, and is not in the snapshot")
    }
    if kept > 0 {
      lines.append(
        "\(HumanText.count(kept, "problem")): "
          + "what is named above is in the snapshot, but not as it was found")
    }
    if let snapshot = report.snapshot {
      lines.append("snapshot \(snapshot.hex.prefix(8)) saved")
    } else if report.dryRun {
      lines.append("nothing was stored (--dry-run)")
    } else {
      lines.append("no snapshot saved: nothing has changed")
    }
    return lines
  }

  private func row(_ new: UInt64, _ changed: UInt64, _ unmodified: UInt64) -> String {
    "\(padded(new)) new, \(padded(changed)) changed, \(padded(unmodified)) unmodified"
  }

  private func padded(_ number: UInt64) -> String {
    let digits = String(number)
    return String(repeating: " ", count: max(0, 5 - digits.count)) + digits
  }
}
