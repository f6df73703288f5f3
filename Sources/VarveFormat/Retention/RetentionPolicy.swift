/// How many of a rule's snapshots are kept.
public enum RetentionCount: Hashable, Comparable, Sendable {
  case limited(Int64)
  /// More than any number.
  case unlimited

  public static let zero = RetentionCount.limited(0)
}

/// Which snapshots of a source are kept (docs/format.md, section 12): those that any rule keeps.
///
/// A rule that keeps nothing is the same as one that is not there, so that a policy has one spelling.
public struct RetentionPolicy: Hashable, Sendable {
  /// Rules that keep the newest snapshot of each of so many periods; `last`: so many snapshots.
  public enum CountRule: String, CaseIterable, Sendable {
    case last, hourly, daily, weekly, monthly, yearly
  }

  /// Rules that keep the newest snapshot of each period as far back as a duration from the newest
  /// snapshot; `within`: every snapshot.
  public enum DurationRule: String, CaseIterable, Sendable {
    case within, withinHourly, withinDaily, withinWeekly, withinMonthly, withinYearly
  }

  /// More do not fit into a log entry with room to spare.
  public static let tagLimit = 256

  private var counts: [CountRule: RetentionCount] = [:]
  private var durations: [DurationRule: RetentionDuration] = [:]
  private var tagSet: Set<Digest> = []

  /// A policy that keeps nothing.
  public init() {}

  public subscript(rule: CountRule) -> RetentionCount {
    get { counts[rule] ?? .zero }
    set { counts[rule] = newValue > .zero ? newValue : nil }
  }

  public subscript(rule: DurationRule) -> RetentionDuration {
    get { durations[rule] ?? .zero }
    set { durations[rule] = newValue.isZero ? nil : newValue }
  }

  /// The opaque ids of tags whose snapshots are all kept; ascending, each once.
  public var tags: [Digest] {
    get { tagSet.sorted() }
    set { tagSet = Set(newValue) }
  }

  /// Whether no rule keeps anything.
  public var isEmpty: Bool { counts.isEmpty && durations.isEmpty && tagSet.isEmpty }

  /// Whether each rule keeps what that of `other` keeps: no count is smaller, no duration may be shorter, no
  /// tag is missing.
  public func keepsAtLeast(_ other: RetentionPolicy) -> Bool {
    CountRule.allCases.allSatisfy { self[$0] >= other[$0] }
      && DurationRule.allCases.allSatisfy { self[$0].isSurelyAtLeast(other[$0]) }
      && other.tagSet.isSubset(of: tagSet)
  }
}

extension RetentionPolicy {
  private static let members: Set<String> = Set(
    CountRule.allCases.map(\.rawValue) + DurationRule.allCases.map(\.rawValue) + ["tags"])

  /// - Throws: `.damaged`; `.unsupportedFormat` for a rule that is not known.
  public init(_ json: JSONValue, _ what: String) throws {
    try json.requireMembers(within: Self.members, what)
    for rule in CountRule.allCases {
      guard let count = try json.optionalInteger(rule.rawValue) else { continue }
      guard count > 0 || count == -1 else {
        throw VarveError(.damaged, "the rule \"\(rule.rawValue)\" keeps \(count) snapshots")
      }
      self[rule] = count == -1 ? .unlimited : .limited(count)
    }
    for rule in DurationRule.allCases {
      guard let text = try json.optionalString(rule.rawValue) else { continue }
      guard let duration = RetentionDuration(text), !duration.isZero, duration.text == text else {
        throw VarveError(.damaged, "the rule \"\(rule.rawValue)\" has no duration")
      }
      self[rule] = duration
    }
    tags = try json.ascendingDigests("tags", limit: Self.tagLimit)
    guard !isEmpty else { throw VarveError(.damaged, "a policy keeps nothing") }
  }

  public var json: JSONValue {
    var members: [String: JSONValue] = [:]
    for (rule, count) in counts {
      if case .limited(let count) = count {
        members[rule.rawValue] = .integer(min(count, JSONValue.integerLimit))
      } else {
        members[rule.rawValue] = -1
      }
    }
    for (rule, duration) in durations { members[rule.rawValue] = .string(duration.text) }
    if !tagSet.isEmpty { members["tags"] = .array(tags.map { .string($0.hex) }) }
    return .object(members)
  }
}
