// Which snapshots are to be kept, as the log says it: policies, holds, and what was forgotten.

public import VarveFormat

extension LogState {
  /// A snapshot that is live no more, with all that `undo` needs to bring it back.
  public struct Forgotten: Sendable, Equatable {
    /// As it was when it was live.
    public let snapshot: Snapshot
    /// The index of the entry that forgot it.
    public let entry: UInt64
    /// Who forgot it.
    public let author: KeyID
    /// When, by the author's clock.
    public let time: Timestamp
  }

  /// The strongest hold on a snapshot: of several, a permanent one, or else the one that ends last.
  public struct Hold: Sendable, Equatable {
    /// The index of its entry.
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let term: LogStatement.Hold.Term
    public let reason: String

    /// Whether it is in force at a moment.
    public func isInForce(at time: Timestamp) -> Bool {
      if case .until(let end) = term { end > time } else { true }
    }
  }

  /// The policy of a source, or the default one.
  public struct Policy: Sendable, Equatable {
    /// The index of the entry that set it.
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let keep: RetentionPolicy
  }

  /// The policy in force for a source: its own, else the default.
  ///
  /// - Parameter source: its opaque id; nil for a source that has none.
  public func policy(forSource source: Digest?) -> Policy? {
    source.flatMap { policies[$0] } ?? defaultPolicy
  }

  /// The hold on a snapshot that is in force at a moment.
  public func hold(on snapshot: Digest, at time: Timestamp) -> Hold? {
    holds[snapshot].flatMap { $0.isInForce(at: time) ? $0 : nil }
  }

  /// Whether a change of policy lets go of snapshots that are kept so far. Without a policy everything is, so that the
  /// first one of a source loosens.
  public func isLoosening(_ change: LogStatement.PolicyChange) -> Bool {
    guard let keep = change.keep else { return true }
    guard let present = policy(forSource: change.source) else { return true }
    return !keep.keepsAtLeast(present.keep)
  }

  /// What it would be had an owner just forgotten those of `snapshots` that are live: to plan with, never to sign.
  func supposing(forgotten snapshots: [Digest]) -> LogState {
    var after = self
    for id in snapshots {
      guard let snapshot = after.snapshots.remove(id) else { continue }
      after.forgotten[id] = Forgotten(
        snapshot: snapshot, entry: size, author: recoveryAuthor, time: snapshot.time)
    }
    return after
  }

  mutating func fold(_ change: LogStatement.PolicyChange, _ policy: (RetentionPolicy) -> Policy) {
    if let source = change.source {
      policies[source] = change.keep.map(policy)
    } else {
      defaultPolicy = change.keep.map(policy)
    }
  }

  /// A hold never shortens another one.
  mutating func fold(_ hold: Hold, on snapshots: [Digest]) {
    for snapshot in snapshots where holds[snapshot].map({ $0.term < hold.term }) ?? true {
      holds[snapshot] = hold
    }
  }
}
