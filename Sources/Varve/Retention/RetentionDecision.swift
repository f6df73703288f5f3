// What rules keep of a list of snapshots, as restic 0.19 decides it (internal/data/snapshot_policy.go):
//
//     for each snapshot, newest first
//       tags                 kept if it has all tags of a list, byte by byte
//       within               kept if it is younger than the duration, counted back from the newest snapshot
//       last n               kept while n > 0; then n is one less
//       hourly … yearly n    the same, if its period is another one than that of the last snapshot that the
//                            rule kept, or if it is the oldest of all
//       within-hourly …      kept if it is younger than the duration, and as above
//
// The newest is the newest that is not in the future; where all are, every duration reaches back to
// all. Periods are of the calendar in the zone that each snapshot recorded. Each rule decides by itself:
// more rules keep more, and of what was kept nothing is forgotten when the same rules are applied again.

public import VarveFormat

/// What rules look at in a snapshot.
public struct RetentionItem: Sendable {
  public let time: Timestamp
  public let tags: [String]

  public init(time: Timestamp, tags: [String] = []) {
    self.time = time
    self.tags = tags
  }
}

extension RetentionRules {
  /// The reasons for which each snapshot is kept; none for one that is not.
  ///
  /// O(snapshots × rules) time.
  ///
  /// - Parameters:
  ///   - snapshots: newest first.
  ///   - now: what is later is in the future.
  public func reasons(for snapshots: [RetentionItem], now: Timestamp) -> [[RetentionReason]] {
    let newest = snapshots.first { $0.time < now }?.time
    var states = rules.map { RuleState($0, newest: newest) }
    return snapshots.indices.map { place in
      let isLast = place == snapshots.count - 1
      var reasons: [RetentionReason] = []
      for index in states.indices {
        guard let isOldest = states[index].takes(snapshots[place], isLast: isLast) else { continue }
        reasons.append(.rule(states[index].rule, isOldest: isOldest))
      }
      return reasons
    }
  }
}

/// A rule on its way through a list.
private struct RuleState {
  let rule: RetentionRule
  private var left: RetentionCount = .unlimited
  private var lastPeriod: Int64?
  /// What is not later is out of the rule's reach.
  private var limit: Timestamp?

  init(_ rule: RetentionRule, newest: Timestamp?) {
    self.rule = rule
    switch rule {
    case .tags: break
    case .count(_, let count): left = count
    case .duration(_, let duration): limit = newest?.going(back: duration)
    }
  }

  /// Whether the rule keeps the snapshot, and if so, whether only because it is the oldest.
  mutating func takes(_ item: RetentionItem, isLast: Bool) -> Bool? {
    if let limit, item.time <= limit { return nil }
    let period: CalendarPeriod?
    switch rule {
    case .tags(let tags): return item.hasTags(tags) ? false : nil
    case .duration(let rule, _): period = rule.period
    case .count(let rule, _): period = rule.period
    }
    guard left > .zero else { return nil }
    var isOldest = false
    if let period {
      let number = period.number(of: item.time)
      isOldest = number == lastPeriod
      guard !isOldest || isLast else { return nil }
      lastPeriod = number
    }
    if case .limited(let count) = left { left = .limited(count - 1) }
    return isOldest
  }
}

extension RetentionItem {
  fileprivate func hasTags(_ wanted: [String]) -> Bool {
    for tag in wanted {
      if tag.isEmpty && tags.isEmpty { return true }
      if !tags.hasSpelling(tag) { return false }
    }
    return true
  }
}
