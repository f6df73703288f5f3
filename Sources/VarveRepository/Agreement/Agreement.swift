import VarveFormat

/// Lets owners agree to what one of them has proposed (docs/format.md, section 12).
public struct Agreement {
  /// What became of an approval.
  public struct Outcome: Sendable {
    /// Owners that agree now, and how many have to.
    public let agreed, needed: Int
    /// The entry that carried the proposal out; nil while more have to agree.
    public let carriedOut: UInt64?
  }

  private let repository: UnlockedRepository

  public init(_ repository: UnlockedRepository) { self.repository = repository }

  /// Agrees to a proposal, and carries it out when enough owners agree: both in one commit, or neither. An approval that
  /// waited in the log for what stands in the way to go would let whoever comes first choose the moment.
  ///
  /// An author's second approval, or its own proposal's, only carries it out.
  ///
  /// - Throws: `.notFound` when there is no such proposal, or it was carried out; `.refused` when nothing is left to do for
  ///   this owner, or enough agree and the state does not allow what is proposed; `.forbidden` for other roles, for the
  ///   recovery key, whose agreement does not count, and when it would remove the credential in use.
  public func approve(_ index: UInt64) throws -> Outcome {
    try repository.require(.owner, to: "agree to proposals")
    let log = repository.log
    try log.refresh()
    var (agreed, needed) = (0, 1)
    // What is carried out.
    var action: LogStatement.Body?
    let entries: [UInt64]
    do {
      entries = try log.append { state in
        action = nil
        let proposal = try Self.proposal(index, state)
        let author = try Self.requireWord(of: log.authorKeyID, on: proposal, state)
        var owners = state.agreement(to: proposal)
        var bodies: [LogStatement.Body] = []
        if owners.insert(author).inserted { bodies.append(.approval(.init(proposal: index))) }
        (agreed, needed) = (owners.count, Int(clamping: state.threshold))
        if agreed >= needed {
          bodies.append(proposal.action.carryingOut(index))
          action = proposal.action
        }
        guard !bodies.isEmpty else {
          throw VarveError(
            .refused,
            "you agree to the proposal \(index) already; \(agreed) of \(needed) owners do",
            hint: "another owner has to agree with 'varve proposal approve \(index)'")
        }
        return bodies
      }
    } catch let error as VarveError where error.code == .refused && action != nil {
      throw VarveError(
        .refused, "the proposal \(index) cannot be carried out now, so nothing was appended",
        hint: "agree to it when nothing stands in its way any more", cause: error)
    }
    if case .credential(let change) = action {
      for removal in change.removals { repository.deleteObject(of: removal.credential) }
    }
    return Outcome(agreed: agreed, needed: needed, carriedOut: action == nil ? nil : entries.last)
  }

  /// - Returns: the owner whose word it is.
  private static func requireWord(
    of author: KeyID?, on proposal: LogState.Proposal, _ state: LogState
  ) throws -> KeyID {
    guard let author, state.agreeingOwners.contains(author) else {
      throw VarveError(
        .forbidden, "the recovery key's agreement does not count",
        hint: "unlock the repository with a password or a key file of an owner")
    }
    // An owner's own proposal puts another credential in its place.
    if case .credential(let change) = proposal.action, proposal.author != author,
      change.removals.contains(where: { $0.keyID == author })
    {
      throw VarveError(
        .forbidden, "the proposal \(proposal.entry) removes the credential in use",
        hint: "unlock the repository with another one to agree to it")
    }
    return author
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
