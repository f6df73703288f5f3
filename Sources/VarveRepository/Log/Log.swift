import Synchronization
public import VarveFormat
public import VarveProof
import VarveStorage

/// The log of a repository, as this client has read and verified it.
///
/// Reading starts from what the client remembers (`ClientState`), probes for the commit at the
/// present size until there is none, and verifies each entry before it counts. A log that does not
/// continue what the client has seen before is a rollback.
///
/// May be used from several threads; appends and refreshes wait for one another.
public final class Log: Sendable {
  struct Content: Sendable {
    var fold: LogFold
    /// Bytes of the client's copy that are known to be right.
    var copyByteCount: UInt64 = 0
    /// The size at which the fold was last stored.
    var storedSize: UInt64 = 0
    /// The newest head that is recorded in the client's state.
    var recorded = TreeHead.empty
    /// The size of the newest checkpoint seen in storage or written.
    var checkpointSize: UInt64 = 0
    /// Whether a power loss could not take back what `fold` stands for.
    var isSettled = true
  }

  let storage: any StorageBackend
  public let config: RepositoryConfig
  /// The digest of the object `config`.
  public let configDigest: Digest
  let verifierKey: VerifierKey
  let clientState: ClientState
  let content: Mutex<Content>
  /// Held while commits are appended or read.
  let advancing = Mutex<Void>(())
  private let currentAuthor = Mutex<LogAuthor?>(nil)
  let derivedFailure = Mutex<VarveError?>(nil)
  let warning = Mutex<(@Sendable (VarveError) -> Void)?>(nil)
  private let checkpointFailure = Mutex<VarveError?>(nil)
  private let isProposing = Atomic<Bool>(false)

  /// Reads and verifies the log up to its newest commit.
  ///
  /// - Throws: `VarveError.Code.damaged` naming the commit that is, or the checkpoint when it signs another log, `missing`
  ///   when the checkpoint signs commits that are not there, `unauthorized`, `rollback`, `io`.
  init(
    storage: any StorageBackend, config: RepositoryConfig, configDigest: Digest,
    client: ClientDirectories, ahead: ReadAhead? = nil
  ) throws {
    self.storage = storage
    self.config = config
    self.configDigest = configDigest
    verifierKey = try VerifierKey(text: config.logKey)
    clientState = ClientState(client, repository: config.id)
    content = Mutex(Content(fold: LogFold(config: config, configDigest: configDigest)))
    try load(ahead ?? ReadAhead(storage))
  }

  /// Everything that the log says, as of the newest commit read.
  public var state: LogState { content.withLock { $0.fold.state } }

  /// The size and root of the log, as of the newest commit read.
  public var head: TreeHead { content.withLock { $0.fold.head } }

  /// The tree over the entries, for proofs.
  public var tree: MerkleTree { content.withLock { $0.fold.tree } }

  /// Who appends; nil when nothing has been unlocked.
  var author: LogAuthor? {
    get { currentAuthor.withLock { $0 } }
    set { currentAuthor.withLock { $0 = newValue } }
  }

  /// Whose entries `append` appends; nil when nothing has been unlocked.
  package var authorKeyID: KeyID? { author?.keyID }

  /// Whether what is appended is proposed instead of done. Entries of a kind that cannot be proposed are refused then.
  public var proposes: Bool {
    get { isProposing.load(ordering: .relaxed) }
    set { isProposing.store(newValue, ordering: .relaxed) }
  }

  /// Has `warn` told of each commit that is found damaged or missing when something is derived from it, from now on.
  package func warn(_ warn: @escaping @Sendable (VarveError) -> Void) {
    warning.withLock { $0 = warn }
  }

  /// Why the last checkpoint or tile could not be written, if it could not, or why the checkpoint that was there could
  /// not be believed. Nothing depends on them: the next holder of the log key writes them.
  public var derivedDataFailure: VarveError? {
    derivedFailure.withLock { $0 } ?? checkpointFailure.withLock { $0 }
  }

  /// Reads commits that others have appended since.
  ///
  /// - Throws: as the initialiser does; the log then stays as it was.
  public func refresh() throws {
    try advancing.withLock { _ in try readOn() }
  }

  /// What whoever opens a log for the first time asks for at once.
  static var firstObjects: [String] {
    [ObjectName.checkpoint] + (0..<UInt64(CommitReader.limit) - 2).map(ObjectName.commit)
  }

  private func load(_ ahead: ReadAhead) throws {
    let pin = try clientState.pin()
    let remembered = try pin.flatMap(rememberedFold)
    ahead.expect([ObjectName.checkpoint])
    if let newest = remembered?.newest, let pin {
      ahead.expect([newest, ObjectName.commit(pin.size)])
    }
    // The checkpoint before the commits: whatever it signs was there when it was read. A commit that was looked for
    // before, and was not there, is looked for again when the checkpoint signs it.
    let checkpoint = try believableCheckpoint(ahead)
    var fold = LogFold(config: config, configDigest: configDigest)
    if let pin, let remembered, let newest = try ahead.readIfPresent(remembered.newest),
      remembered.fold.endsWith(commit: newest)
    {
      fold = remembered.fold
      content.withLock {
        $0.copyByteCount = remembered.fold.copyByteCount
        $0.storedSize = remembered.storedSize
        $0.recorded = pin
      }
    }
    try readOn(from: &fold, pin: pin, signed: checkpoint?.head.size ?? 0, ahead)
    if let checkpoint { try verify(checkpoint, against: fold) }
    content.withLock { $0.checkpointSize = checkpoint?.head.size ?? 0 }
  }

  /// What the client's state says the log folds to.
  private struct RememberedFold {
    let fold: LogFold
    /// The size up to which that was stored rather than replayed.
    let storedSize: UInt64
    /// The newest commit of it; where storage does not have that one, the fold is not used.
    let newest: String
  }

  /// - Returns: nil when its root would not be the remembered one.
  private func rememberedFold(_ pin: TreeHead) throws -> RememberedFold? {
    if let stored = try clientState.fold(config: config, configDigest: configDigest),
      stored.tree.size <= pin.size, let remembered = try replay(on: stored, to: pin)
    {
      return remembered
    }
    return try replay(on: LogFold(config: config, configDigest: configDigest), to: pin)
  }

  /// Continues a fold with the client's copy of the log.
  private func replay(on base: LogFold, to pin: TreeHead) throws -> RememberedFold? {
    var fold = base
    if fold.tree.size < pin.size {
      for commit in try clientState.commits(from: fold.copyByteCount) {
        guard fold.tree.size < pin.size, (try? fold.append(commit: commit, isVerified: true)) != nil
        else { break }
      }
    }
    guard fold.head == pin, let start = fold.commitStarts.last else { return nil }
    return RememberedFold(
      fold: fold, storedSize: base.tree.size, newest: ObjectName.commit(start))
  }

  /// Reads on from what is known; must be called with `advancing` held.
  func readOn() throws {
    let (known, recorded) = content.withLock { ($0.fold, $0.recorded) }
    var fold = known
    try readOn(from: &fold, pin: recorded.size > 0 ? recorded : nil)
  }

  /// - Parameters:
  ///   - signed: the size up to which storage has a checkpoint.
  ///   - ahead: what was asked for before the checkpoint was read.
  private func readOn(
    from fold: inout LogFold, pin: TreeHead?, signed: UInt64 = 0, _ ahead: ReadAhead? = nil
  ) throws {
    var commits: [[UInt8]] = []
    try readBundles(into: &fold, upTo: signed, &commits)
    var newest: String?
    var reader = CommitReader(
      self, from: fold.tree.size, known: max(signed, pin?.size ?? 0), ahead)
    while let commit = try reader.commit(at: fold.tree.size) {
      newest = ObjectName.commit(fold.tree.size)
      try fold.append(commit: commit)
      commits.append(commit)
    }
    if let pin, fold.tree.root(atSize: pin.size) != pin.root {
      throw clientState.rollback(pin, fold.head)
    }
    // Its author may have been killed before it was durable. A head that a power loss takes back must be
    // neither remembered nor signed: that would look like a rollback. Where storage cannot say, as on a
    // failing disk, reading goes on without.
    let isSettled =
      newest.map { (try? storage.settle($0)) != nil } ?? content.withLock { $0.isSettled }
    try adopt(fold, commits, isSettled: isSettled)
  }

  /// Makes a verified fold the present one and records it in the client's state.
  ///
  /// - Parameters:
  ///   - commits: those by which it is longer than the client's copy.
  ///   - isSettled: whether it is known to be durable.
  func adopt(_ fold: LogFold, _ commits: [[UInt8]], isSettled: Bool) throws {
    guard isSettled else {
      return content.withLock {
        $0.fold = fold
        $0.isSettled = false
      }
    }
    var (copyByteCount, recorded, storedSize) = content.withLock {
      ($0.copyByteCount, $0.recorded, $0.storedSize)
    }
    if fold.head != recorded, fold.head.size > 0 {
      try clientState.write(commits, at: copyByteCount)
      try clientState.advancePin(to: fold.head) { fold.tree.root(atSize: $0.size) == $0.root }
    }
    if fold.tree.size >= storedSize + StoredFold.step {
      clientState.store(fold)
      storedSize = fold.tree.size
    }
    content.withLock {
      $0.fold = fold
      $0.copyByteCount = fold.copyByteCount
      $0.storedSize = storedSize
      $0.recorded = fold.head
      $0.isSettled = true
    }
  }

  func readIfPresent(_ name: String) throws -> [UInt8]? {
    do {
      return try storage.read(name)
    } catch let error as VarveError where error.code == .missing {
      return nil
    }
  }

  /// The newest checkpoint in storage; nil also for one that the log key has not signed. Whoever may add to storage may
  /// replace the checkpoint, so that a wrong one must stop nobody: it counts for nothing, and the next holder of the log
  /// key writes it anew.
  private func believableCheckpoint(_ ahead: ReadAhead) throws -> Checkpoint? {
    do {
      return try readCheckpoint(ahead)
    } catch let error as VarveError where error.code == .damaged {
      checkpointFailure.withLock { $0 = error }
      return nil
    }
  }

  /// The newest checkpoint in storage, its signature verified.
  ///
  /// - Throws: `VarveError.Code.damaged` for what the log key has not signed.
  func readCheckpoint(_ ahead: ReadAhead? = nil) throws -> Checkpoint? {
    let name = ObjectName.checkpoint
    do {
      let stored = try ahead.map { try $0.readIfPresent(name) } ?? readIfPresent(name)
      guard let bytes = stored else { return nil }
      return try Checkpoint(note: bytes, signedBy: verifierKey, origin: config.origin, name)
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(
        .damaged, error.message,
        hint:
          "the commits of the log are not affected; remove \(name), which is derived from them, "
          + "and it will be written anew", cause: error.cause)
    }
  }

  func verify(_ checkpoint: Checkpoint, against fold: LogFold) throws {
    guard checkpoint.head.size <= fold.head.size else {
      let name = ObjectName.commit(fold.head.size)
      throw VarveError(
        .missing,
        "\(name) is not in \(storage.location), although \(ObjectName.checkpoint) signs it",
        hint: "the newest commits of the log were lost or removed; bring them back from a copy")
    }
    guard fold.tree.root(atSize: checkpoint.head.size) == checkpoint.head.root else {
      throw VarveError(
        .damaged, "\(ObjectName.checkpoint) signs another log than the commits make up")
    }
  }
}
