import Glibc
import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport
import VarveTestThreads

/// Opening a repository that is far away: how many ways there and back it takes, and what happens in between.
@Suite(.onOwnThreads) struct ReadAheadTests {
  private let bench: LogBench
  private let directory = TemporaryDirectory()

  init() throws { bench = try LogBench() }

  private func client(_ name: String) -> ClientDirectories {
    ClientDirectories(cache: directory("cache-" + name), state: directory("state-" + name))
  }

  private func far() -> FarStorage { FarStorage(bench.storage, pauseMicroseconds: 40_000) }

  private func unlock(_ storage: any StorageBackend, _ client: ClientDirectories) throws
    -> UnlockedRepository
  {
    try Repository.open(storage: storage, client: client).unlock(bench.key.secret, client: client)
  }

  @Test func aNewcomerAsksForTheBeginningOfTheLogAtOnce() throws {
    let far = far()
    let repository = try unlock(far, client("new"))
    #expect(repository.log.head == (try bench.audit("near")).head)
    // The beginning, then the credentials.
    #expect(far.counts.wayCount == 2, "\(far.counts.reads)")
    #expect(far.counts.reads.values.allSatisfy { $0 == 1 }, "\(far.counts.reads)")
  }

  @Test func whoKnowsTheLogAsksForWhatMayBeNew() throws {
    let client = client("known")
    _ = try unlock(bench.storage, client)
    let far = far()
    _ = try unlock(far, client)
    // The configuration, what may be new, the credentials.
    #expect(far.counts.wayCount == 3, "\(far.counts.reads)")
    #expect(far.counts.reads.values.allSatisfy { $0 == 1 }, "\(far.counts.reads)")
    try bench.unlock().log.append { _ in [LogBench.note("new")] }
    far.resetCounts()
    #expect(try unlock(far, client).log.head.size == (try bench.audit("near")).head.size)
  }

  @Test func whatIsNearIsReadWhenItIsNeeded() throws {
    let storage = FaultStorage(bench.storage) { _, _ in .pass }
    _ = try unlock(storage, client("near"))
    let commits = storage.operations.filter {
      if case .read(let name) = $0 { name.hasPrefix(ObjectName.commitPrefix) } else { false }
    }
    let stored = try bench.objects().keys.count { $0.hasPrefix(ObjectName.commitPrefix) }
    #expect(commits.count == stored + 1, "\(commits)")
  }

  /// Somebody appends after the newcomer has asked for the commit, and before it reads the checkpoint.
  @Test func aCommitThatWasNotThereYetIsAskedForAgainWhenTheCheckpointSignsIt() throws {
    let size = try bench.audit("before").head.size
    let bench = bench
    let late = Atomic<Int>(0)
    let storage = MeetingStorage(bench.storage) { name, read in
      guard name == ObjectName.checkpoint else { return try read() }
      // The commit that would be next has been looked for by then.
      while late.load(ordering: .acquiring) == 0 { usleep(1_000) }
      try bench.unlock().log.append { _ in [LogBench.note("late")] }
      return try read()
    } after: { name in
      if name == ObjectName.commit(size) { late.add(1, ordering: .acquiringAndReleasing) }
    }
    let repository = try unlock(storage, client("late"))
    #expect(repository.log.head.size == size + 1)
    #expect(late.load(ordering: .acquiring) == 2)
  }

  @Test func aCommitThatIsTakenAwayMeanwhileIsNoRollbackForWhoNeverSawIt() throws {
    // The other way round: what was there when it was asked for stays what it was.
    let size = try bench.audit("before").head.size
    try bench.unlock().log.append { _ in [LogBench.note("last")] }
    let copy = try LogBench.storage(try bench.objects())
    let storage = MeetingStorage(copy) { name, read in
      let bytes = try read()
      if name == ObjectName.commit(size) { try copy.remove(name) }
      return bytes
    } after: { _ in
    }
    #expect(try unlock(storage, client("once")).log.head.size == size + 1)
    // The next one misses it, whatever it reads ahead.
    let error = #expect(throws: VarveError.self) { try unlock(copy, client("once")) }
    #expect(error?.code == .rollback, "\(String(describing: error))")
  }

  @Test func whatCannotBeReadAheadIsReadAgain() throws {
    // Of what is stored; whoever looks for more commits than there are looks for the last time.
    let failing = Mutex(Set(try bench.objects().keys).subtracting([ObjectName.config]))
    let storage = MeetingStorage(bench.storage) { name, read in
      if name == ObjectName.config {
        // Where a thread comes late, what it is to read may have been asked for again before.
        while failing.withLock({ $0.contains { $0.hasPrefix("log/") } }) { usleep(1_000) }
      }
      if failing.withLock({ $0.remove(name) != nil }) {
        throw VarveError(.io, "\(name) was not to be had at first")
      }
      return try read()
    } after: { _ in
    }
    #expect(
      try unlock(storage, client("again")).log.head == (try bench.audit("near")).head)
  }
}

/// A store far away, where others act between two reads.
private final class MeetingStorage: StorageBackend {
  private let base: any StorageBackend
  private let meeting: @Sendable (String, () throws -> [UInt8]) throws -> [UInt8]
  private let after: @Sendable (String) -> Void

  init(
    _ base: any StorageBackend,
    _ meeting: @escaping @Sendable (String, () throws -> [UInt8]) throws -> [UInt8],
    after: @escaping @Sendable (String) -> Void
  ) {
    self.base = base
    self.meeting = meeting
    self.after = after
  }

  var location: String { base.location }
  var transfersAtOnce: Int { 32 }

  func read(_ name: String) throws -> [UInt8] {
    defer { after(name) }
    return try meeting(name) { try base.read(name) }
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(name, offset: offset, into: buffer)
  }
  func size(_ name: String) throws -> UInt64? { try base.size(name) }
  func modificationTime(_ name: String) throws -> Timestamp? { try base.modificationTime(name) }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try base.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws { try base.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
