// What log entries say about which snapshots are to be kept (docs/format.md, section 12).

extension LogStatement {
  /// Snapshots are live no more.
  public struct Forgetting: Equatable, Sendable {
    /// An entry with more does not fit into 61,440 bytes.
    public static let limit = 128

    public let snapshots: [Digest]
    public let reason: String
    /// The proposal that this carries out.
    public let proposal: UInt64?

    public init(snapshots: [Digest], reason: String, proposal: UInt64? = nil) {
      self.snapshots = snapshots
      self.reason = reason
      self.proposal = proposal
    }

    /// As many entries as it takes.
    public static func bodies(forgetting snapshots: [Digest], reason: String) -> [Body] {
      stride(from: 0, to: snapshots.count, by: limit).map { start in
        let end = min(start + limit, snapshots.count)
        return .forget(Forgetting(snapshots: Array(snapshots[start..<end]), reason: reason))
      }
    }
  }

  /// A source, or every source that has none of its own, gets a policy or loses it.
  public struct PolicyChange: Equatable, Sendable {
    /// The opaque id of the source; nil for the default policy.
    public let source: Digest?
    /// Nil removes the policy; never empty.
    public let keep: RetentionPolicy?
    /// The proposal that this carries out.
    public let proposal: UInt64?

    /// - Parameter keep: one that keeps nothing is the same as none.
    public init(source: Digest?, keep: RetentionPolicy?, proposal: UInt64? = nil) {
      self.source = source
      self.proposal = proposal
      self.keep = keep.flatMap { $0.isEmpty ? nil : $0 }
    }
  }

  /// Snapshots may not be forgotten for a while, or never.
  public struct Hold: Equatable, Sendable {
    public enum Term: Hashable, Comparable, Sendable {
      // From the weakest to the strongest.
      /// Until a moment; whole seconds.
      case until(Timestamp)
      /// Until it is released.
      case released
      /// It cannot be released.
      case permanent
    }

    public let snapshots: [Digest]
    public let term: Term
    public let reason: String

    public init(snapshots: [Digest], term: Term, reason: String) {
      self.snapshots = snapshots
      if case .until(let time) = term {
        self.term = .until(Timestamp(seconds: time.seconds))
      } else {
        self.term = term
      }
      self.reason = reason
    }
  }

  /// Snapshots are held no more.
  public struct Release: Equatable, Sendable {
    public let snapshots: [Digest]
    public let reason: String
    /// The proposal that this carries out.
    public let proposal: UInt64?

    public init(snapshots: [Digest], reason: String, proposal: UInt64? = nil) {
      self.snapshots = snapshots
      self.reason = reason
      self.proposal = proposal
    }
  }
}

extension LogStatement.Forgetting {
  init(_ json: JSONValue) throws {
    snapshots = try json.snapshotList()
    reason = try json.string("reason")
    proposal = try json.proposal()
  }

  var members: [String: JSONValue] {
    let members: [String: JSONValue] = [
      "reason": .string(reason), "snapshots": .digests(snapshots),
    ]
    return members.adding(proposal)
  }
}

extension LogStatement.PolicyChange {
  init(_ json: JSONValue, _ what: String) throws {
    source = try json.optionalDigest("source")
    keep = try json.optional("keep").map { try RetentionPolicy($0, what) }
    proposal = try json.proposal()
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [:]
    if let source { members["source"] = .string(source.hex) }
    if let keep { members["keep"] = keep.json }
    return members.adding(proposal)
  }
}

extension LogStatement.Hold {
  init(_ json: JSONValue) throws {
    snapshots = try json.snapshotList()
    reason = try json.string("reason")
    let isPermanent = try json.flag("permanent")
    switch (try json.optional("until") != nil, isPermanent) {
    case (true, false): term = .until(try json.utcTime("until"))
    case (false, false): term = .released
    case (false, true): term = .permanent
    case (true, true): throw VarveError(.damaged, "it is permanent and has an end")
    }
  }

  var members: [String: JSONValue] {
    var members: [String: JSONValue] = [
      "reason": .string(reason), "snapshots": .digests(snapshots),
    ]
    switch term {
    case .until(let time): members["until"] = .string(time.utcSeconds)
    case .released: break
    case .permanent: members["permanent"] = true
    }
    return members
  }
}

extension LogStatement.Release {
  init(_ json: JSONValue) throws {
    snapshots = try json.snapshotList()
    reason = try json.string("reason")
    proposal = try json.proposal()
  }

  var members: [String: JSONValue] {
    let members: [String: JSONValue] = [
      "reason": .string(reason), "snapshots": .digests(snapshots),
    ]
    return members.adding(proposal)
  }
}

extension JSONValue {
  /// Ids under `snapshots`, at least one.
  fileprivate func snapshotList() throws -> [Digest] {
    let snapshots = try digests("snapshots")
    guard !snapshots.isEmpty else { throw VarveError(.damaged, "it names no snapshot") }
    return snapshots
  }

  /// A member that is `true` or absent.
  func flag(_ key: String) throws -> Bool {
    guard try optional(key) != nil else { return false }
    guard try bool(key) else { throw VarveError(.damaged, "the JSON member \"\(key)\" is false") }
    return true
  }
}
