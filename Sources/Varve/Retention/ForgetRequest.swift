public import VarveFormat

/// What is to be forgotten.
public struct ForgetRequest: Sendable {
  public enum Choice: Sendable {
    /// These.
    case snapshots([Digest])
    /// In each group, what the rules do not keep.
    case rules(RetentionRules, SnapshotGrouping)
    /// Of each source, what the policy in force for it does not keep; all is kept where none is.
    case policies
    /// The same, where a policy looks at nothing but what the filter lets through: what else its source has takes no
    /// place of theirs.
    case policiesOfFiltered
    /// All that the filter lets through.
    case everything
  }

  public var choice: Choice
  /// Narrows what is looked at; not for `.snapshots`. With `.policies` a policy sees all of its source.
  public var filter: SnapshotFilter
  /// Never forgotten, whatever rules and policies say: what whoever asks has just made. Not for `.snapshots`.
  public var spared: Set<Digest>
  /// Also what the policy in force for its source keeps.
  public var overridesPolicy: Bool
  /// Rules keep the newest snapshot that has files, and the newest that has bytes, as long as those after it have none.
  public var sparesLastFilled: Bool

  public init(
    _ choice: Choice, filter: SnapshotFilter = SnapshotFilter(), spared: Set<Digest> = [],
    overridesPolicy: Bool = false, sparesLastFilled: Bool = true
  ) {
    self.choice = choice
    self.filter = filter
    self.spared = spared
    self.overridesPolicy = overridesPolicy
    self.sparesLastFilled = sparesLastFilled
  }

  /// For log entries, which anybody can read: without the words of tags.
  var reason: String {
    switch choice {
    case .snapshots: "chosen by id"
    case .rules(let rules, _): rules.text(hidesTags: true)
    case .policies, .policiesOfFiltered: "policy in force"
    case .everything: "all that were selected"
    }
  }
}
