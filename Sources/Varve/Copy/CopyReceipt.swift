public import VarveFormat

extension CopyReport {
  /// What the target's log is to say of it; nil when there was nothing to copy, and after a dry run.
  public func receipt(started: Timestamp) -> LogStatement.Receipt? {
    guard !dryRun, !copied.isEmpty || !failed.isEmpty else { return nil }
    return LogStatement.Receipt(
      activity: .copy, result: failed.isEmpty ? .ok : .incomplete, started: started,
      counts: [
        "bytesAdded": Int64(clamping: dataAdded),
        "bytesStored": Int64(clamping: dataAddedPacked),
        "chunks": Int64(clamping: dataChunks),
        "snapshots": Int64(copied.count),
        "snapshotsFailed": Int64(failed.count),
        "snapshotsPresent": Int64(present.count),
        "treeNodes": Int64(clamping: treeChunks),
      ], scope: "snapshots", snapshots: copied.compactMap(\.target))
  }
}
