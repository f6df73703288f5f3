import Synchronization
import Testing
import VarveFormat
import VarveServer
import VarveTestThreads

@Suite(.onOwnThreads) struct TransferSlotsTests {
  /// Transfers that begin and end when a test says so.
  private final class Transfers: Sendable {
    let slots: TransferSlots
    private let taken = Mutex<[String: TransferSlots.Taken]>([:])

    init(_ count: Int) { slots = TransferSlots(count: count) }

    var running: [String] { taken.withLock { $0.keys.sorted() } }

    /// One whose name's first letter says whose it is.
    @discardableResult
    func ask(_ name: String) -> Task<Void, any Error> {
      Task(executorPreference: ThreadExecutor.servers) {
        let slot = try await self.slots.enter(for: String(name.prefix(1)))
        self.taken.withLock { $0[name] = slot }
      }
    }

    /// Until it runs.
    func begin(_ name: String) async throws {
      ask(name)
      try await wait("\(name) does not begin") { self.running.contains(name) }
    }

    /// Until it is in line.
    @discardableResult
    func queue(_ name: String) async throws -> Task<Void, any Error> {
      let count = slots.waitingCount
      let task = ask(name)
      try await wait("\(name) does not wait") { self.slots.waitingCount == count + 1 }
      return task
    }

    /// Ends one, until the other has its slot.
    func end(_ name: String, for next: String? = nil) async throws {
      _ = taken.withLock { $0.removeValue(forKey: name) }
      guard let next else { return }
      try await wait("\(next) does not follow") { self.running.contains(next) }
    }

    func wait(_ failure: String, until condition: () -> Bool) async throws {
      for _ in 0..<4_000 {
        if condition() { return }
        try await Task.sleep(for: .milliseconds(5))
      }
      throw VarveError(.unavailable, failure)
    }
  }

  @Test func oneHolderHasAQuarter() async throws {
    let transfers = Transfers(8)
    for name in ["a1", "a2"] { try await transfers.begin(name) }
    try await transfers.queue("a3")
    for name in ["b1", "b2", "c1", "c2", "d1", "d2"] { try await transfers.begin(name) }
    try await transfers.queue("e1")
    // Who has his share is passed over.
    try await transfers.end("b1", for: "e1")
    #expect(!transfers.running.contains("a3"))
    try await transfers.end("a1", for: "a3")
    #expect(transfers.slots.waitingCount == 0)
    #expect(transfers.running == ["a2", "a3", "b2", "c1", "c2", "d1", "d2", "e1"])
  }

  /// Slots that are free are nobody's in line: those have their share.
  @Test func freeSlotsAreForOthers() async throws {
    let transfers = Transfers(8)
    for name in ["a1", "a2", "b1"] { try await transfers.begin(name) }
    for name in ["a3", "a4"] { try await transfers.queue(name) }
    try await transfers.end("b1")
    try await transfers.begin("b2")
    #expect(transfers.running == ["a1", "a2", "b2"])
    try await transfers.end("a1", for: "a3")
    try await transfers.end("a2", for: "a4")
    #expect(transfers.running == ["a3", "a4", "b2"])
  }

  @Test func placesInLineAreKept() async throws {
    let transfers = Transfers(4)
    for name in ["a1", "b1", "c1", "d1"] { try await transfers.begin(name) }
    for name in ["a2", "e1", "a3", "f1"] { try await transfers.queue(name) }
    try await transfers.end("d1", for: "e1")
    try await transfers.end("a1", for: "a2")
    try await transfers.end("a2", for: "a3")
    #expect(transfers.slots.waitingCount == 1)
    try await transfers.end("b1", for: "f1")
    #expect(transfers.running == ["a3", "c1", "e1", "f1"])
  }

  @Test func atLeastOneIsForEverybody() async throws {
    let transfers = Transfers(2)
    try await transfers.begin("a1")
    try await transfers.queue("a2")
    try await transfers.begin("b1")
    try await transfers.end("a1", for: "a2")
  }

  @Test func whoIsNotNamedHasNoShare() async throws {
    let slots = TransferSlots(count: 4)
    var held: [TransferSlots.Taken] = []
    for _ in 0..<4 { held.append(try await slots.enter()) }
    #expect(held.count == 4)
    held.removeAll()
    for _ in 0..<4 { held.append(try await slots.enter()) }
    #expect(slots.waitingCount == 0 && held.count == 4)
  }

  @Test func whoGivesUpTakesNothing() async throws {
    let transfers = Transfers(8)
    for name in ["a1", "a2"] { try await transfers.begin(name) }
    let impatient = try await transfers.queue("a3")
    try await transfers.queue("a4")
    impatient.cancel()
    await #expect(throws: CancellationError.self) { try await impatient.value }
    #expect(transfers.slots.waitingCount == 1)
    try await transfers.end("a1", for: "a4")
    try await transfers.queue("a5")
    try await transfers.end("a2", for: "a5")
    #expect(transfers.running == ["a4", "a5"])
  }

  /// Who holds how many, and the most there were.
  private final class Tally: Sendable {
    private let counts = Mutex<(held: [Int: Int], all: Int, one: Int)>(([:], 0, 0))

    var largest: (all: Int, one: Int) { counts.withLock { ($0.all, $0.one) } }

    func enter(_ holder: Int) {
      counts.withLock { counts in
        counts.held[holder, default: 0] += 1
        counts.all = max(counts.all, counts.held.values.reduce(0, +))
        counts.one = max(counts.one, counts.held[holder] ?? 0)
      }
    }

    func leave(_ holder: Int) { counts.withLock { $0.held[holder, default: 1] -= 1 } }
  }

  @Test func manyAtOnce() async throws {
    let slots = TransferSlots(count: 8)
    let tally = Tally()
    await withTaskGroup(of: Void.self) { group in
      for number in 0..<32 {
        group.addTask {
          let holder = number % 5
          for round in 0..<50 {
            let entering = Task(executorPreference: ThreadExecutor.servers) {
              try await slots.enter(for: "\(holder)")
            }
            if round % 7 == 6 { entering.cancel() }
            guard let slot = try? await entering.value else { continue }
            tally.enter(holder)
            await Task.yield()
            tally.leave(holder)
            withExtendedLifetime((slot, entering)) {}
          }
        }
      }
    }
    #expect(tally.largest.all <= 8)
    #expect(tally.largest.one <= 2)
    #expect(slots.waitingCount == 0)
    // Nothing was lost on the way.
    var held: [TransferSlots.Taken] = []
    for index in 0..<8 { held.append(try await slots.enter(for: "\(index / 2)")) }
    #expect(held.count == 8)
  }
}
