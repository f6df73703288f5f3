import VarveCrypto
public import VarveFormat
import VarveProof
public import VarveStorage

/// A repository whose `config` has been read: enough for an auditor, who has no key.
///
/// Unlocking it gives an `UnlockedRepository`.
public final class Repository: Sendable {
  public let storage: any StorageBackend
  public let config: RepositoryConfig
  /// The digest of the object `config`.
  public let configDigest: Digest
  /// The storage, with what is known to be needed next.
  let ahead: ReadAhead
  /// Whether the client knew nothing of any repository.
  private let isNew: Bool

  init(
    storage: any StorageBackend, config: RepositoryConfig, configDigest: Digest,
    ahead: ReadAhead? = nil, isNew: Bool = false
  ) {
    self.storage = storage
    self.config = config
    self.configDigest = configDigest
    self.ahead = ahead ?? ReadAhead(storage)
    self.isNew = isNew
  }

  /// Reads and verifies `config`.
  ///
  /// - Parameter client: who opens it; one that knows nothing yet reads the beginning of the log besides.
  /// - Throws: `VarveError.Code.noRepository`, `damaged`, `unsupportedFormat`, `io`.
  public static func open(
    storage: any StorageBackend, client: ClientDirectories? = nil
  ) throws -> Repository {
    let ahead = ReadAhead(storage)
    let isNew = client?.isNew ?? false
    if isNew { ahead.expect(Log.firstObjects) }
    let bytes: [UInt8]
    do {
      bytes = try storage.read(ObjectName.config)
    } catch let error as VarveError where error.code == .missing {
      throw VarveError(
        .noRepository, "there is no repository at \(storage.location)",
        hint: "check the path, or make one with 'varve init'")
    }
    return Repository(
      storage: storage, config: try verifiedConfig(bytes), configDigest: SHA256.digest(bytes),
      ahead: ahead, isNew: isNew)
  }

  /// The signature first, then the content: by the log key that the content names, to which the
  /// credentials bind it by its digest.
  private static func verifiedConfig(_ bytes: [UInt8]) throws -> RepositoryConfig {
    let what = ObjectName.config
    let note = try SignedNote(bytes, what)
    let json = try JSONValue(canonical: note.text.utf8.dropLast(), what)
    let key: VerifierKey
    do {
      key = try VerifierKey(text: try json.string("logKey"))
    } catch let error as VarveError where error.code == .damaged {
      throw VarveError(.damaged, "\(what) is damaged", cause: error)
    }
    try note.verify(by: [key], what)
    let config = try RepositoryConfig(text: note.text)
    guard key.name == config.origin else {
      throw VarveError(.damaged, "\(what) is damaged: its key is another log's")
    }
    return config
  }

  /// Reads and verifies the log without any key; nothing can be appended to it.
  ///
  /// - Throws: `VarveError.Code.damaged`, `missing`, `unauthorized`, `rollback`, `io`;
  ///   `noRepository` when the repository was never completely made.
  public func openLog(client: ClientDirectories) throws -> Log {
    let log = try Log(
      storage: storage, config: config, configDigest: configDigest, client: client, ahead: ahead)
    guard log.head.size > 0 else {
      throw VarveError(
        .noRepository, "the repository at \(storage.location) was not completely made",
        hint: "run 'varve init' again with the same password")
    }
    return log
  }

  /// Opens the repository with a credential.
  ///
  /// - Throws: `VarveError.Code.wrongPassword` when no credential opens; `forbidden` for one that
  ///   was removed; why one of them cannot be read when the others do not open; what `openLog`
  ///   throws.
  public func unlock(
    _ secret: borrowing CredentialSecret, client: ClientDirectories
  ) throws -> UnlockedRepository {
    let log = try openLog(client: client)
    ahead.expect(firstReads(log.state))
    let unlocked = try Unlocking(repository: self, state: log.state).unlock(secret)
    return try finishUnlocking(unlocked, log: log, client: client)
  }

  /// Most of what is asked for before the key is known.
  private static let (credentialLimit, snapshotLimit, segmentLimit) = (6, 4, 4)
  private static let segmentByteLimit: UInt64 = 4 << 20

  /// What is read next of a log like this one.
  private func firstReads(_ state: LogState) -> [String] {
    let credentials = state.liveCredentials.compactMap(\.credential).prefix(Self.credentialLimit)
      .map(ObjectName.credential)
    guard isNew, storage.transfersAtOnce > 1 else { return credentials }
    let snapshots = state.snapshotsInOrder.suffix(Self.snapshotLimit).map {
      ObjectName.snapshot($0.id)
    }
    var segments: [String] = []
    var size: UInt64 = 0
    state.listedObjects.forEachObject { object, length, _ in
      guard case .index(let name) = object, segments.count <= Self.segmentLimit else { return }
      segments.append(ObjectName.index(name))
      size += min(length, Self.segmentByteLimit + 1)
    }
    let isSmall = segments.count <= Self.segmentLimit && size <= Self.segmentByteLimit
    return credentials + snapshots + (isSmall ? segments : [])
  }

  func finishUnlocking(
    _ unlocked: consuming Unlocked, log: Log, client: ClientDirectories
  ) throws -> UnlockedRepository {
    let credential = unlocked.credential
    let keys = RepositoryKeys(unlocked.takePayload(), repository: config.id)
    try keys.verify(against: config)
    let signer =
      keys.role == .reader
      ? nil : try CheckpointSigner(seed: try keys.logKey(), origin: config.origin)
    log.author = try LogAuthor(seed: try keys.author(), checkpointSigner: signer)
    try log.completeDerived()
    return UnlockedRepository(
      repository: self, keys: keys, log: log, credential: credential, client: client)
  }
}
