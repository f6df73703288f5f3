import Glibc
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// The format's fixture, in memory: what needs keys and a log around it is parsed as a part of this one. It is
/// the same in every run, so that an input that was found stays one.
final class FuzzRepository: Sendable {
  static let shared = FuzzRepository()

  let storage = MemoryStorage()
  let config: RepositoryConfig
  let configObject: [UInt8]
  let configDigest: Digest
  /// The first commit: genesis and the first credential.
  let firstCommit: [UInt8]
  /// Of a password and of a key file.
  let credentials: [[UInt8]]
  /// The recovery author, an owner.
  let author: LogAuthor
  private let scratch = TemporaryDirectory("varve-fuzz")

  private init() {
    do {
      let fixture = VectorFile.directory.dropLast("vectors".count) + "repositories/v1"
      let store = storage
      let source = LocalStorage(path: fixture + "/repository")
      try source.list("") { name, _ in try store.put(name, try source.read(name)) }
      let keyFile = try LocalStorage(path: String(fixture)).read("key-file")
      let repository = try Repository.open(storage: store)
      let unlocked = try repository.unlock(
        .keyText(SecretBytes(copying: keyFile)),
        client: ClientDirectories(cache: nil, state: scratch("state")))
      config = unlocked.config
      configObject = try store.read(ObjectName.config)
      configDigest = SHA256.digest(configObject)
      firstCommit = try store.read(ObjectName.commit(0))
      var found: [[UInt8]] = []
      try store.list(ObjectName.credentialPrefix) { name, _ in found.append(try store.read(name)) }
      credentials = found.sorted { $0.lexicographicallyPrecedes($1) }
      let key = try KeyText(parsing: try unlocked.exportRecoveryKey())
      let seed = HKDF.derive(
        ikm: key.secret, salt: config.id.bytes, info: Array("varve v1 recovery author".utf8),
        count: 32)
      author = try LogAuthor(seed: seed, checkpointSigner: nil)
    } catch {
      fatalError("the repository to fuzz with cannot be read: \(error)")
    }
  }

  /// The log as the first commit has it.
  func fold() throws -> LogFold {
    var fold = LogFold(config: config, configDigest: configDigest)
    try fold.append(commit: firstCommit)
    return fold
  }

  /// A file with these bytes, for what is read from files only; used by one thread at a time.
  func withFile<T>(_ name: String, _ bytes: [UInt8], _ body: (String) throws -> T) throws -> T {
    let path = scratch(name)
    let file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw Broken("cannot open \(path)") }
    defer { close(file) }
    guard write(file, bytes, bytes.count) == bytes.count else { throw Broken("cannot write") }
    return try body(path)
  }

  func makeDirectory(_ name: String) -> String {
    mkdir(scratch(name), 0o700)
    return scratch(name)
  }
}
