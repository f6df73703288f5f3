// Where several owners have to agree (docs/format.md, section 12).

public import VarveFormat

extension LogState {
  /// What an owner would have done.
  public struct Proposal: Sendable, Equatable {
    /// The index of its entry.
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let action: LogStatement.Body
    /// Who has agreed, but for the author; in the order of the log.
    public internal(set) var approvals: [KeyID] = []
    /// The index of the entry that carried it out.
    public internal(set) var carriedOut: UInt64?
  }

  /// Owners whose agreement counts: those with a live credential. The recovery author has none: every owner holds the
  /// key from which its own follows.
  public var agreeingOwners: Set<KeyID> {
    Set(authors.values.filter { isAgreeing($0) }.map(\.keyID))
  }

  private func isAgreeing(_ author: Author) -> Bool {
    author.role == .owner && author.credential != nil && author.removed == nil
  }

  /// The live owners that agree to a proposal.
  public func agreement(to proposal: Proposal) -> Set<KeyID> {
    Set([proposal.author] + proposal.approvals).intersection(agreeingOwners)
  }

  /// Proposals that were not carried out, in the order of the log.
  public var openProposals: [Proposal] {
    proposals.values.filter { $0.carriedOut == nil }.sorted { $0.entry < $1.entry }
  }

  /// Whether an entry must carry out a proposal to which as many owners as `threshold` says agree.
  public func needsAgreement(_ body: LogStatement.Body) -> Bool {
    guard threshold >= 2 else { return false }
    switch body {
    case .forget(let forgetting):
      return !forgetting.snapshots.allSatisfy { snapshots[$0]?.isPartial ?? false }
    case .policy(let change): return isLoosening(change)
    case .release, .threshold: return true
    case .credential(let change):
      return change.additions.contains { $0.role == .owner }
        || change.removals.contains { authors[$0.keyID]?.role == .owner }
    default: return false
    }
  }

  func validateAgreement(
    _ body: LogStatement.Body, by author: KeyID, _ refuse: (String) -> VarveError
  ) throws {
    switch body {
    case .threshold(let threshold):
      guard threshold.owners <= agreeingOwners.count else {
        throw refuse("it asks for the agreement of more owners than there are")
      }
    case .approval(let approval):
      guard let proposal = proposals[approval.proposal], proposal.carriedOut == nil else {
        throw refuse("there is no proposal \(approval.proposal), or it was carried out")
      }
      guard proposal.author != author, !proposal.approvals.contains(author) else {
        throw refuse("its author agreed to the proposal \(approval.proposal) before")
      }
      guard authors[author].map(isAgreeing) ?? false else {
        throw refuse("the recovery author's agreement does not count")
      }
    case .credential(let change):
      try validateOwners(change, refuse)
    default: break
    }
    guard let index = body.proposal else {
      if needsAgreement(body) { throw refuse("\(threshold) owners have to agree to it") }
      return
    }
    guard let proposal = proposals[index], proposal.carriedOut == nil else {
      throw refuse("there is no proposal \(index), or it was carried out")
    }
    guard proposal.action == body.carryingOut(nil) else {
      throw refuse("it is not what the proposal \(index) says")
    }
    let agreed = agreement(to: proposal).count
    guard agreed >= threshold else {
      throw refuse("\(agreed) of \(threshold) owners agree to the proposal \(index)")
    }
  }

  /// As many owners stay as have to agree.
  private func validateOwners(
    _ change: LogStatement.CredentialChange, _ refuse: (String) -> VarveError
  ) throws {
    guard threshold >= 2 else { return }
    let removed = Set(change.removals.map(\.keyID)).intersection(agreeingOwners)
    let added = change.additions.count { $0.role == .owner }
    guard agreeingOwners.count - removed.count + added >= threshold else {
      throw refuse("fewer owners would be left than have to agree")
    }
  }

  mutating func foldAgreement(_ statement: LogStatement, at index: UInt64) {
    switch statement.body {
    case .threshold(let threshold): self.threshold = threshold.owners
    case .proposal(let proposal):
      proposals[index] = Proposal(
        entry: index, author: statement.author, time: statement.time, action: proposal.action)
    case .approval(let approval):
      proposals[approval.proposal]?.approvals.append(statement.author)
    default: break
    }
    if let proposal = statement.body.proposal { proposals[proposal]?.carriedOut = index }
  }
}
