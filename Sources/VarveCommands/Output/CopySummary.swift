import Varve
import VarveFormat

/// What a copy did, for people and as JSON.
struct CopySummary {
  private let report: CopyReport

  init(_ report: CopyReport) { self.report = report }

  func print(on console: Console) throws {
    guard !console.isJSON else {
      return try console.json {
        $0.member("message_type", "summary")
        if report.dryRun { $0.member("dry_run", true) }
        $0.member("copied_snapshots", report.copied.count)
        $0.member("present_snapshots", report.present.count)
        $0.member("failed_snapshots", report.failed.count)
        $0.member("gone_snapshots", report.gone.count)
        $0.member("held_snapshots", report.held.count)
        $0.member("data_blobs", report.dataChunks)
        $0.member("tree_blobs", report.treeChunks)
        $0.member("data_added", report.dataAdded)
        if !report.dryRun { $0.member("data_added_packed", report.dataAddedPacked) }
        $0.member("total_duration", Double(report.duration) / 1e9)
      }
    }
    guard !console.isQuiet else { return }
    let verb = report.dryRun ? "would copy" : "copied"
    var line = "\(verb) \(HumanText.count(report.copied.count, "snapshot"))"
    if !report.present.isEmpty { line += "; \(report.present.count) were there already" }
    try console.line(line)
    if !report.held.isEmpty {
      let verb = report.dryRun ? "would hold" : "held"
      try console.line(
        "\(verb) \(HumanText.count(report.held.count, "copy", "copies")) that \(report.held.count == 1 ? "was" : "were") there already"
      )
    }
    if !report.gone.isEmpty {
      let ids = report.gone.map { String($0.hex.prefix(8)) }.joined(separator: ", ")
      try console.line("forgotten at the source meanwhile, and not copied: \(ids)")
    }
    let added = HumanText.bytes(report.dataAdded)
    try console.line(
      report.dryRun
        ? "would add \(added)"
        : "added to the repository: \(added) (\(HumanText.bytes(report.dataAddedPacked)) stored)")
  }
}
