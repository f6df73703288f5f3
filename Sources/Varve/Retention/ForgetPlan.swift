public import VarveFormat
public import VarveRepository

/// What forgetting would do: computed, printed, then carried out by `Forget`.
public struct ForgetPlan: Sendable {
  public struct Snapshot: Sendable {
    public let id: Digest
    /// Where the record cannot be read, of the log's: the time of its entry, and neither host, paths nor tags.
    public let heading: SnapshotHeading
    public var isReadable = true
    /// Why it is kept; empty for what is removed.
    public let reasons: [RetentionReason]
    /// Why the policy in force for its source keeps it; only of what is removed all the same.
    public let policyReasons: [RetentionReason]
  }

  /// Snapshots that were decided about together.
  public struct Group: Sendable {
    public let key: SnapshotGrouping.Key
    /// The rules applied; nil where snapshots were chosen, or where no policy is in force.
    public let rules: RetentionRules?
    /// Newest first.
    public let kept, removed: [Snapshot]
  }

  /// In the order of their newest snapshots' host, paths and tags.
  public let groups: [Group]
  /// Of the snapshots that were chosen, those that are live no more.
  public let absent: [Digest]
  /// Those that stay because their records cannot be read, so that nobody knows what rules say of them; newest first. They
  /// are in no group.
  public let unreadable: [Snapshot]

  init(groups: [Group], absent: [Digest] = [], unreadable: [Snapshot] = []) {
    self.groups = groups
    self.absent = absent
    self.unreadable = unreadable
  }

  public var removed: [Snapshot] { groups.flatMap(\.removed) }

  /// Those that go against a policy in force.
  public var overriding: [Snapshot] { removed.filter { !$0.policyReasons.isEmpty } }

  /// - Throws: `.refused` when it goes against a policy in force.
  public func requireObedience() throws {
    let overriding = overriding
    guard let first = overriding.first else { return }
    let others = overriding.count == 1 ? "" : " and \(overriding.count - 1) more"
    let reasons = first.policyReasons.map(\.text).joined(separator: ", ")
    throw VarveError(
      .refused,
      "the policy in force keeps the snapshot \(first.id.hex.prefix(8)) (\(reasons))\(others)",
      hint:
        "see 'varve policy show'; change the policy, or give --override-policy, which is recorded")
  }
}
