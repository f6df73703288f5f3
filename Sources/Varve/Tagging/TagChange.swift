internal import VarveCrypto
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Changes the tags of snapshots.
///
/// A record is never changed: for each snapshot a new record is stored and takes the place of the old
/// one in one commit of the log, a `snapshot` entry that names the first record as `original` and a
/// `forget` entry for the old one. Needs an owner's credential.
public struct TagChange: Sendable, Equatable {
  public enum Operation: Sendable, Equatable {
    /// These tags and no others.
    case set([String])
    /// Without `remove`, and with `add` behind what is left.
    case edit(add: [String], remove: [String])
  }

  /// A snapshot that got a new record.
  public struct Replacement: Sendable, Equatable {
    public let old: Digest
    public let new: Digest
  }

  /// Snapshots whose records are exchanged in one commit; each takes up to three entries of 255.
  private static let commitLimit = 80

  public let operation: Operation

  public init(_ operation: Operation) { self.operation = operation }

  /// The tags that `tags` become; each tag once, in the order of its first occurrence.
  public func apply(to tags: [String]) -> [String] {
    let result =
      switch operation {
      case .set(let tags): tags
      case .edit(let add, let remove): tags.filter { !remove.contains($0) } + add
      }
    var seen: Set<String> = []
    return result.filter { seen.insert($0).inserted }
  }

  /// Changes the tags of `snapshots`, which must be live; those that have the tags already are left.
  ///
  /// - Returns: what was replaced, in the order of `snapshots`.
  /// - Throws: `.notFound` when one of them was forgotten meanwhile: nothing of its commit is done
  ///   then; `.forbidden` for other roles than the owner and for snapshots that are held; `.missing` and
  ///   `.damaged`.
  public func run(
    on snapshots: [Digest], in repository: UnlockedRepository,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws -> [Replacement] {
    let snapshots = snapshots.withoutRepeats()
    var done: [Replacement] = []
    for start in stride(from: 0, to: snapshots.count, by: Self.commitLimit) {
      try cancellation.check()
      let part = snapshots[start..<min(start + Self.commitLimit, snapshots.count)]
      done += try replace(Array(part), in: repository, cancellation)
    }
    return done
  }

  /// A new record was condemned before an entry named it.
  private struct RecordIsCondemned: Error {}

  /// Replaces records, with others again when a prune took the new ones for nobody's.
  private func replace(
    _ snapshots: [Digest], in repository: UnlockedRepository, _ cancellation: CancellationFlag
  ) throws -> [Replacement] {
    while true {
      try cancellation.check()
      do {
        return try replace(snapshots, in: repository)
      } catch is RecordIsCondemned {
        continue
      }
    }
  }

  private func replace(
    _ snapshots: [Digest], in repository: UnlockedRepository
  ) throws -> [Replacement] {
    var replacements: [Replacement] = []
    var additions: [LogStatement.Body] = []
    let size = repository.log.state.size
    let ids = try repository.keys.opaqueIDs()
    for old in snapshots {
      var record = try repository.snapshotRecord(old)
      let tags = apply(to: record.tags)
      guard tags != record.tags else { continue }
      try Self.requireNoHold(on: old, repository.log.state)
      record.tags = tags
      // The same commitment says without a key that the tree is the same.
      record.treeSalt = record.treeSalt ?? SecureRandom.digest()
      record.original = record.original ?? old
      let bytes = try repository.seal(record)
      let new = SHA256.digest(bytes)
      try repository.storage.put(ObjectName.snapshot(new), bytes)
      replacements.append(Replacement(old: old, new: new))
      additions.append(
        .snapshot(
          try LogStatement.SnapshotAddition(
            snapshot: new, record: record, additions: .listed([]), parent: record.parent,
            original: repository.log.state.snapshots[old]?.original ?? old, ids: ids)))
    }
    guard !replacements.isEmpty else { return [] }
    let forgotten = LogStatement.Forgetting.bodies(
      forgetting: replacements.map(\.old), reason: "tags changed")
    _ = try repository.log.append { state in
      for replacement in replacements where state.snapshots[replacement.old] == nil {
        throw VarveError(
          .notFound, "the snapshot \(replacement.old) was forgotten meanwhile",
          hint: "list the snapshots again")
      }
      for replacement in replacements { try Self.requireNoHold(on: replacement.old, state) }
      let condemned = try state.namesOfCondemned(since: size, storage: repository.storage)
      guard condemned.isDisjoint(with: replacements.map { ObjectName.snapshot($0.new) }) else {
        throw RecordIsCondemned()
      }
      return additions + forgotten
    }
    return replacements
  }

  /// The new record would take the place of one that may not be forgotten.
  private static func requireNoHold(on snapshot: Digest, _ state: LogState) throws {
    guard let hold = state.hold(on: snapshot, at: WallClock.now()) else { return }
    let isPermanent = hold.term == .permanent
    throw VarveError(
      .forbidden,
      "the tags of the snapshot \(snapshot) cannot change: log entry \(hold.entry) holds it",
      hint: isPermanent ? nil : "release the hold first, with 'varve hold remove'")
  }
}
