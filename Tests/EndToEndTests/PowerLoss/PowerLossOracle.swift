import CVarveLinux
import Foundation
import Glibc
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Judges what a power loss has left: opens it as a client does that has lost as much of its own state and cache, and
/// reads everything back. All in this process, some milliseconds a state.
final class PowerLossOracle {
  private let keyText: [UInt8]
  private let password: [UInt8]
  private let scratch: String
  private let source: String
  /// The SHA-256 of each snapshot as a tar archive, by the id that it had first; of one that was rewritten, before and after.
  private var contents: [String: Set<Digest>] = [:]
  /// The same of the source as it is now.
  private var sourceContent: Digest?
  /// Repositories, each with what the cache has of its index, whose snapshots have been read: nothing else decides what is
  /// read, so they are not read again.
  private var known: Set<Int> = []
  private let output = varve_memory_file("power loss")
  private var client: ClientDirectories {
    ClientDirectories(cache: scratch + "/cache/varve", state: scratch + "/state/varve")
  }

  struct Violation: Error, CustomStringConvertible {
    var description: String
  }

  /// - Parameter session: one in which there is a key file; its last snapshot is of the source as it is now.
  init(_ session: RecordedSession) throws {
    keyText = try session.here.read(session.keyFile)
    password = Array(session.here.password.utf8)
    scratch = session.here.root + "/scratch"
    source = session.here.source
    try learn(session)
  }

  /// Remembers what the snapshots hold that there are now, before they are forgotten.
  func learn(_ session: RecordedSession) throws {
    let repository = try open(LocalStorage(path: session.here.repository))
    let indexed = try IndexedRepository(repository)
    for snapshot in repository.log.state.snapshots.inOrder {
      let content = try self.content(of: snapshot.id, indexed)
      contents[try Self.identity(snapshot, repository), default: []].insert(content)
      sourceContent = content
    }
  }

  deinit { close(output) }

  /// - Parameter isThorough: also checks every byte, and backs up on top with what is left of the change cache.
  /// - Throws: what is wrong.
  func judge(_ state: CrashState, _ promise: RecordedSession.Promise, isThorough: Bool) throws {
    try layOut(state)
    let storage = MemoryStorage()
    for (name, bytes) in state.files(in: "repository") { try storage.put(name, bytes) }
    guard promise.hasKeyFile else {
      return try judgeBeginning(storage, isInitialized: promise.isInitialized)
    }
    let repository = try open(storage)
    let live = repository.log.state.snapshots.inOrder
    let found = Set(try live.map { try Self.identity($0, repository) })
    let lost = promise.snapshots.subtracting(found)
    guard lost.isEmpty else { throw Violation(description: "lost: \(lost.sorted())") }
    if promise.needsRepair { _ = try StorageRepair(repository).run() }
    let indexed = try IndexedRepository(repository)
    // Those that nobody was told of, too: what the log names must be there.
    let key = Self.whatIsRead(state)
    for snapshot in live where isThorough || !known.contains(key) {
      let identity = try Self.identity(snapshot, repository)
      guard try contents[identity]?.contains(content(of: snapshot.id, indexed)) == true else {
        throw Violation(description: "snapshot \(snapshot.id) has other content")
      }
    }
    known.insert(key)
    if isThorough { try goOn(storage, indexed) }
  }

  /// The id that the snapshot had first; its entry has none where the tree was another one.
  private static func identity(
    _ snapshot: LogState.Snapshot, _ repository: UnlockedRepository
  ) throws -> String {
    try (snapshot.original ?? repository.snapshotRecord(snapshot.id).original ?? snapshot.id).hex
  }

  private static func whatIsRead(_ state: CrashState) -> Int {
    let paths = state.files.keys.filter { $0.hasPrefix("repository/") || $0.contains("/index/") }
    var hasher = Hasher()
    for path in paths.sorted() {
      hasher.combine(path)
      state.files[path]!.withUnsafeBytes { hasher.combine(bytes: $0) }
    }
    return hasher.finalize()
  }

  /// Before there is a key file: what was begun can be completed, what was said to be there is.
  private func judgeBeginning(_ storage: MemoryStorage, isInitialized: Bool) throws {
    let secret = CredentialSecret.password(SecretBytes(copying: password))
    do {
      _ = try Repository.open(storage: storage).unlock(secret, client: client)
    } catch let error as VarveError where error.code == .noRepository && !isInitialized {
      _ = try Repository.initialize(storage: storage, secret: secret, client: client)
    }
  }

  private func goOn(_ storage: MemoryStorage, _ indexed: IndexedRepository) throws {
    var options = CheckOptions(readData: .all)
    options.record = false
    options.workers = 1
    let report = try Check.run(storage: storage, client: client, options: options) {
      try $0.unlock(.keyText(SecretBytes(copying: keyText)), client: client)
    }
    if let damage = report.damages.first {
      throw Violation(description: "check: \(damage.object): \(damage.message)")
    }
    var backup = BackupOptions(source: .paths([Array(source.utf8)]))
    backup.workers = 1
    let saved = try Backup.run(indexed, options: backup)
    guard saved.problems.isEmpty, let id = saved.snapshot else {
      throw Violation(description: "the next backup has problems")
    }
    let again = try IndexedRepository(try open(storage))
    guard try content(of: id, again) == sourceContent else {
      throw Violation(description: "the next backup has other content")
    }
  }

  private func open(_ storage: any StorageBackend) throws -> UnlockedRepository {
    try Repository.open(storage: storage).unlock(
      .keyText(SecretBytes(copying: keyText)), client: client)
  }

  private func content(of id: Digest, _ repository: IndexedRepository) throws -> Digest {
    ftruncate(output, 0)
    lseek(output, 0, SEEK_SET)
    let writer = DescriptorOutput(descriptor: output, name: "memory")
    try Dump(try repository.unlocked.snapshotRecord(id), helpers: 1) { try repository.makeReader() }
      .writeTar(at: SnapshotPath(Array(source.utf8)), to: writer)
    try writer.flush()
    var bytes = [UInt8](repeating: 0, count: Int(writer.byteCount))
    guard pread(output, &bytes, bytes.count, 0) == bytes.count else {
      throw Violation(description: "the archive of \(id) is short")
    }
    return SHA256.digest(bytes)
  }

  /// Puts the client's state and cache where the client looks for them.
  private func layOut(_ state: CrashState) throws {
    if access(scratch, F_OK) == 0 { try FileManager.default.removeItem(atPath: scratch) }
    mkdir(scratch, 0o700)
    for directory in state.directories.sorted() where !directory.hasPrefix("repository") {
      mkdir("\(scratch)/\(directory)", 0o700)
    }
    for (path, bytes) in state.files where !path.hasPrefix("repository/") {
      let file = varve_open(AT_FDCWD, "\(scratch)/\(path)", O_WRONLY | O_CREAT | O_EXCL, 0o600)
      guard file >= 0, varve_pwrite(file, bytes, bytes.count, 0) == bytes.count else {
        throw Violation(description: "cannot lay out \(path)")
      }
      close(file)
    }
  }
}
