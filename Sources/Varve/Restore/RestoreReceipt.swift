public import VarveFormat
internal import VarveRepository

extension LogStatement.Receipt {
  /// What the log is to say of a restore.
  ///
  /// - Parameters:
  ///   - report: nil when it ended with an error.
  ///   - record: of the snapshot.
  public init(
    restoring snapshot: Digest, _ record: SnapshotRecord, _ options: RestoreOptions,
    _ report: RestoreReport?, started: Timestamp
  ) {
    var counts: [String: Int64] = [:]
    if let report {
      counts = [
        "bytes": Int64(clamping: report.bytesTotal),
        "bytesRestored": Int64(clamping: report.bytesRestored),
        "bytesVerified": Int64(clamping: report.bytesVerified),
        "filesVerified": Int64(clamping: report.filesVerified),
        "items": Int64(clamping: report.itemsTotal),
        "itemsDeleted": Int64(clamping: report.itemsDeleted),
        "itemsRestored": Int64(clamping: report.itemsRestored),
        "itemsSkipped": Int64(clamping: report.itemsSkipped),
        "problems": Int64(report.problems.count),
      ]
    }
    let patterns =
      options.includes + options.caseInsensitiveIncludes + options.excludes
      + options.caseInsensitiveExcludes
    let isPart = !options.subpath.isEmpty || !patterns.isEmpty
    self.init(
      activity: .restore,
      result: report.map { $0.problems.isEmpty ? .ok : .incomplete } ?? .failed,
      started: started, counts: counts,
      digests: record.treeCommitment.map { ["tree": $0] } ?? [:],
      scope: (isPart ? "part of a snapshot" : "snapshot") + (options.verify ? ", verified" : ""),
      snapshots: [snapshot])
  }
}
