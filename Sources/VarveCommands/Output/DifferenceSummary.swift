import Varve
import VarveFormat

/// The totals of a comparison, in restic's form.
struct DifferenceSummary {
  let report: Difference.Report
  let first: Digest
  let second: Digest

  func print(on console: Console) throws {
    let (added, removed) = (report.added, report.removed)
    if console.isJSON {
      try console.json {
        $0.member("message_type", "statistics")
        $0.member("source_snapshot", first.hex)
        $0.member("target_snapshot", second.hex)
        $0.member("changed_files", report.changedFiles)
        $0.key("added")
        Self.totals(added, into: &$0)
        $0.key("removed")
        Self.totals(removed, into: &$0)
      }
      return
    }
    guard !console.isQuiet else { return }
    for line in [
      "", row("Files", added.files, removed.files) + ", \(padded(report.changedFiles)) changed",
      row("Dirs", added.directories, removed.directories),
      row("Others", added.others, removed.others),
      row("Data blobs", added.dataChunks, removed.dataChunks),
      row("Tree blobs", added.treeChunks, removed.treeChunks),
      "  Added:   \(HumanText.bytes(added.bytes))", "  Removed: \(HumanText.bytes(removed.bytes))",
    ] {
      try console.line(line)
    }
  }

  private func row(_ name: String, _ added: UInt64, _ removed: UInt64) -> String {
    "\(name):".padded(to: 12) + "\(padded(added)) new, \(padded(removed)) removed"
  }

  private func padded(_ number: UInt64) -> String { String(number).leading(5) }

  private static func totals(_ totals: Difference.Totals, into writer: inout JSONWriter) {
    writer.object {
      $0.member("files", totals.files)
      $0.member("dirs", totals.directories)
      $0.member("others", totals.others)
      $0.member("data_blobs", totals.dataChunks)
      $0.member("tree_blobs", totals.treeChunks)
      $0.member("bytes", totals.bytes)
    }
  }
}
