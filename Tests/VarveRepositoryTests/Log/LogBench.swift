import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository in memory with an owner's key file, and clients of it.
///
/// Making one takes one stretched password; unlocking with the key file takes none.
final class LogBench: Sendable {
  static let password = "correct horse battery staple"

  let storage: MemoryStorage
  /// The owner's key file.
  let key: KeyFile
  private let directory = TemporaryDirectory()

  final class KeyFile: Sendable {
    let credential: Digest
    private let text: SecretBytes
    init(_ file: consuming NewKeyFile) {
      credential = file.credential
      text = file.text.copy()
    }
    var secret: CredentialSecret { .keyText(text.copy()) }
  }

  init() throws {
    storage = MemoryStorage()
    let unlocked = try Repository.initialize(
      storage: storage, secret: Self.secret(Self.password),
      options: InitOptions(passwordCost: .least),
      client: ClientDirectories(cache: nil, state: directory("maker")))
    key = KeyFile(try unlocked.addKeyFile())
  }

  static func secret(_ password: String) -> CredentialSecret {
    .password(SecretBytes(copying: Array(password.utf8)))
  }

  func client(_ name: String) -> ClientDirectories {
    ClientDirectories(cache: nil, state: directory(name))
  }

  /// Opens the repository as a client that keeps its state under `name`.
  func unlock(
    _ name: String = "owner", through storage: (any StorageBackend)? = nil, key: KeyFile? = nil
  ) throws -> UnlockedRepository {
    try Repository.open(storage: storage ?? self.storage)
      .unlock((key ?? self.key).secret, client: client(name))
  }

  /// Reads the log without a key.
  func audit(_ name: String, _ storage: (any StorageBackend)? = nil) throws -> Log {
    try Repository.open(storage: storage ?? self.storage).openLog(client: client(name))
  }

  /// All objects.
  func objects() throws -> [String: [UInt8]] { try Self.objects(storage) }

  static func objects(_ storage: any StorageBackend) throws -> [String: [UInt8]] {
    var names: [String] = []
    try storage.list("") { name, _ in names.append(name) }
    return Dictionary(uniqueKeysWithValues: try names.map { ($0, try storage.read($0)) })
  }

  static func storage(_ objects: [String: [UInt8]]) throws -> MemoryStorage {
    let storage = MemoryStorage()
    for (name, bytes) in objects { try storage.put(name, bytes) }
    return storage
  }

  /// An entry of which there can be any number.
  static func note(_ scope: String) -> LogStatement.Body {
    .check(
      LogStatement.CheckResult(
        isDamaged: false, scope: scope, counts: [:], damaged: [], started: Timestamp(seconds: 0)))
  }

  static func snapshot(_ number: UInt64) -> LogStatement.Body {
    .snapshot(
      LogStatement.SnapshotAddition(
        snapshot: Digest(number, 0, 0, 0),
        additions: .listed([
          ObjectReference(name: ObjectName.pack(Digest(number, 1, 0, 0)), size: number)
        ])))
  }
}
