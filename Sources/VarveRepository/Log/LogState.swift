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
  public struct Snapshot: Sendable {
    public let id: Digest
    /// The index of its entry.
    public let entry: UInt64
    public let author: KeyID
    /// When its entry was signed, by the author's clock.
    public let time: Timestamp
    public let parent: Digest?
    public let original: Digest?
  }

  /// A check that somebody recorded.
  public struct Check: Sendable {
    public let entry: UInt64
    public let author: KeyID
    public let time: Timestamp
    public let result: LogStatement.CheckResult
  }

  /// Entries folded so far.
  public internal(set) var size: UInt64 = 0
  public internal(set) var authors: [KeyID: Author]
  public internal(set) var snapshots = SnapshotTable()
  /// Snapshots that are live no more, with the index of the entry that forgot each.
  public internal(set) var forgotten: [Digest: UInt64] = [:]
  /// In the order of the log.
  public internal(set) var checks: [Check] = []
  /// Packs and index segments that entries list themselves.
  public internal(set) var listedObjects = ListedObjects()
  /// Inventories that list the others, in the order of the log.
  public internal(set) var inventories: [Digest] = []

  private let config: RepositoryConfig
  private let configDigest: Digest
  private let recoveryAuthor: KeyID

  init(config: RepositoryConfig, configDigest: Digest) {
    self.config = config
    self.configDigest = configDigest
    recoveryAuthor = KeyID(publicKey: config.authorKey)
    authors = [
      recoveryAuthor: Author(
        keyID: recoveryAuthor, publicKey: config.authorKey, role: .owner, credential: nil, added: 0)
    ]
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
    guard statement.body.permittedRoles.contains(author.role) else {
      throw refuse("its author, \(author.keyID), is a \(author.role.rawValue)")
    }
    switch statement.body {
    case .genesis(let genesis):
      guard size == 0, author.keyID == recoveryAuthor, genesis.config == configDigest,
        genesis.authorKey == config.authorKey
      else { throw refuse("it is not the genesis entry of this repository") }
      return
    case .credential(let change): try validate(change, refuse)
    case .snapshot(let addition):
      guard snapshots[addition.snapshot] == nil, forgotten[addition.snapshot] == nil else {
        throw refuse("the snapshot \(addition.snapshot) was added before")
      }
    case .forget(let forgetting):
      guard Set(forgetting.snapshots).count == forgetting.snapshots.count,
        forgetting.snapshots.allSatisfy({ snapshots[$0] != nil })
      else { throw refuse("it forgets a snapshot that is not there") }
    case .check: break
    }
    guard size > 0 else { throw refuse("a log begins with its genesis entry") }
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

  /// Takes in an entry that `validate` admits.
  mutating func fold(_ statement: LogStatement) {
    let index = size
    size += 1
    authors[statement.author]?.newestEntry = index
    switch statement.body {
    case .genesis: break
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
          parent: addition.parent, original: addition.original))
      switch addition.additions {
      case .listed(let objects):
        for object in objects { listedObjects.add(object) }
      case .inventory(let inventory): inventories.append(inventory)
      }
    case .forget(let forgetting):
      for snapshot in forgetting.snapshots {
        snapshots.remove(snapshot)
        forgotten[snapshot] = index
      }
    case .check(let result):
      checks.append(
        Check(entry: index, author: statement.author, time: statement.time, result: result))
    }
  }
}
