// What rules say of snapshots, asked by each of the times that they may be of; what any answer keeps is kept.
//
//     claimed     what the record says
//     taken       the same, but not later than the snapshot's entry: as audits judge it (Audit/TimeAudit.swift)
//     believed    next to the claim, what all that is known allows (BelievedTimes.swift)
//
// and once more where times contradict the order of the log (ClockDoubts.swift). The first answer's reasons stand as they
// are, those that only another one gives are marked.

import VarveFormat

/// A snapshot as rules look at it, with what is known of its time.
struct DatedSnapshot {
  /// The index of its entry.
  let entry: UInt64
  let tags: [String]
  let claimed: Timestamp
  let taken: Timestamp
  let believed: Timestamp
  /// When its entry was made, by its author's clock and what is proved of it.
  let logged: Timestamp
}

extension [DatedSnapshot] {
  /// Why rules keep each of them, in the same order; the more answers, the more is kept.
  ///
  /// - Parameter now: what is later is in the future.
  func reasons(_ rules: RetentionRules, now: Timestamp) -> [[RetentionReason]] {
    var reasons = reasons(rules, by: \.claimed, now: now)
    for time in [\DatedSnapshot.taken, \.believed]
    where contains(where: { $0[keyPath: time] != $0.claimed }) {
      reasons.merge(self.reasons(rules, by: time, now: now))
    }
    if let doubts = ClockDoubts(self, now: now) {
      reasons.merge(doubts.reasons(rules, of: indices.filter { reasons[$0].isEmpty }))
    }
    return reasons
  }

  /// The same by one of the times; of equal ones, the later in the log is newer.
  func reasons(
    _ rules: RetentionRules, by time: KeyPath<DatedSnapshot, Timestamp>, now: Timestamp
  ) -> [[RetentionReason]] {
    let newestFirst = indices.sorted {
      (self[$0][keyPath: time], self[$0].entry) > (self[$1][keyPath: time], self[$1].entry)
    }
    let items = newestFirst.map {
      RetentionItem(time: self[$0][keyPath: time], tags: self[$0].tags)
    }
    var reasons = [[RetentionReason]](repeating: [], count: count)
    for (place, decided) in zip(newestFirst, rules.reasons(for: items, now: now)) {
      reasons[place] = decided
    }
    return reasons
  }
}

extension [[RetentionReason]] {
  /// Adds what another answer gives and this one does not.
  fileprivate mutating func merge(_ others: [[RetentionReason]]) {
    for (place, reasons) in zip(indices, others) {
      for reason in reasons
      where !self[place].contains(reason) && !self[place].contains(reason.byBelievedTime) {
        self[place].append(reason.byBelievedTime)
      }
    }
  }
}
