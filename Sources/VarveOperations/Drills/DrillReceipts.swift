// What the log has of a drill (docs/format.md, section 12): two receipts, so that one that failed cannot go unsaid.
//
//     drill-start   before anything is read: digests `drill` (its keyed id), `plan`, `challenge`; the snapshots
//     drill         result, counts (files, filesTotal, bytes, checks, checksFailed, milliseconds, startEntry,
//                   recoveryPointSeconds, recoveryTimeTarget, recoveryPointTarget), digests `drill`, `plan`,
//                   `challenge`, `sample`, `document`; the snapshots
//
// `startEntry` is the index of the first one. A drill-start that no drill of the same author names within a day is a
// finding of audits: it was killed, or its end was not to be seen.

import VarveFormat

extension DrillPlan {
  func startReceipt(digest: Digest, at start: Timestamp) -> LogStatement.Receipt {
    LogStatement.Receipt(
      activity: .drillStart, result: .ok, started: start, counts: [:],
      digests: ["challenge": challenge, "drill": id, "plan": digest],
      scope: drill.sample.text, snapshots: snapshots.compactMap(\.id))
  }
}

extension DrillRecord {
  func receipt(_ plan: DrillPlan) -> LogStatement.Receipt {
    var counts: [String: Int64] = [
      "bytes": bytes, "checks": Int64(steps.count), "checksFailed": Int64(failures.count),
      "files": files, "filesTotal": filesTotal, "milliseconds": milliseconds,
      "startEntry": Int64(clamping: startEntry),
    ]
    counts["recoveryPointSeconds"] = recoveryPoint
    counts["recoveryPointTarget"] = recoveryPointTarget
    counts["recoveryTimeTarget"] = recoveryTimeTarget
    return LogStatement.Receipt(
      activity: .drill, result: hasPassed ? .ok : .failed, started: started, counts: counts,
      digests: [
        "challenge": plan.challenge, "document": digest, "drill": plan.id, "plan": planDigest,
        "sample": sampleDigest,
      ], scope: plan.drill.sample.text, snapshots: plan.snapshots.compactMap(\.id))
  }
}
