// When is a change one that somebody should look at? A run is compared with the runs of the same source before it:
//
//     growth     more new bytes than `growthFactor` times the median of the runs before, or than that part of the
//                source (1% of it, times the factor), whichever is more
//     rewriting  `rewrittenPart` of the files that were there are gone or changed
//     entropy    what is new does not compress (`incompressiblePart`), what came before did, and it took the place of a
//                good part of the files that were there: what programs that encrypt for ransom do
//
// What is large is measured in bytes: new ones, or those that went. Below `minimumBytes` nothing is said. What has come
// twice before is the source's way (a full dump each Sunday, a log that is rotated): nothing is said then either.

import VarveFormat

extension ChangeAlarm {
  /// So many runs are looked at, the newest.
  package static let historyLimit = 200
  /// With fewer changes before it the median says nothing.
  private static let fewestChanges = 3
  /// From so many files on it takes no history to be surprised when most of them change.
  private static let manyFiles: Int64 = 100
  /// New bytes of a run are compared with at least this part of the source.
  private static let ordinaryGrowth = 0.01
  /// Of `rewrittenPart`: what is enough when it looks encrypted.
  private static let replacedPart = 0.2
  /// What came before must have compressed better than `incompressiblePart` by so much.
  private static let compressibleMargin = 0.07

  /// Whether a run's change is suspicious.
  ///
  /// - Parameters:
  ///   - outcome: of the run that has just ended.
  ///   - history: of the runs of the same source before it, oldest first; those that failed are not looked at.
  /// - Returns: what is suspicious, without names of files; nil when nothing is.
  public func judge(_ outcome: SourceOutcome, history: [SourceOutcome]) -> String? {
    let runs = history.filter { $0.result == .success || $0.result == .incomplete }
      .suffix(Self.historyLimit)
    guard let previous = runs.last else { return nil }
    let change = ChangedPart(outcome, after: previous)
    guard change.stake >= minimumBytes else { return nil }
    let before = ChangedPart.list(runs)
    let findings = [
      growth(change, before), rewriting(change, before), entropy(change, before, runs),
    ].compactMap(\.self)
    return findings.isEmpty ? nil : findings.joined(separator: "; ")
  }

  private func growth(_ change: ChangedPart, _ before: [ChangedPart]) -> String? {
    guard before.count >= Self.fewestChanges, change.added >= minimumBytes else { return nil }
    let added = before.map(\.added).sorted()
    let median = added[added.count / 2]
    let baseline = max(Double(median), Double(change.bytesBefore) * Self.ordinaryGrowth)
    guard Double(change.added) > growthFactor * baseline,
      !isUsual(before, { $0.added >= change.added / 2 })
    else { return nil }
    return "\(Self.bytes(change.added)) are new; the median of "
      + "\(HumanText.count(before.count, "run")) before is \(Self.bytes(median))"
  }

  private func rewriting(_ change: ChangedPart, _ before: [ChangedPart]) -> String? {
    guard change.part >= rewrittenPart,
      change.filesBefore >= Self.manyFiles || before.count >= Self.fewestChanges,
      !isUsual(before, { $0.part >= rewrittenPart && $0.stake >= minimumBytes })
    else { return nil }
    return
      "\(change.lostFiles) of \(HumanText.count(change.filesBefore, "file")) are changed or gone"
  }

  private func entropy(
    _ change: ChangedPart, _ before: [ChangedPart], _ runs: some Collection<SourceOutcome>
  ) -> String? {
    let part = rewrittenPart * Self.replacedPart
    guard let ratio = change.ratio, change.added >= minimumBytes, ratio >= incompressiblePart,
      change.part >= part,
      !isUsual(
        before,
        { $0.part >= part && $0.added >= minimumBytes && ($0.ratio ?? 0) >= incompressiblePart })
    else { return nil }
    // The first run, which read everything, weighs most: what the source is made of.
    let read = runs.reduce(0.0) { $0 + Double(max(0, $1.bytesAdded)) }
    let stored = runs.reduce(0.0) { $0 + Double(max(0, $1.bytesStored)) }
    guard read > 0, stored / read < incompressiblePart - Self.compressibleMargin else { return nil }
    return "what is new cannot be compressed (\(Self.percent(ratio)) of it is stored, "
      + "before \(Self.percent(stored / read))), as if it were encrypted"
  }

  /// Twice, or as often as one run of fifty.
  private func isUsual(_ before: [ChangedPart], _ isAlike: (ChangedPart) -> Bool) -> Bool {
    before.count(where: isAlike) >= max(2, before.count / 50)
  }

  private static func bytes(_ count: Int64) -> String { HumanText.bytes(UInt64(max(0, count))) }

  private static func percent(_ part: Double) -> String {
    HumanText.fixed(min(part, 1) * 100, 0) + "%"
  }
}
