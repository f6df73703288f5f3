internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository
internal import VarveStorage

/// A snapshot that is stored at the target but for its record.
struct PendingCopy {
  /// Its id at the source.
  let source: Digest
  /// What it is recognised by.
  let origin: Digest
  var record: SnapshotRecord
  /// What holds it at the source, if that is to be copied.
  var hold: LogState.Hold?
}

/// Commits what a session has copied.
final class CopyCommits {
  private let target: IndexedRepository
  private let store: ChunkStore
  private let observer: (any CopyObserver)?
  /// The session's partial snapshots; each has what those before it had.
  private var own: Set<Digest> = []

  init(_ target: IndexedRepository, _ store: ChunkStore, observer: (any CopyObserver)?) {
    self.target = target
    self.store = store
    self.observer = observer
  }

  private struct Sealed {
    let copied: PendingCopy
    let id: Digest
  }

  /// Appends the entries of complete snapshots, and of a partial one.
  ///
  /// - Parameter added: every object that was stored and is not named yet.
  /// - Returns: those of `copies` that were committed, and their ids: not those that somebody else has copied meanwhile.
  /// - Throws: `SessionIsInvalid`.
  func append(
    _ copies: [PendingCopy], partial: PendingCopy?, adding added: [ObjectReference]
  ) throws -> [(PendingCopy, Digest?)] {
    guard !copies.isEmpty || partial != nil else {
      store.giveBack(added)
      return []
    }
    let unlocked = target.unlocked
    let ids = try unlocked.keys.opaqueIDs()
    let sealed = try copies.map(seal)
    let sealedPartial = try partial.map(seal)
    let objects = try ObjectList(storing: added, in: target.storage)
    var committed: [Sealed] = []
    try unlocked.log.append { state in
      for snapshot in sealed + (sealedPartial.map { [$0] } ?? []) {
        let isInvalid = try store.isInvalid(
          in: state, since: target.state.size, record: ObjectName.snapshot(snapshot.id))
        if isInvalid { throw SessionIsInvalid() }
      }
      let origins = CopyOrigins(state)
      committed = sealed.filter {
        !origins.contains($0.copied.origin, isPartial: $0.copied.record.isPartial)
      }
      var rest = objects
      var bodies: [LogStatement.Body] = []
      for snapshot in committed + (sealedPartial.map { [$0] } ?? []) {
        let record = snapshot.copied.record
        bodies.append(
          .snapshot(
            try LogStatement.SnapshotAddition(
              snapshot: snapshot.id, record: record, additions: rest, parent: record.parent,
              original: record.original, ids: ids)))
        rest = .listed([])
      }
      for snapshot in committed {
        guard let hold = snapshot.copied.hold else { continue }
        bodies.append(
          .hold(.init(snapshots: [snapshot.id], term: hold.term, reason: hold.reason)))
      }
      guard !bodies.isEmpty else { return [] }
      return bodies
        + LogStatement.Forgetting.bodies(
          forgetting: obsolete(in: state, committed),
          reason: "a later snapshot has what this partial one has")
    }
    if committed.isEmpty && sealedPartial == nil { store.giveBack(added) }
    if let sealedPartial {
      own.insert(sealedPartial.id)
      observer?.savedPartial(sealedPartial.id)
    }
    return committed.map { ($0.copied, $0.id) }
  }

  private func seal(_ copied: PendingCopy) throws -> Sealed {
    var copied = copied
    copied.record.treeSalt = SecureRandom.digest()
    let bytes = try target.unlocked.seal(copied.record)
    let id = SHA256.digest(bytes)
    try target.storage.put(ObjectName.snapshot(id), bytes)
    return Sealed(copied: copied, id: id)
  }

  /// Partial snapshots that need not stay: the session's own, and those that earlier ones have left of what is complete
  /// now, as far as this author may forget them.
  private func obsolete(in state: LogState, _ committed: [Sealed]) -> [Digest] {
    let complete = Set(committed.filter { !$0.copied.record.isPartial }.map(\.copied.origin))
    let author = target.log.authorKeyID
    let now = WallClock.now()
    return state.snapshotsInOrder.filter { row in
      guard row.isPartial, row.author == author, state.hold(on: row.id, at: now) == nil else {
        return false
      }
      return own.contains(row.id) || row.parent.map(complete.contains) == true
    }.map(\.id)
  }
}
