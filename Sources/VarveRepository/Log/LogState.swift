public import VarveFormat
import VarveProof

/// The state of a repository: the fold of its log (docs/format.md, section 12).
public struct LogState: Sendable {
  /// Whoever has signed or may sign entries.
  public struct Author: Sendable {
    public let keyID: KeyID
    /// 32 bytes.
    public let publicKey: [UInt8]
    public let role: Role
    /// The credential that holds the author's key; nil for the recovery author.
    public let credential: Digest?
    /// The index of the entry that added the author.
    public let added: UInt64
    /// The index of the entry that removed the author.
    public internal(set) var removed: UInt64?
    /// The index of the author's newest entry.
    public internal(set) var newestEntry: UInt64?
  }

  /// A live snapshot.
  public struct Snapshot: Sendable, Equatable {
    public let id: Digest
    /// The index of its entry.
    public let entry: UInt64
    public let author: KeyID
    /// When its entry was signed, by the author's clock.
    public let time: Timestamp
    public let parent: Digest?
    public let original: Digest?
    /// The opaque id of the host and paths saved; nil in entries from before there were any.
    public let source: Digest?
    /// The opaque ids of the tags, ascending.
    public let tags: [Digest]
    /// Whether the backup was still under way.
    public let isPartial: Bool
  }

  /// A check that somebody recorded.
  public struct Check: Sendable {
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let result: LogStatement.CheckResult
  }

  /// What somebody has done with the repository, and says of it.
  public struct Receipt: Sendable, Equatable {
    /// The index of the entry.
    public let entry: UInt64
    public let author: KeyID
    /// When it was signed, by the author's clock.
    public let time: Timestamp
    public let receipt: LogStatement.Receipt
  }

  /// An entry that proves a time: cosignatures of witnesses, or a token of a time-stamping authority, over
  /// a checkpoint. What it proves is read from the entry (`Log.attestedTimes`): 56 bytes each are kept here.
  public struct Attestation: Sendable, Equatable {
    public enum Kind: UInt8, Sendable {
      case cosign = 0
      case anchor = 1
    }

    public let kind: Kind
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    /// The size of the tree that the checkpoint is of.
    public let size: UInt64
  }

  /// Entries folded so far.
  public internal(set) var size: UInt64 = 0
  public internal(set) var authors: [KeyID: Author]
  public internal(set) var snapshots = SnapshotTable()
  /// Snapshots that are live no more, by id.
  public internal(set) var forgotten: [Digest: Forgotten] = [:]
  /// The strongest hold on each snapshot, in force or not, also on those that were forgotten after it ended.
  public internal(set) var holds: [Digest: Hold] = [:]
  /// Policies of sources, by the sources' opaque ids.
  public internal(set) var policies: [Digest: Policy] = [:]
  /// The policy of every source that has none of its own.
  public internal(set) var defaultPolicy: Policy?
  /// In the order of the log.
  public internal(set) var checks: [Check] = []
  /// In the order of the log.
  public internal(set) var receipts: [Receipt] = []
  /// Packs and index segments that entries add and list themselves, but for those that were swept.
  public internal(set) var listedObjects = ListedObjects()
  /// Inventories that list the others, in the order of the log.
  public internal(set) var addedInventories: [AddedInventory] = []
  public internal(set) var repacks: [Repack] = []
  /// By the indices of their entries.
  public internal(set) var condemnations: [UInt64: Condemnation] = [:]
  /// In the order of the log.
  public internal(set) var losses: [Loss] = []
  /// In the order of the log.
  public internal(set) var attestations: [Attestation] = []
  /// The index of the newest condemn or lost entry, whatever became of it. What was opened at a size that is
  /// larger knows all that is condemned or lost.
  public internal(set) var newestCondemnation: UInt64?
  /// How many owners must agree to what `needsAgreement` says.
  public internal(set) var threshold: UInt64 = 1
  /// By the indices of their entries.
  public internal(set) var proposals: [UInt64: Proposal] = [:]
  /// How many condemn entries that are not rescinded list a snapshot record themselves.
  var condemnedRecords: [Digest: Int] = [:]

  /// An inventory by which an entry adds objects.
  public struct AddedInventory: Sendable, Equatable {
    public let digest: Digest
    /// The index of the entry.
    public let entry: UInt64
  }

  let config: RepositoryConfig
  let configDigest: Digest
  let recoveryAuthor: KeyID

  init(config: RepositoryConfig, configDigest: Digest) {
    self.config = config
    self.configDigest = configDigest
    recoveryAuthor = KeyID(publicKey: config.authorKey)
    authors = [
      recoveryAuthor: Author(
        keyID: recoveryAuthor, publicKey: config.authorKey, role: .owner, credential: nil, added: 0)
    ]
  }

  /// Every inventory that an entry names, whatever for: all are kept for ever.
  public var inventories: [Digest] {
    addedInventories.map(\.digest)
      + condemnations.values.sorted { $0.entry < $1.entry }.compactMap(\.objects.inventory)
      + losses.compactMap(\.objects.inventory)
  }

  /// Live snapshots in the order of their entries, oldest first.
  public var snapshotsInOrder: [Snapshot] { snapshots.inOrder }

  /// Authors whose credentials unlock the repository, in the order in which they were added.
  public var liveCredentials: [Author] {
    authors.values.filter { $0.credential != nil && $0.removed == nil }
      .sorted { ($0.added, $0.keyID.text) < ($1.added, $1.keyID.text) }
  }

  /// The author of a credential, live or removed.
  public func author(ofCredential credential: Digest) -> Author? {
    authors.values.first { $0.credential == credential }
  }

  /// Takes in an entry that `validate` admits.
  mutating func fold(_ statement: LogStatement) {
    let index = size
    size += 1
    authors[statement.author]?.newestEntry = index
    foldAgreement(statement, at: index)
    switch statement.body {
    case .genesis, .threshold, .proposal, .approval: break
    case .credential(let change):
      for addition in change.additions {
        authors[addition.keyID] = Author(
          keyID: addition.keyID, publicKey: addition.authorKey, role: addition.role,
          credential: addition.credential, added: index)
      }
      for removal in change.removals { authors[removal.keyID]?.removed = index }
    case .snapshot(let addition):
      snapshots.add(
        Snapshot(
          id: addition.snapshot, entry: index, author: statement.author, time: statement.time,
          parent: addition.parent, original: addition.original, source: addition.source,
          tags: addition.tags, isPartial: addition.isPartial))
      add(addition.additions, by: index)
    case .forget(let forgetting):
      for id in forgetting.snapshots {
        guard let snapshot = snapshots.remove(id) else { continue }
        forgotten[id] = Forgotten(
          snapshot: snapshot, entry: index, author: statement.author, time: statement.time)
      }
    case .check(let result):
      checks.append(
        Check(entry: index, author: statement.author, time: statement.time, result: result))
    case .policy(let change):
      fold(change) {
        Policy(entry: index, author: statement.author, time: statement.time, keep: $0)
      }
    case .hold(let hold):
      fold(
        Hold(
          entry: index, author: statement.author, time: statement.time, term: hold.term,
          reason: hold.reason), on: hold.snapshots)
    case .release(let release):
      for snapshot in release.snapshots { holds[snapshot] = nil }
    case .repack(let repack):
      add(repack.additions, by: index)
      repacks.append(
        Repack(
          entry: index, author: statement.author, time: statement.time, reason: repack.reason))
    case .condemn(let condemnation):
      fold(
        Condemnation(
          entry: index, author: statement.author, time: statement.time,
          objects: condemnation.objects, status: .condemned))
      newestCondemnation = index
    case .sweep(let sweep): fold(sweep.condemned, as: .swept(by: index))
    case .undo(let undo):
      fold(undo.condemned, as: .rescinded(by: index))
      for id in undo.snapshots {
        if let row = forgotten.removeValue(forKey: id) { snapshots.restore(row.snapshot) }
      }
    case .lost(let loss):
      losses.append(
        Loss(
          entry: index, author: statement.author, time: statement.time, objects: loss.objects))
      newestCondemnation = index
    case .receipt(let receipt):
      receipts.append(
        Receipt(entry: index, author: statement.author, time: statement.time, receipt: receipt))
    case .cosign(let cosigning): fold(.cosign, cosigning.checkpoint, statement)
    case .anchor(let anchoring): fold(.anchor, anchoring.checkpoint, statement)
    }
  }

  private mutating func fold(
    _ kind: Attestation.Kind, _ checkpoint: String, _ statement: LogStatement
  ) {
    // Only a checkpoint that can be read gets here (LogFold+Checkpoints.swift).
    guard let size = try? Checkpoint(note: checkpoint, "checkpoint").head.size else { return }
    attestations.append(
      Attestation(
        kind: kind, entry: self.size - 1, author: statement.author, time: statement.time,
        size: size))
  }

  private mutating func add(_ additions: ObjectList, by entry: UInt64) {
    switch additions {
    case .listed(let objects):
      for object in objects { listedObjects.add(object, by: entry) }
    case .inventory(let inventory):
      addedInventories.append(AddedInventory(digest: inventory, entry: entry))
    }
  }
}
