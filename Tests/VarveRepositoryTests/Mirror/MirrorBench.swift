import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// A repository in memory whose packs, index segments and records are noise, and places where it is mirrored. To whoever has no
/// key there is no difference.
final class MirrorBench: Sendable {
  /// A snapshot's objects.
  struct Saved: Sendable {
    let id: Digest
    let objects: [ObjectReference]
    var record: ObjectReference { ObjectReference(name: ObjectName.snapshot(id), size: 300) }
    var packs: [String] { objects.map(\.name).filter { $0.hasPrefix("packs/") } }
  }

  let source: LogBench
  let owner: UnlockedRepository
  private let random = Mutex(SeededGenerator(seed: 7))
  private let clients = Atomic<Int>(0)

  var storage: MemoryStorage { source.storage }
  var log: Log { owner.log }

  init() throws {
    source = try LogBench()
    owner = try source.unlock()
  }

  private func put(_ count: Int, _ name: (Digest) -> String) throws -> ObjectReference {
    let bytes = random.withLock { $0.bytes(count) }
    let reference = ObjectReference(name: name(SHA256.digest(bytes)), size: UInt64(count))
    try storage.put(reference.name, bytes)
    return reference
  }

  /// Commits a snapshot; more than 31 packs go into an inventory.
  @discardableResult func save(packs: Int = 2) throws -> Saved {
    let record = try put(300, ObjectName.snapshot)
    var objects = try (0..<packs).map { try put(1_000 + 17 * $0, ObjectName.pack) }
    objects.append(try put(500, ObjectName.index))
    let saved = Saved(
      id: try #require(ObjectName.digest(of: record.name)), objects: objects)
    let additions = try ObjectList(storing: objects, in: storage)
    try log.append { _ in [.snapshot(.init(snapshot: saved.id, additions: additions))] }
    return saved
  }

  /// Forgets a snapshot and condemns its objects; gives the entry.
  @discardableResult func condemn(_ saved: Saved) throws -> UInt64 {
    try log.append { _ in [.forget(.init(snapshots: [saved.id], reason: "test"))] }
    let objects = try ObjectList(storing: saved.objects + [saved.record], in: storage)
    return try #require(try log.append { _ in [.condemn(.init(objects: objects))] }.first)
  }

  /// The same, and deletes them.
  func delete(_ saved: Saved) throws {
    let entry = try condemn(saved)
    try log.append { _ in [.sweep(.init(condemned: [entry]))] }
    for object in saved.objects + [saved.record] { try storage.remove(object.name) }
  }

  /// Snapshots, one of which has an inventory, and enough entries for tiles.
  static func history() throws -> (bench: MirrorBench, saved: [Saved]) {
    let bench = try MirrorBench()
    let saved = [try bench.save(), try bench.save(packs: 33), try bench.save()]
    try bench.log.append { _ in (0..<255).map { LogBench.note("note \($0)") } }
    return (bench, saved)
  }

  /// All that may happen between two runs: a snapshot comes and is swept before it was ever mirrored, another one that was, a
  /// third is condemned only, and a credential is removed.
  func goOn(_ saved: [Saved]) throws {
    let key = LogBench.KeyFile(try owner.addKeyFile(role: .writer))
    let passing = try save()
    try delete(saved[0])
    try save(packs: 3)
    try delete(passing)
    try condemn(saved[2])
    try owner.removeCredential(key.credential)
    try log.append { _ in (0..<30).map { LogBench.note("later \($0)") } }
  }

  // MARK: Mirroring

  func client() -> ClientDirectories {
    source.client("client \(clients.add(1, ordering: .relaxed).newValue)")
  }

  @discardableResult func mirror(
    from: (any StorageBackend)? = nil, to target: any StorageBackend,
    observer: (any MirrorObserver)? = nil, cancellation: CancellationFlag = CancellationFlag(),
    _ change: (inout MirrorOptions) -> Void = { _ in }
  ) throws -> MirrorReport {
    var options = MirrorOptions()
    options.transfers = 2
    options.requests = 3
    change(&options)
    // One that has seen the source before need not verify all of it again.
    let client = from == nil ? source.client("mirror") : client()
    let log = try Repository.open(storage: DryRunStorage(from ?? storage)).openLog(client: client)
    return try Mirror(
      from: log, to: target, options: options, observer: observer, cancellation: cancellation
    ).run()
  }

  func expectTwin(
    _ target: any StorageBackend, at location: SourceLocation = #_sourceLocation
  ) throws {
    let (own, other) = (try source.objects(), try LogBench.objects(target))
    #expect(Set(own.keys) == Set(other.keys), sourceLocation: location)
    #expect(own == other, sourceLocation: location)
  }

  /// Requires that a place is no repository yet, or this one at a state that it had, with all that is live.
  ///
  /// - Parameter lacking: objects that the source could not give.
  /// - Returns: the size of its log.
  @discardableResult func expectValid(
    _ target: any StorageBackend, lacking: [String] = [],
    at location: SourceLocation = #_sourceLocation
  ) throws -> UInt64 {
    let log: Log
    do {
      log = try Repository.open(storage: target).openLog(client: client())
    } catch let error as VarveError where error.code == .noRepository {
      return 0
    }
    let verification = try log.verifyAll()
    #expect(
      verification.failures.isEmpty, "\(verification.failures)", sourceLocation: location)
    #expect(self.log.tree.root(atSize: log.head.size) == log.head.root, sourceLocation: location)
    let found = try KeylessObjects(
      log.state, storage: target, hashes: true, cancellation: CancellationFlag())
    #expect(
      Set(found.damages.map(\.object)).isSubset(of: lacking), "\(found.damages)",
      sourceLocation: location)
    #expect(found.notChecked.isEmpty || !lacking.isEmpty, sourceLocation: location)
    return log.head.size
  }

  /// What an operation throws.
  func code(_ body: () throws -> MirrorReport) -> VarveError.Code? {
    do {
      _ = try body()
      return nil
    } catch {
      return (error as? VarveError)?.code
    }
  }
}

extension MemoryStorage {
  func flip(_ name: String) throws {
    var bytes = try read(name)
    bytes[bytes.count / 2] ^= 1
    try put(name, bytes)
  }

  func copy() throws -> MemoryStorage { try LogBench.storage(LogBench.objects(self)) }
}
