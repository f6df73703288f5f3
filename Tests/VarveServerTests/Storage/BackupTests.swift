import Glibc
import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRemoteStorage
import VarveRepository
import VarveServer
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// What a backup needs of a server is what a token of the kind append may do.
@Suite(.onOwnThreads) struct BackupTests {
  /// Notes what is asked of a store, and lets it pass.
  private final class Recorder: StorageBackend {
    private let base: any StorageBackend
    let calls = Mutex<[String: Set<String>]>([:])
    let failures = Mutex<[String]>([])

    init(_ base: any StorageBackend) { self.base = base }

    private func note<Result>(_ verb: String, _ name: String, _ body: () throws -> Result) throws
      -> Result
    {
      let group = name.split(separator: "/").prefix(name.hasPrefix("log/") ? 2 : 1)
      calls.withLock { _ = $0[verb, default: []].insert(group.joined(separator: "/")) }
      do {
        return try body()
      } catch {
        if let error = error as? VarveError, error.code == .forbidden {
          failures.withLock { $0.append("\(verb) \(name): \(error)") }
        }
        throw error
      }
    }

    var location: String { base.location }
    func read(_ name: String) throws -> [UInt8] { try base.read(name) }
    func read(
      _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws { try base.read(name, offset: offset, into: buffer) }
    func size(_ name: String) throws -> UInt64? { try base.size(name) }
    func modificationTime(_ name: String) throws -> Timestamp? {
      try base.modificationTime(name)
    }
    func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
      try note("put", name) { try base.put(name, bytes) }
    }
    func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
      try note("create", name) { try base.createExclusively(name, bytes) }
    }
    func settle(_ name: String) throws { try note("settle", name) { try base.settle(name) } }
    func remove(_ name: String) throws { try note("remove", name) { try base.remove(name) } }
    func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
      try base.list(prefix, body)
    }
  }

  private let secret = Array("password".utf8)
  private let scratch = TemporaryDirectory()

  private func client(_ name: String) -> ClientDirectories {
    mkdir(scratch(name), 0o700)
    mkdir(scratch(name + "/cache"), 0o700)
    return ClientDirectories(cache: scratch(name + "/cache"), state: scratch(name + "/state"))
  }

  private func open(_ storage: any StorageBackend, _ name: String) throws -> UnlockedRepository {
    try Repository.open(storage: storage)
      .unlock(.password(SecretBytes(copying: secret)), client: client(name))
  }

  @Test func appendIsWhatABackupNeeds() throws {
    let bench = try ServerBench(encrypted: true)
    let owner = try bench.storage(token: try bench.token(.full))
    var options = InitOptions(passwordCost: .least)
    options.chunkSizes = try RepositoryConfig.ChunkSizes(
      min: 4 << 10, target: 8 << 10, max: 32 << 10)
    options.packSize = 1 << 20
    try owner.create()
    _ = try Repository.initialize(
      storage: owner, secret: .password(SecretBytes(copying: secret)), options: options,
      client: client("owner"))
    let writer = Recorder(try bench.storage(.append))
    mkdir(scratch("source"), 0o700)
    for round in 0..<3 {
      var generator = SystemRandomNumberGenerator()
      let bytes = (0..<400_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      try FileBytes.write(bytes, to: scratch("source/file\(round)"))
      var backup = BackupOptions(source: .paths([Array(scratch("source").utf8)]))
      backup.asPath = Array("/data".utf8)
      let report = try Backup.run(
        try IndexedRepository(try open(writer, "writer")), options: backup)
      #expect(report.snapshot != nil)
    }
    // Nothing that it asked for was refused, and it asked for what the rules are made for.
    #expect(writer.failures.withLock { $0 } == [])
    let calls = writer.calls.withLock { $0 }
    let stored = calls["put"] ?? []
    let allowed: Set<String> = [
      "sessions", "packs", "index", "snapshots", "inventories", "log/checkpoint", "log/tile",
    ]
    #expect(stored.isSubset(of: allowed), "\(stored)")
    #expect(stored.isSuperset(of: ["sessions", "packs", "index", "snapshots", "log/checkpoint"]))
    #expect(calls["create"] == ["log/commits"])
    #expect(calls["remove"] ?? [] == ["sessions"])
    // Whoever has the password and may read restores from it.
    let reader = try open(try bench.storage(.read), "reader")
    #expect(reader.log.state.snapshotsInOrder.count == 3)
  }
}
