public import VarveFormat
import VarveStorage

/// Lets owners agree to what one of them has proposed (docs/format.md, section 12).
public struct Agreement {
  /// What became of an approval.
  public struct Outcome: Sendable {
    /// Owners that agree now, and how many have to.
    public let agreed, needed: Int
    /// The entry that carried the proposal out.
    public let carriedOut: UInt64?
    /// Why it was not carried out although enough agree.
    public let obstacle: VarveError?
  }

  private let repository: UnlockedRepository

  public init(_ repository: UnlockedRepository) { self.repository = repository }

  /// Agrees to a proposal, and carries it out when enough owners agree: both in one commit.
  ///
  /// An author's second approval, or its own proposal's, only carries it out.
  ///
  /// - Throws: `.notFound` when there is no such proposal, or it was carried out; `.refused` when nothing is left to do for this owner;
  ///   `.forbidden` for other roles, and for the recovery key, whose agreement does not count.
  public func approve(_ index: UInt64) throws -> Outcome {
    try repository.require(.owner, to: "agree to proposals")
    try repository.log.refresh()
    do {
      return try append(index, carriesOut: true)
    } catch let error as VarveError where error.code == .unauthorized || error.code == .refused {
      guard let outcome = try? append(index, carriesOut: false) else { throw error }
      return Outcome(
        agreed: outcome.agreed, needed: outcome.needed, carriedOut: nil, obstacle: error)
    }
  }

  private func append(_ index: UInt64, carriesOut: Bool) throws -> Outcome {
    let log = repository.log
    var agreed = 0
    var needed = 1
    var removed: [Digest] = []
    let entries = try log.append { state in
      let proposal = try Self.proposal(index, state)
      guard let author = log.authorKeyID, state.agreeingOwners.contains(author) else {
        throw VarveError(
          .forbidden, "the recovery key's agreement does not count",
          hint: "unlock the repository with a password or a key file of an owner")
      }
      var owners = state.agreement(to: proposal)
      var bodies: [LogStatement.Body] = []
      if owners.insert(author).inserted { bodies.append(.approval(.init(proposal: index))) }
      (agreed, needed) = (owners.count, Int(clamping: state.threshold))
      if carriesOut && agreed >= needed {
        bodies.append(proposal.action.carryingOut(index))
        if case .credential(let change) = proposal.action {
          removed = change.removals.map(\.credential)
        }
      }
      guard !bodies.isEmpty else {
        throw VarveError(
          .refused, "you agree to the proposal \(index) already; \(agreed) of \(needed) owners do",
          hint: "another owner has to agree with 'varve proposal approve \(index)'")
      }
      return bodies
    }
    let isCarriedOut = carriesOut && agreed >= needed
    if isCarriedOut {
      for credential in removed {
        try? repository.storage.remove(ObjectName.credential(credential))
      }
    }
    return Outcome(
      agreed: agreed, needed: needed, carriedOut: isCarriedOut ? entries.last : nil, obstacle: nil)
  }

  private static func proposal(_ index: UInt64, _ state: LogState) throws -> LogState.Proposal {
    guard let proposal = state.proposals[index] else {
      throw VarveError(
        .notFound, "log entry \(index) proposes nothing", hint: "see 'varve proposal list'")
    }
    if let entry = proposal.carriedOut {
      throw VarveError(
        .notFound, "log entry \(entry) has carried out the proposal \(index)",
        hint: "see 'varve proposal list'")
    }
    return proposal
  }

  /// How many owners must agree from now on.
  ///
  /// - Throws: `.usage` for more than there are, or for none.
  public func setThreshold(_ owners: UInt64) throws {
    try repository.require(.owner, to: "say how many owners must agree")
    try repository.log.append { state in
      let count = state.agreeingOwners.count
      guard (1...UInt64(max(count, 1))).contains(owners) else {
        throw VarveError(
          .usage, "\(owners) owners cannot have to agree: there are \(count)",
          hint: "add owners with 'varve key add --role owner'; the recovery key does not count")
      }
      return state.threshold == owners ? [] : [.threshold(.init(owners: owners))]
    }
  }
}
