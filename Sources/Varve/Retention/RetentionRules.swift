public import VarveFormat

/// Which snapshots are kept: those that any rule keeps. The rules, their order and their texts are those
/// of restic's `forget`.
public struct RetentionRules: Hashable, Sendable {
  public typealias CountRule = RetentionPolicy.CountRule
  public typealias DurationRule = RetentionPolicy.DurationRule

  private var counts: [CountRule: RetentionCount] = [:]
  private var durations: [DurationRule: RetentionDuration] = [:]
  /// A snapshot that has all tags of one of these lists is kept. An empty tag at which a snapshot without
  /// tags is met ends its list: it has them all.
  public var tagLists: [[String]]
  /// Tags of a stored policy whose words nobody knows: no snapshot has them, so that they keep nothing so far.
  public private(set) var unknownTags: [Digest] = []

  /// Rules that keep nothing.
  public init(tagLists: [[String]] = []) { self.tagLists = tagLists }

  /// A stored policy.
  ///
  /// - Parameter tags: the tags known to have those opaque ids; what is not among them is on no snapshot, and shows as `#` and
  ///   the first digits of its id.
  public init(_ policy: RetentionPolicy, tags: [Digest: String]) {
    tagLists = policy.tags.compactMap { tags[$0] }.sorted().map { [$0] }
    unknownTags = policy.tags.filter { tags[$0] == nil }
    for rule in CountRule.allCases { self[rule] = policy[rule] }
    for rule in DurationRule.allCases { self[rule] = policy[rule] }
  }

  public subscript(rule: CountRule) -> RetentionCount {
    get { counts[rule] ?? .zero }
    set { counts[rule] = newValue > .zero ? newValue : nil }
  }

  public subscript(rule: DurationRule) -> RetentionDuration {
    get { durations[rule] ?? .zero }
    set { durations[rule] = newValue.isZero ? nil : newValue }
  }

  /// Whether no rule keeps anything.
  public var isEmpty: Bool {
    counts.isEmpty && durations.isEmpty && tagLists.isEmpty && unknownTags.isEmpty
  }

  /// Those that keep something, in the order in which reasons are given.
  public var rules: [RetentionRule] {
    let within = durations[.within].map { [RetentionRule.duration(.within, $0)] } ?? []
    return tagLists.map { .tags($0) } + within
      + CountRule.allCases.compactMap { rule in counts[rule].map { .count(rule, $0) } }
      + DurationRule.allCases.filter { $0 != .within }.compactMap { rule in
        durations[rule].map { .duration(rule, $0) }
      }
  }
}

extension RetentionRules: CustomStringConvertible {
  /// `keep 7 daily, 4 weekly snapshots and all snapshots within 2d of the newest`; the words for tags are left
  /// out where `hidesTags`.
  public func text(hidesTags: Bool) -> String {
    let kept = CountRule.allCases.compactMap { rule -> String? in
      guard let count = counts[rule] else { return nil }
      let word = rule == .last ? "latest" : rule.rawValue
      return count == .unlimited ? "all \(word)" : "\(count.text) \(word)"
    }
    var text = kept.isEmpty ? "" : "\(kept.joined(separator: ", ")) snapshots"
    func append(_ part: String, _ separator: String) {
      text += (text.isEmpty ? "" : separator) + part
    }
    for rule in DurationRule.allCases where rule != .within {
      guard let duration = durations[rule] else { continue }
      append("\(rule.unit) snapshots within \(duration)", ", ")
    }
    if !tagLists.isEmpty || !unknownTags.isEmpty {
      let names =
        tagLists.map { $0.map { ByteText.printable($0) } }
        + unknownTags.map { ["#\($0.hex.prefix(8))"] }
      let lists = names.map { "[\($0.joined(separator: ", "))]" }.joined(separator: " ")
      append(
        hidesTags ? "all snapshots with certain tags" : "all snapshots with tags [\(lists)]",
        " and ")
    }
    if let duration = durations[.within] {
      append("all snapshots within \(duration) of the newest", " and ")
    }
    return text.isEmpty ? "remove" : "keep \(text)"
  }

  public var description: String { text(hidesTags: false) }
}

extension RetentionCount {
  /// As options have it: a number or `unlimited`.
  package var text: String {
    switch self {
    case .limited(let count): String(count)
    case .unlimited: "unlimited"
    }
  }
}
