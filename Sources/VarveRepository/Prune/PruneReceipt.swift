public import VarveFormat

extension PruneReport {
  /// What the log is to say of it; nil when nothing was to be done.
  public func receipt(started: Timestamp) -> LogStatement.Receipt? {
    guard !plan.isEmpty else { return nil }
    return LogStatement.Receipt(
      activity: .prune, result: .ok, started: started,
      counts: [
        "bytesCondemned": Int64(clamping: condemnedByteCount),
        "bytesDeleted": Int64(clamping: deletedByteCount),
        "bytesStored": Int64(clamping: storedByteCount),
        "objectsCondemned": Int64(clamping: condemnedObjects),
        "objectsDeleted": Int64(clamping: deletedObjects),
        "objectsStored": Int64(clamping: storedObjects),
      ], scope: "repository", snapshots: [])
  }
}
