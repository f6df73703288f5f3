import Synchronization
public import VarveFormat
public import VarveStorage

/// A repository that a credential has opened: its keys, and its log, to which may be appended.
public final class UnlockedRepository: Sendable {
  public let repository: Repository
  public let keys: RepositoryKeys
  public let log: Log
  public let client: ClientDirectories
  /// The storage, with a local copy of what is read often where the storage is far away.
  package let metadata: any StorageBackend
  private let currentCredential: Mutex<Digest?>
  private let deletionFailure = Mutex<VarveError?>(nil)

  init(
    repository: Repository, keys: RepositoryKeys, log: Log, credential: Digest?,
    client: ClientDirectories
  ) {
    self.repository = repository
    self.keys = keys
    self.log = log
    self.client = client
    let storage = repository.storage
    if let cache = client.cache, storage.transfersAtOnce > 1 {
      metadata = MetadataCache(repository.ahead, directory: "\(cache)/\(repository.config.id.hex)")
    } else {
      metadata = storage
    }
    currentCredential = Mutex(credential)
  }

  public var storage: any StorageBackend { repository.storage }
  public var config: RepositoryConfig { repository.config }
  public var role: Role { keys.role }

  /// The credential in use; nil after unlocking with the recovery key.
  public internal(set) var credential: Digest? {
    get { currentCredential.withLock { $0 } }
    set { currentCredential.withLock { $0 = newValue } }
  }

  /// Why the object of a credential that was removed could not be deleted. Nothing depends on that: the log says that it
  /// was removed.
  public internal(set) var credentialDeletionFailure: VarveError? {
    get { deletionFailure.withLock { $0 } }
    set { deletionFailure.withLock { $0 = newValue } }
  }

  /// - Throws: `VarveError.Code.forbidden` unless the role is one of `roles`.
  public func require(_ roles: Role..., to act: String) throws {
    guard !roles.contains(role) else { return }
    throw VarveError(
      .forbidden, "a \(role.rawValue) may not \(act)",
      hint: "use a credential of the role \(roles.map(\.rawValue).joined(separator: " or "))")
  }
}
