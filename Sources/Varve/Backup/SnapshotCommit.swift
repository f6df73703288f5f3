internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// Makes a snapshot part of the repository: record and inventory durable, then the log entry (invariant I1; the
/// packs and index segments that it names are durable already).
struct SnapshotCommit {
  private let repository: UnlockedRepository

  init(_ repository: UnlockedRepository) { self.repository = repository }

  /// - Parameter added: every pack and index segment that the session stored.
  /// - Returns: the snapshot's id.
  func commit(
    _ record: SnapshotRecord, adding added: [ObjectReference], parent: Digest?
  ) throws -> Digest {
    let object = try repository.seal(record)
    let id = SHA256.digest(object)
    try repository.storage.put(ObjectName.snapshot(id), object)
    let additions = try ObjectList(storing: added, in: repository.storage)
    let addition = LogStatement.Body.snapshot(
      try LogStatement.SnapshotAddition(
        snapshot: id, record: record, additions: additions, parent: parent,
        ids: try repository.keys.opaqueIDs()))
    _ = try repository.log.append { _ in [addition] }
    return id
  }
}
