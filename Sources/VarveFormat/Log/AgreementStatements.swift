// What log entries say where several owners have to agree (docs/format.md, section 12).

extension LogStatement {
  /// So many owners must agree from here on.
  public struct Threshold: Equatable, Sendable {
    /// At least 1.
    public let owners: UInt64
    /// The proposal that this carries out.
    public let proposal: UInt64?

    public init(owners: UInt64, proposal: UInt64? = nil) {
      self.owners = owners
      self.proposal = proposal
    }
  }

  /// What an owner would have done, for others to agree to.
  public struct Proposal: Equatable, Sendable {
    /// What may be proposed.
    public static let kinds: Set<String> = [
      "credential", "forget", "policy", "release", "threshold",
    ]

    /// Of one of `kinds`, and no proposal's carrying out.
    public let action: Body

    /// - Throws: `VarveError.Code.usage` for an action of another kind.
    public init(_ action: Body) throws {
      guard Self.kinds.contains(action.kind) else {
        throw VarveError(.usage, "a \(action.kind) entry cannot be proposed")
      }
      self.action = action.carryingOut(nil)
    }
  }

  /// An owner agrees to a proposal.
  public struct Approval: Equatable, Sendable {
    /// The index of its entry.
    public let proposal: UInt64

    public init(proposal: UInt64) { self.proposal = proposal }
  }
}

extension LogStatement.Body {
  /// The index of the proposal that this carries out.
  public var proposal: UInt64? {
    switch self {
    case .credential(let change): change.proposal
    case .forget(let forgetting): forgetting.proposal
    case .policy(let change): change.proposal
    case .release(let release): release.proposal
    case .threshold(let threshold): threshold.proposal
    default: nil
    }
  }

  /// The same, carrying out another proposal, or none.
  public func carryingOut(_ proposal: UInt64?) -> LogStatement.Body {
    switch self {
    case .credential(let change):
      .credential(
        .init(additions: change.additions, removals: change.removals, proposal: proposal))
    case .forget(let forgetting):
      .forget(
        .init(snapshots: forgetting.snapshots, reason: forgetting.reason, proposal: proposal))
    case .policy(let change):
      .policy(.init(source: change.source, keep: change.keep, proposal: proposal))
    case .release(let release):
      .release(.init(snapshots: release.snapshots, reason: release.reason, proposal: proposal))
    case .threshold(let threshold): .threshold(.init(owners: threshold.owners, proposal: proposal))
    default: self
    }
  }
}

extension LogStatement.Threshold {
  init(_ json: JSONValue) throws {
    owners = try json.count("owners")
    guard owners >= 1 else { throw VarveError(.damaged, "no owner would have to agree") }
    proposal = try json.proposal()
  }

  var members: [String: JSONValue] {
    let members: [String: JSONValue] = ["owners": .integer(Int64(clamping: owners))]
    return members.adding(proposal)
  }
}

extension LogStatement.Proposal {
  /// - Throws: `.damaged`; `.unsupportedFormat` for an action of a kind, or with a member, that is not known.
  package init(_ json: JSONValue, _ what: String) throws {
    let kind = try json.string("kind")
    guard Self.kinds.contains(kind) else {
      throw VarveError.newerFormat("\(what) proposes an entry of the kind \"\(kind)\"")
    }
    let members = try json.member("action")
    action = try LogStatement.Body(predicateType: "urn:varve:\(kind):v1", members, what)
    try members.requireMembers(within: Set(action.members.keys), what)
    guard action.proposal == nil else {
      throw VarveError(.damaged, "what it proposes carries out another proposal")
    }
  }

  package var members: [String: JSONValue] {
    ["action": .object(action.members), "kind": .string(action.kind)]
  }
}

extension LogStatement.Approval {
  init(_ json: JSONValue) throws { proposal = try json.count("proposal") }

  var members: [String: JSONValue] { ["proposal": .integer(Int64(clamping: proposal))] }
}

extension JSONValue {
  /// The index of a proposal, where there is one.
  func proposal() throws -> UInt64? { try optional("proposal") == nil ? nil : count("proposal") }
}

extension [String: JSONValue] {
  /// With the index of a proposal, where there is one.
  func adding(_ proposal: UInt64?) -> Self {
    guard let proposal else { return self }
    var members = self
    members["proposal"] = .integer(Int64(clamping: proposal))
    return members
  }
}
