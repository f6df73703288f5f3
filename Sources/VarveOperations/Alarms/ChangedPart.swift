import VarveFormat

/// What a run has changed, against the run of the same source before it.
struct ChangedPart {
  /// New bytes.
  let added: Int64
  /// Of the files that were there, the part that is gone or changed, from 0 to 1.
  let part: Double
  /// Files that are gone or changed, and those that were there.
  let lostFiles: Int64
  let filesBefore: Int64
  let bytesBefore: Int64
  /// Bytes that are new, or that went, whichever is more.
  let stake: Int64
  /// Stored over read bytes of what is new; nil when nothing is.
  let ratio: Double?

  init(_ outcome: SourceOutcome, after previous: SourceOutcome) {
    func count(_ value: Int64) -> Int64 { max(0, value) }
    added = count(outcome.bytesAdded)
    filesBefore = count(previous.files)
    bytesBefore = count(previous.bytes)
    let kept = count(outcome.files.subtractingSaturated(outcome.filesNew))
    let removed = max(count(outcome.filesRemoved), filesBefore.subtractingSaturated(kept))
    lostFiles = min(filesBefore, removed.addingSaturated(count(outcome.filesChanged)))
    part = filesBefore > 0 ? Double(lostFiles) / Double(filesBefore) : 0
    stake = max(added, bytesBefore.subtractingSaturated(count(outcome.bytes)))
    ratio = added > 0 ? Double(count(outcome.bytesStored)) / Double(added) : nil
  }

  /// Each run against the one before it; the first has none.
  static func list(_ runs: some Collection<SourceOutcome>) -> [ChangedPart] {
    zip(runs, runs.dropFirst()).map { ChangedPart($1, after: $0) }
  }
}

extension Int64 {
  fileprivate func addingSaturated(_ other: Int64) -> Int64 {
    let (sum, isOver) = addingReportingOverflow(other)
    return isOver ? (other > 0 ? .max : .min) : sum
  }

  fileprivate func subtractingSaturated(_ other: Int64) -> Int64 {
    let (difference, isOver) = subtractingReportingOverflow(other)
    return isOver ? (other < 0 ? .max : .min) : difference
  }
}
