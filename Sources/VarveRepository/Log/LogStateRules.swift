// Who may say what, and when (docs/format.md, section 12).

public import VarveFormat
import VarveProof

extension LogState {
  /// The roles whose authors may append `body` to this state: a writer may forget only partial snapshots
  /// of its own, and may not loosen a policy or set the first one.
  ///
  /// - Parameter author: whoever appends it.
  public func permittedRoles(for body: LogStatement.Body, by author: KeyID) -> Set<Role> {
    let isOnlyForOwners =
      switch body {
      case .forget(let forgetting):
        !forgetting.snapshots.allSatisfy {
          guard let snapshot = snapshots[$0] else { return false }
          return snapshot.isPartial && snapshot.author == author
        }
      case .policy(let change): isLoosening(change)
      default: false
      }
    return isOnlyForOwners ? body.permittedRoles.intersection([.owner]) : body.permittedRoles
  }

  /// Whether `statement` may stand at the index it claims, given everything before.
  ///
  /// - Throws: `VarveError.Code.unauthorized` for what the author may not say or nobody may say
  ///   there.
  func validate(_ statement: LogStatement, _ what: String) throws {
    func refuse(_ reason: String) -> VarveError {
      VarveError(.unauthorized, "\(what) is not allowed: \(reason)")
    }
    guard let author = authors[statement.author] else { throw refuse("its author is not known") }
    if let removed = author.removed {
      throw refuse("entry \(removed) removed its author, \(author.keyID)")
    }
    guard permittedRoles(for: statement.body, by: author.keyID).contains(author.role) else {
      throw refuse("its author, \(author.keyID), is a \(author.role.rawValue)")
    }
    if case .genesis(let genesis) = statement.body {
      guard size == 0, author.keyID == recoveryAuthor, genesis.config == configDigest,
        genesis.authorKey == config.authorKey
      else { throw refuse("it is not the genesis entry of this repository") }
      return
    }
    guard size > 0 else { throw refuse("a log begins with its genesis entry") }
    try validateAgreement(statement.body, by: author.keyID, refuse)
    switch statement.body {
    // Of what attests a time, the fold verifies the checkpoint.
    case .genesis, .check, .repack, .lost, .receipt, .threshold, .proposal, .approval, .cosign,
      .anchor:
      break
    case .credential(let change): try validate(change, refuse)
    case .snapshot(let addition): try validate(addition, refuse)
    case .forget(let forgetting):
      try requireLive(forgetting.snapshots, refuse)
      for snapshot in forgetting.snapshots {
        if let hold = hold(on: snapshot, at: statement.time) {
          throw refuse("entry \(hold.entry) holds the snapshot \(snapshot)")
        }
      }
    case .policy(let change):
      let present = change.source.map { policies[$0] } ?? defaultPolicy
      guard change.keep != nil || present != nil else {
        throw refuse("it removes a policy that is not there")
      }
    case .hold(let hold): try requireLive(hold.snapshots, refuse)
    case .release(let release):
      try requireLive(release.snapshots, refuse)
      for snapshot in release.snapshots {
        guard let hold = holds[snapshot] else { throw refuse("\(snapshot) is not held") }
        guard hold.term != .permanent else {
          throw refuse("entry \(hold.entry) holds the snapshot \(snapshot) for ever")
        }
      }
    case .condemn(let condemnation): try validate(condemnation, refuse)
    case .sweep(let sweep): try requireOpen(sweep.condemned, refuse)
    case .undo(let undo): try validate(undo, refuse)
    }
  }

  private func requireLive(_ ids: [Digest], _ refuse: (String) -> VarveError) throws {
    guard Set(ids).count == ids.count, ids.allSatisfy({ snapshots[$0] != nil }) else {
      throw refuse("it names a snapshot twice, or one that is not there")
    }
  }

  private func requireOpen(_ entries: [UInt64], _ refuse: (String) -> VarveError) throws {
    guard Set(entries).count == entries.count,
      entries.allSatisfy({ condemnations[$0]?.status == .condemned })
    else { throw refuse("it names a condemn entry that is not there, or swept or rescinded") }
  }

  private func validate(
    _ addition: LogStatement.SnapshotAddition, _ refuse: (String) -> VarveError
  ) throws {
    let id = addition.snapshot
    guard snapshots[id] == nil, forgotten[id] == nil else {
      throw refuse("the snapshot \(id) was added before")
    }
    guard !isCondemned(record: id) else { throw refuse("the record of \(id) is condemned") }
  }

  private func validate(
    _ condemnation: LogStatement.Condemnation, _ refuse: (String) -> VarveError
  ) throws {
    for object in condemnation.objects.listed {
      if case .snapshot(let id) = ObjectClass(object.name), snapshots[id] != nil {
        throw refuse("it condemns the record of \(id), which is live")
      }
    }
  }

  private func validate(
    _ undo: LogStatement.Undo, _ refuse: (String) -> VarveError
  ) throws {
    try requireOpen(undo.condemned, refuse)
    guard Set(undo.snapshots).count == undo.snapshots.count,
      undo.snapshots.allSatisfy({ forgotten[$0] != nil })
    else { throw refuse("it brings back a snapshot twice, or one that was not forgotten") }
    var rescinded: [Digest: Int] = [:]
    for entry in undo.condemned {
      for record in condemnations[entry]?.listedRecords ?? [] { rescinded[record, default: 0] += 1 }
    }
    for id in undo.snapshots where condemnedRecords[id, default: 0] > rescinded[id, default: 0] {
      throw refuse("the record of \(id) stays condemned")
    }
  }

  private func validate(
    _ change: LogStatement.CredentialChange, _ refuse: (String) -> VarveError
  ) throws {
    let additions = change.additions
    guard Set(additions.map(\.keyID)).count == additions.count,
      Set(additions.map(\.credential)).count == additions.count,
      Set(change.removals.map(\.keyID)).count == change.removals.count
    else { throw refuse("it names a credential twice") }
    for addition in additions {
      guard addition.keyID == KeyID(publicKey: addition.authorKey) else {
        throw refuse("a key id is not that of its key")
      }
      guard authors[addition.keyID] == nil, author(ofCredential: addition.credential) == nil else {
        throw refuse("the credential \(addition.credential) was added before")
      }
    }
    for removal in change.removals {
      guard let author = authors[removal.keyID], author.removed == nil,
        author.credential == removal.credential
      else { throw refuse("it removes a credential that is not there") }
    }
  }
}
