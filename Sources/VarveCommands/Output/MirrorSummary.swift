import VarveFormat
import VarveRepository

/// What mirroring did, for people and as JSON.
struct MirrorSummary {
  private let report: MirrorReport

  init(_ report: MirrorReport) { self.report = report }

  func print(on console: Console) throws {
    if report.deletionIsForbidden {
      console.warning(
        "the target lets nothing be deleted; what the source has swept stays there")
    }
    if let failure = report.derivedFailure {
      console.warning("\(ByteText.printable(failure.message)); nothing depends on it")
    }
    guard !console.isJSON else {
      return try console.json {
        $0.member("message_type", "summary")
        if report.dryRun { $0.member("dry_run", true) }
        if report.isNew { $0.member("created", true) }
        $0.member("objects_copied", report.objectsCopied)
        $0.member("objects_present", report.objectsPresent)
        $0.member("objects_replaced", report.objectsReplaced)
        $0.member("objects_deleted", report.objectsDeleted)
        $0.member("objects_failed", report.failures.count)
        $0.member("bytes_copied", report.bytesCopied)
        $0.member("bytes_verified", report.bytesVerified)
        $0.member("bytes_deleted", report.bytesDeleted)
        $0.member("commits_copied", report.commitsCopied)
        $0.member("log_entries", report.logSize)
        $0.member("total_duration", Double(report.duration) / 1e9)
      }
    }
    guard !console.isQuiet else { return }
    let would = report.dryRun ? "would have " : ""
    try console.line(
      "\(would)copied \(HumanText.count(report.objectsCopied, "object")), "
        + "\(HumanText.bytes(report.bytesCopied)); \(report.objectsPresent) were there already")
    if report.bytesVerified > 0 && !report.dryRun {
      try console.line("verified there: \(HumanText.bytes(report.bytesVerified))")
    }
    if report.objectsReplaced > 0 {
      try console.line(
        "\(would)replaced \(HumanText.count(report.objectsReplaced, "object")) that "
          + "\(report.objectsReplaced == 1 ? "was" : "were") damaged there")
    }
    if report.objectsDeleted > 0 {
      try console.line(
        "\(would)deleted \(HumanText.count(report.objectsDeleted, "object")), "
          + HumanText.bytes(report.bytesDeleted))
    }
    try console.line(
      "\(would)added \(HumanText.count(report.commitsCopied, "commit")) to the log"
        + (report.dryRun
          ? "" : ", which has \(HumanText.count(report.logSize, "entry", "entries")) at the source")
    )
  }
}
