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
    /// All that the filter lets through.
    case everything
  }

  public var choice: Choice
  /// Narrows what is looked at; not for `.snapshots`. A policy in force always sees all of its source.
  public var filter: SnapshotFilter
  /// Also what the policy in force for its source keeps.
  public var overridesPolicy: Bool

  public init(
    _ choice: Choice, filter: SnapshotFilter = SnapshotFilter(), overridesPolicy: Bool = false
  ) {
    self.choice = choice
    self.filter = filter
    self.overridesPolicy = overridesPolicy
  }

  /// For log entries, which anybody can read: without the words of tags.
  var reason: String {
    switch choice {
    case .snapshots: "chosen by id"
    case .rules(let rules, _): rules.text(hidesTags: true)
    case .policies: "policy in force"
    case .everything: "all that were selected"
    }
  }
}
