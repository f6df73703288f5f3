import Synchronization
import Testing
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct LogAppendTests {
  @Test func entriesFoldToAState() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let base = owner.log.head.size
    let indices = try owner.log.append { _ in [LogBench.snapshot(1), LogBench.snapshot(2)] }
    #expect(indices == [base, base + 1])
    try owner.log.append { state in
      #expect(state.snapshots.count == 2)
      return [.forget(.init(snapshots: [Digest(1, 0, 0, 0)], reason: "test"))]
    }
    #expect(try owner.log.append { _ in [] }.isEmpty)
    let reader = try bench.audit("auditor")
    #expect(reader.head == owner.log.head)
    let state = reader.state
    #expect(state.snapshotsInOrder.map(\.id) == [Digest(2, 0, 0, 0)])
    let forgotten = try #require(state.forgotten[Digest(1, 0, 0, 0)])
    #expect(state.forgotten.count == 1)
    #expect(forgotten.entry == base + 2 && forgotten.snapshot.entry == base)
    #expect(try LiveObjects(state, storage: bench.storage).sizes.count == 2)
    #expect(state.size == base + 3)
    var kinds: [String] = []
    try reader.forEachEntry { kinds.append($0.statement.body.kind) }
    #expect(
      kinds == ["genesis", "credential", "credential", "snapshot", "snapshot", "forget"])
    var indicesSeen: [UInt64] = []
    try reader.forEachEntry(in: 4..<100) { indicesSeen.append($0.index) }
    #expect(indicesSeen == [4, 5])
  }

  @Test func racingAuthorsAllGetTheirEntriesIn() throws {
    let bench = try LogBench()
    let threads = 8
    let rounds = 12
    let gate = Gate(count: threads)
    let failures = Mutex<[String]>([])
    let made = Mutex(0)
    runThreads(threads) { thread in
      do {
        let client = try bench.unlock("client \(thread)")
        gate.wait()
        for round in 0..<rounds {
          let number = UInt64(thread * 1000 + round)
          let indices = try client.log.append { state in
            made.withLock { $0 += 1 }
            if state.snapshots[Digest(number, 0, 0, 0)] != nil {
              throw VarveError(.usage, "appended twice")
            }
            return [LogBench.snapshot(number), LogBench.note("\(number)")]
          }
          if indices.count != 2 { throw VarveError(.usage, "\(indices)") }
        }
      } catch {
        failures.withLock { $0.append("\(error)") }
      }
    }
    #expect(failures.withLock { $0 } == [])
    let log = try bench.audit("auditor")
    #expect(log.state.snapshots.count == threads * rounds)
    #expect(log.state.checks.count == threads * rounds)
    #expect(log.head.size == UInt64(3 + 2 * threads * rounds))
    let verification = try log.verifyAll()
    #expect(verification.failures.isEmpty)
    #expect(verification.head == log.head)
    #expect(verification.commitCount == threads * rounds + 2)
    // Nobody could know that the statements were made again only when a race was lost.
    #expect(made.withLock { $0 } >= threads * rounds)
    for thread in 0..<threads {
      #expect(try bench.unlock("client \(thread)").log.head == log.head)
    }
  }

  @Test func oneLogServesSeveralThreads() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    runThreads(4) { thread in
      for round in 0..<5 {
        _ = try? owner.log.append { _ in [LogBench.note("\(thread) \(round)")] }
        try? owner.log.refresh()
      }
    }
    #expect(owner.log.state.checks.count == 20)
    #expect(try owner.log.verifyAll().failures.isEmpty)
  }

  @Test func aLostRaceIsMadeAgainOnTheNewState() throws {
    let bench = try LogBench()
    let slow = try bench.unlock("slow")
    let fast = try bench.unlock("fast")
    var sizes: [UInt64] = []
    try slow.log.append { state in
      sizes.append(state.size)
      if sizes.count == 1 {
        _ = try fast.log.append { _ in [LogBench.snapshot(7)] }
        return [LogBench.snapshot(9)]
      }
      #expect(state.snapshots[Digest(7, 0, 0, 0)] != nil)
      return [LogBench.snapshot(8)]
    }
    #expect(sizes == [3, 4])
    #expect(slow.log.head.size == 5)
  }

  @Test func aLostAnswerIsNoLostEntry() throws {
    let bench = try LogBench()
    let name = ObjectName.commit(3)
    let storage = FaultStorage(bench.storage) { operation, _ in
      operation == .createExclusively(name) ? .failAfterEffect : .pass
    }
    let owner = try bench.unlock(through: storage)
    #expect(try owner.log.append { _ in [LogBench.note("once")] } == [3])
    #expect(try bench.audit("auditor").state.checks.count == 1)
  }

  @Test func aLostAnswerToALostRaceIsALostRace() throws {
    let bench = try LogBench()
    let name = ObjectName.commit(3)
    let storage = FaultStorage(bench.storage) { operation, _ in
      operation == .createExclusively(name) ? .failBeforeEffect : .pass
    }
    let slow = try bench.unlock("slow", through: storage)
    let fast = try bench.unlock("fast")
    var calls = 0
    let indices = try slow.log.append { _ in
      calls += 1
      if calls == 1 { _ = try fast.log.append { _ in [LogBench.note("first")] } }
      return [LogBench.note("second")]
    }
    #expect(indices == [4])
    #expect(calls == 2)
  }

  @Test func aCommitThatCannotBeMadeDurableIsNoSuccess() throws {
    let bench = try LogBench()
    let storage = UnsettledStorage(bench.storage, losing: ObjectName.commit(3))
    let owner = try bench.unlock(through: storage)
    #expect(throws: VarveError(.io, "")) { try owner.log.append { _ in [LogBench.note("x")] } }
    #expect(try bench.storage.size(ObjectName.commit(3)) != nil)
    // Whoever comes next finds it, and goes on.
    #expect(try bench.unlock().log.append { _ in [LogBench.note("y")] } == [4])
  }

  /// A writer is killed between link(2) and the sync of the directory; somebody reads; the power fails.
  @Test(arguments: [false, true])
  func aHeadThatAPowerLossTakesBackIsNeitherRememberedNorSigned(isSettled: Bool) throws {
    let bench = try LogBench()
    let before = try bench.objects()
    _ = try bench.unlock().log.append { _ in [LogBench.note("not durable")] }
    let storage = try LogBench.storage(before)
    let name = ObjectName.commit(3)
    try storage.put(name, try bench.storage.read(name))

    let reader = try bench.unlock(
      "reader", through: isSettled ? storage : UnsettledStorage(storage))
    #expect(reader.log.head.size == 4)
    let signed = try storage.read(ObjectName.checkpoint) != before[ObjectName.checkpoint]
    #expect(signed == isSettled)
    try storage.remove(name)
    if isSettled {
      // Once it was durable, it must not vanish.
      #expect(throws: VarveError.self) { try bench.unlock("reader", through: storage) }
    } else {
      #expect(try bench.unlock("reader", through: storage).log.head.size == 3)
    }
  }

  @Test func aFailureAppendsNothing() throws {
    let bench = try LogBench()
    let storage = FaultStorage(bench.storage) { operation, _ in
      if case .createExclusively = operation { .failBeforeEffect } else { .pass }
    }
    let owner = try bench.unlock(through: storage)
    let head = owner.log.head
    #expect(throws: VarveError(.io, "")) { try owner.log.append { _ in [LogBench.note("x")] } }
    #expect(owner.log.head == head)
    struct Refusal: Error {}
    #expect(throws: Refusal.self) { try owner.log.append { _ in throw Refusal() } }
    #expect(try bench.audit("auditor").head == head)
  }

  @Test func statementsHaveLimits() throws {
    let owner = try LogBench().unlock()
    let long = String(repeating: "x", count: 50_000)
    #expect(throws: VarveError(.usage, "")) { try owner.log.append { _ in [LogBench.note(long)] } }
    #expect(throws: VarveError(.usage, "")) {
      try owner.log.append { _ in (0..<256).map { LogBench.note("\($0)") } }
    }
    #expect(try owner.log.append { _ in (0..<255).map { LogBench.note("\($0)") } }.count == 255)
    let forgetting = LogStatement.Forgetting.bodies(
      forgetting: (0..<128).map { Digest($0, 0, 0, 0) }, reason: "many")
    let snapshots = (0..<128).map { LogBench.snapshot($0) }
    #expect(try owner.log.append { _ in snapshots }.count == 128)
    #expect(try owner.log.append { _ in forgetting }.count == 1)
    #expect(owner.log.state.snapshots.isEmpty)
  }

  @Test func whatTheStateDoesNotAllowIsNotAppended() throws {
    let owner = try LogBench().unlock()
    try owner.log.append { _ in [LogBench.snapshot(1)] }
    let head = owner.log.head
    let id = Digest(1, 0, 0, 0)
    for bodies: [LogStatement.Body] in [
      [LogBench.snapshot(1)],
      [LogBench.snapshot(2), LogBench.snapshot(2)],
      [.forget(.init(snapshots: [Digest(9, 0, 0, 0)], reason: ""))],
      [.forget(.init(snapshots: [id, id], reason: ""))],
      [.forget(.init(snapshots: [id], reason: "")), .forget(.init(snapshots: [id], reason: ""))],
      [.forget(.init(snapshots: [id], reason: "")), LogBench.snapshot(1)],
      [.genesis(.init(config: owner.repository.configDigest, authorKey: owner.config.authorKey))],
      [.credential(.init(removals: [.init(credential: id, keyID: KeyID(prefixOf: id))]))],
    ] {
      #expect(throws: VarveError(.refused, ""), "\(bodies)") {
        try owner.log.append { _ in bodies }
      }
    }
    #expect(owner.log.head == head)
    #expect(try owner.log.verifyAll().failures.isEmpty)
  }
}
