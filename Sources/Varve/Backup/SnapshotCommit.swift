internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// Something that a session relies on was condemned before its snapshot was committed (invariant I3): the session must
/// begin again on the log as it is now.
struct SessionIsInvalid: Error {}

/// Makes a snapshot part of the repository: record and inventory durable, then the log entry (invariant I1; the
/// packs and index segments that it names are durable already).
struct SnapshotCommit {
  private let repository: UnlockedRepository

  init(_ repository: UnlockedRepository) { self.repository = repository }

  /// - Parameters:
  ///   - added: every pack and index segment that the session stored and no log entry names yet.
  ///   - requireValid: throws when what the snapshot relies on is not live in a state; gets the snapshot's id, too.
  ///   - prepare: called with the snapshot's id, before the log entry makes it live.
  ///   - forgetting: which snapshots the same commit forgets, given the state that it follows.
  /// - Returns: the snapshot's id.
  func commit(
    _ record: SnapshotRecord, adding added: [ObjectReference],
    requireValid: (LogState, Digest) throws -> Void, prepare: (Digest) -> Void,
    forgetting: (LogState) -> [Digest]
  ) throws -> Digest {
    let object = try repository.seal(record)
    let id = SHA256.digest(object)
    try repository.storage.put(ObjectName.snapshot(id), object)
    let additions = try ObjectList(storing: added, in: repository.storage)
    let addition = LogStatement.Body.snapshot(
      try LogStatement.SnapshotAddition(
        snapshot: id, record: record, additions: additions, parent: record.parent,
        original: nil, ids: try repository.keys.opaqueIDs()))
    prepare(id)
    _ = try repository.log.append { state in
      try requireValid(state, id)
      return [addition]
        + LogStatement.Forgetting.bodies(
          forgetting: forgetting(state), reason: "a later snapshot has what this partial one has")
    }
    return id
  }
}
