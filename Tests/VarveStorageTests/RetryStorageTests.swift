import Synchronization
import Testing
import VarveFormat
import VarveStorage
import VarveTestSupport

/// A store that is unavailable now and then: before what is asked is done, or after it.
@Suite struct RetryStorageTests {
  private static func impatient(limit: Double = 60) -> RetryPolicy {
    RetryPolicy(limit: limit, firstPause: 0.0001, longestPause: 0.001)
  }

  /// Every call fails twice, once without and once with effect.
  private static func flaky(_ base: any StorageBackend) -> FlakyStorage {
    FlakyStorage(base) { number in
      switch number % 3 {
      case 0: .failBefore
      case 1: .failAfter
      default: .pass
      }
    }
  }

  @Test(
    arguments: StorageConformance.cases.filter {
      !$0.description.contains("readers never") && !$0.description.contains("3,000")
    })
  func conformsOverAStoreThatFailsTwoTimesOfThree(_ conformance: StorageConformance.Case) throws {
    try conformance.run(RetryStorage(Self.flaky(MemoryStorage()), Self.impatient()))
  }

  @Test func aCreationWhoseAnswerWasLostIsOurs() throws {
    let memory = MemoryStorage()
    let store = RetryStorage(
      FlakyStorage(memory) { $0 == 0 ? .failAfter : .pass }, Self.impatient())
    #expect(try store.createExclusively("log/commits/0", [1, 2]))
    let second = RetryStorage(
      FlakyStorage(memory) { $0 == 0 ? .failAfter : .pass }, Self.impatient())
    #expect(try !second.createExclusively("log/commits/0", [1, 3]))
    #expect(try memory.read("log/commits/0") == [1, 2])
  }

  /// What kept the answer from coming may have kept it from becoming durable: whoever is told that it is theirs relies on it.
  @Test func aCreationWhoseAnswerWasLostIsMadeDurable() throws {
    let steps = Mutex<[String]>([])
    let directory = TemporaryDirectory()
    let local = LocalStorage(path: directory("store")) { step in
      if case .syncedDirectory(let name) = step { steps.withLock { $0.append(name) } }
    }
    try local.create()
    let store = RetryStorage(
      FlakyStorage(local) { number in
        // As if the server had been killed before it synced the directory.
        if number == 1 { steps.withLock { $0.removeAll() } }
        return number == 0 ? .failAfter : .pass
      }, Self.impatient())
    #expect(try store.createExclusively("log/commits/0000000000000000", [1, 2]))
    #expect(steps.withLock { $0 }.contains("log/commits"))
    let gone = RetryStorage(
      FlakyStorage(MemoryStorage(), onlyChanges: true) {
        $0 == 0 ? .failAfter : $0 == 1 ? .pass : .failBefore
      }, Self.impatient(limit: 0.02))
    #expect(throws: VarveError(.unavailable, "")) { try gone.createExclusively("a", [1]) }
  }

  @Test func itIsGivenUp() {
    let retries = Mutex(0)
    var policy = Self.impatient(limit: 0.05)
    policy.onRetry = { _, _ in retries.withLock { $0 += 1 } }
    let store = RetryStorage(FlakyStorage(MemoryStorage()) { _ in .failBefore }, policy)
    #expect(throws: VarveError(.unavailable, "")) { try store.read("config") }
    #expect(retries.withLock { $0 } > 5)
  }

  /// What a store has tried again itself is not tried again as a whole.
  @Test func itIsGivenUpOnce() {
    let pauses = Mutex(0)
    var policy = Self.impatient(limit: 0.05)
    policy.onRetry = { _, _ in pauses.withLock { $0 += 1 } }
    let outer = policy
    let inner = Self.impatient(limit: 0.02)
    let error = #expect(throws: VarveError.self) {
      try outer.run { try inner.run { throw VarveError(.unavailable, "away") } }
    }
    #expect(error?.code == .unavailable)
    #expect(error.map { "\($0)" } == "away: given up after 0 s")
    #expect(pauses.withLock { $0 } == 0)
  }

  /// A store that is full: it answers readers and takes nothing.
  @Test func readersDoNotMakeItTryToChangeForLongAgain() throws {
    let memory = MemoryStorage()
    try memory.put("config", [1])
    let attempts = Mutex(0)
    let store = RetryStorage(
      FlakyStorage(memory, onlyChanges: true) { _ in
        attempts.withLock { $0 += 1 }
        return .failBefore
      }, Self.impatient(limit: 0.05))
    #expect(throws: VarveError(.unavailable, "")) { try store.put("keys/a", [1]) }
    for _ in 0..<3 {
      let before = attempts.withLock { $0 }
      #expect(try store.read("config") == [1])
      #expect(throws: VarveError(.unavailable, "")) { try store.put("keys/b", [1]) }
      #expect(attempts.withLock { $0 } == before + 1)
    }
  }

  @Test func otherFailuresAreNotRepeated() {
    let calls = Mutex(0)
    let store = RetryStorage(
      FlakyStorage(MemoryStorage()) { _ in
        calls.withLock { $0 += 1 }
        return .pass
      }, Self.impatient())
    #expect(throws: VarveError(.missing, "")) { try store.read("config") }
    #expect(calls.withLock { $0 } == 1)
  }

  @Test func waitingEndsWhenItIsCancelled() {
    var policy = RetryPolicy(limit: 1000, firstPause: 500, longestPause: 500)
    policy.check = { throw VarveError(.interrupted, "interrupted") }
    let store = RetryStorage(FlakyStorage(MemoryStorage()) { _ in .failBefore }, policy)
    #expect(throws: VarveError(.interrupted, "")) { try store.read("config") }
  }

  @Test func aRateIsKept() {
    let rate = TransferLimit(bytesPerSecond: 1_000_000)
    let delays = (0..<10).map { _ in rate.reserve(100_000) }
    #expect(delays == delays.sorted())
    #expect((900_000_000...1_000_000_000).contains(delays[9]))
  }
}

/// Fails by the number of the call.
private final class FlakyStorage: StorageBackend {
  enum Fate { case pass, failBefore, failAfter }

  private let base: any StorageBackend
  private let fate: @Sendable (Int) -> Fate
  private let onlyChanges: Bool
  private let number = Mutex(0)

  init(
    _ base: any StorageBackend, onlyChanges: Bool = false, _ fate: @escaping @Sendable (Int) -> Fate
  ) {
    self.base = base
    self.onlyChanges = onlyChanges
    self.fate = fate
  }

  private func read<Result>(_ body: () throws -> Result) throws -> Result {
    try onlyChanges ? body() : call(body)
  }

  private func call<Result>(_ body: () throws -> Result) throws -> Result {
    let fate = fate(
      number.withLock { number in
        defer { number += 1 }
        return number
      })
    if fate == .failBefore { throw VarveError(.unavailable, "out of reach") }
    let result = try body()
    if fate == .failAfter { throw VarveError(.unavailable, "out of reach") }
    return result
  }

  var location: String { base.location }
  func create() throws { try call { try base.create() } }
  func read(_ name: String) throws -> [UInt8] { try read { try base.read(name) } }
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try read { try base.read(name, offset: offset, into: buffer) }
  }
  func size(_ name: String) throws -> UInt64? { try read { try base.size(name) } }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try call { try base.put(name, bytes) }
  }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try call { try base.createExclusively(name, bytes) }
  }
  func settle(_ name: String) throws { try call { try base.settle(name) } }
  func remove(_ name: String) throws { try call { try base.remove(name) } }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try read { try base.list(prefix, body) }
  }
}
