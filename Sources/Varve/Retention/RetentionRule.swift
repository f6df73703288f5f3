public import VarveFormat

/// One rule that keeps snapshots.
public enum RetentionRule: Sendable {
  case count(RetentionPolicy.CountRule, RetentionCount)
  case duration(RetentionPolicy.DurationRule, RetentionDuration)
  /// All of these tags, byte by byte.
  case tags([String])

  /// As an option of `varve forget` and its value.
  public var option: (name: String, value: String) {
    switch self {
    case .count(let rule, let count): ("--keep-\(rule.rawValue)", count.text)
    case .duration(.within, let duration): ("--keep-within", duration.text)
    case .duration(let rule, let duration): ("--keep-within-\(rule.unit)", duration.text)
    case .tags(let tags): ("--keep-tag", tags.joined(separator: ","))
    }
  }

  /// Why a snapshot is kept, in restic's words.
  ///
  /// - Parameter isOldest: it is not the newest of its period, but the oldest of all.
  func reason(isOldest: Bool) -> String {
    let oldest = isOldest ? "oldest " : ""
    switch self {
    case .count(let rule, _): return "\(oldest)\(rule.rawValue) snapshot"
    case .duration(.within, let duration): return "within \(duration)"
    case .duration(let rule, let duration): return "\(oldest)\(rule.unit) within \(duration)"
    case .tags(let tags): return "has tags [\(tags.joined(separator: ", "))]"
    }
  }
}

extension RetentionRule: Hashable {
  public static func == (a: Self, b: Self) -> Bool {
    switch (a, b) {
    case (.count(let rule, let count), .count(let other, let limit)):
      rule == other && count == limit
    case (.duration(let rule, let span), .duration(let other, let limit)):
      rule == other && span == limit
    case (.tags(let tags), .tags(let others)): tags.isSpelled(as: others)
    default: false
    }
  }

  public func hash(into hasher: inout Hasher) {
    switch self {
    case .count(let rule, let count):
      hasher.combine(rule)
      hasher.combine(count)
    case .duration(let rule, let duration):
      hasher.combine(rule)
      hasher.combine(duration)
    case .tags(let tags): tags.hashSpelling(into: &hasher)
    }
  }
}

extension RetentionPolicy.DurationRule {
  /// `hourly` of `withinHourly`; empty for `within`.
  package var unit: String { rawValue.dropFirst("within".count).lowercased() }

  var period: CalendarPeriod? {
    switch self {
    case .within: nil
    case .withinHourly: .hour
    case .withinDaily: .day
    case .withinWeekly: .week
    case .withinMonthly: .month
    case .withinYearly: .year
    }
  }
}

extension RetentionPolicy.CountRule {
  var period: CalendarPeriod? {
    switch self {
    case .last: nil
    case .hourly: .hour
    case .daily: .day
    case .weekly: .week
    case .monthly: .month
    case .yearly: .year
    }
  }
}

/// Why a snapshot is kept.
public enum RetentionReason: Hashable, Sendable {
  /// `isOldest`: the rule had counts left, or reached back that far, and this is the oldest snapshot.
  case rule(RetentionRule, isOldest: Bool)
  /// The same, but not by the times that snapshots claim (DatedSnapshot.swift).
  case believedRule(RetentionRule, isOldest: Bool)
  /// Somebody holds it.
  case hold
  /// It has just been made, by whoever asks.
  case spared
  /// The newest that has files, or bytes, where those after it have none: what an unmounted disk leaves.
  case lastFilled
  /// Its backup has not come to an end, and it is what the next one goes on from.
  case unfinished
  /// No policy is in force for its source.
  case noPolicy
  /// A policy is in force for its source, and its record, which would say whether it applies, is lost.
  case unreadable

  /// In restic's words where it has some.
  public var text: String {
    switch self {
    case .rule(let rule, let isOldest): rule.reason(isOldest: isOldest)
    case .believedRule(let rule, let isOldest):
      "\(rule.reason(isOldest: isOldest)) (time not as claimed)"
    case .hold: "hold"
    case .spared: "just made"
    case .lastFilled: "last that is not empty"
    case .unfinished: "unfinished backup"
    case .noPolicy: "no policy"
    case .unreadable: "record lost"
    }
  }

  var byBelievedTime: Self {
    guard case .rule(let rule, let isOldest) = self else { return self }
    return .believedRule(rule, isOldest: isOldest)
  }
}
