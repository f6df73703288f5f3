import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveServer
import VarveStorage
import VarveTestSupport

@Suite struct WitnessTests {
  private final class Clock: Sendable {
    private let seconds = Mutex<Int64>(1_800_000_000)
    var time: Int64 {
      get { seconds.withLock { $0 } }
      set { seconds.withLock { $0 = newValue } }
    }
  }

  private let log: WitnessBench
  private let clock = Clock()
  private let storage = MemoryStorage()

  init() throws { log = try WitnessBench(size: 5) }

  private func witness(on storage: (any StorageBackend)? = nil) throws -> Witness {
    let clock = clock
    return Witness(
      logs: [log.key], signer: try WitnessBench.witnessSigner(),
      storage: storage ?? self.storage, clock: { clock.time })
  }

  /// The cosignatures in an answer, over the log's newest checkpoint.
  private func times(_ answer: WitnessAnswer, _ witness: Witness) throws -> [Int64] {
    try SignedNote(log.note().bytes + answer.body, "answer")
      .cosignatures(by: [witness.key], "answer").map(\.time.seconds)
  }

  @Test func itCosignsAndShowsWhatItCosigned() throws {
    let witness = try witness()
    #expect(witness.checkpoint(ofHash: log.hash).status == 404)
    #expect(witness.checkpoint(ofHash: "").status == 404)
    var answer = witness.addCheckpoint(try log.request(from: 0))
    #expect(answer.status == 200)
    #expect(try times(answer, witness) == [1_800_000_000])
    let shown = witness.checkpoint(ofHash: log.hash)
    #expect(shown.status == 200)
    #expect(shown.body == (try log.note()).bytes + answer.body)
    log.grow(by: 3)
    clock.time += 10
    #expect(witness.addCheckpoint(try log.request(from: 0)).body == Array("5\n".utf8))
    answer = witness.addCheckpoint(try log.request(from: 5))
    #expect(try times(answer, witness) == [1_800_000_010])
    // The same once more, later: a new time.
    clock.time += 10
    answer = witness.addCheckpoint(try log.request(from: 8))
    #expect(try times(answer, witness) == [1_800_000_020])
  }

  @Test func aRestartForgetsNothing() throws {
    #expect(try witness().addCheckpoint(log.request(from: 0)).status == 200)
    let fork = try WitnessBench()
    fork.grow(by: 7, salt: " of a fork")
    let again = try witness()
    #expect(again.addCheckpoint(try fork.request(from: 0)).status == 409)
    #expect(again.addCheckpoint(try fork.request(from: 5)).status == 422)
    log.grow(by: 1)
    #expect(again.addCheckpoint(try log.request(from: 5)).status == 200)
  }

  /// What a log signs against itself is kept, as often as it is another, up to a limit.
  @Test func conflictsAreKept() throws {
    let witness = try witness()
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    for number in 0..<20 {
      let fork = try WitnessBench()
      fork.grow(by: 5, salt: " of fork \(number)")
      for _ in 0..<2 { #expect(witness.addCheckpoint(try fork.request(from: 5)).status == 409) }
    }
    var kept: [String] = []
    try storage.list("conflicts/\(log.hash)") { name, _ in kept.append(name) }
    #expect(kept.count == 16)
    for name in kept {
      let note = try SignedNote(try storage.read(name), name)
      try note.verify(by: [log.key], name)
      #expect(name.contains("/5-"))
    }
    // A request that anybody could have made up leaves nothing.
    let impostor = try WitnessBench(seed: 3, size: 5)
    #expect(witness.addCheckpoint(try impostor.request(from: 5)).status == 403)
    #expect(witness.addCheckpoint(try log.request(from: 5)).status == 200)
  }

  private func kept() throws -> [String] {
    var kept: [String] = []
    try storage.list("conflicts") { name, _ in kept.append(name) }
    return kept
  }

  /// Anybody can ask for what the log has signed, and send it with a wrong proof as often as he likes.
  @Test func nobodyFillsThePlacesOfForks() throws {
    let witness = try witness()
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    let note = try log.note()
    for count in 1...20 {
      let lines = (0..<count).map { _ in String(decoding: note.signatures[0].line, as: UTF8.self) }
      let repeated = try SignedNote(
        Array("\(note.text)\n\(lines.joined())".utf8), "note")
      let request = try log.request(from: 5, proof: [.zero], note: repeated)
      #expect(witness.addCheckpoint(request).status == 422)
    }
    #expect(try kept() == [], "it is the head that was cosigned")
    // Longer heads that are right, of a log that grows, with a proof that is not.
    for _ in 0..<20 {
      log.grow(by: 1)
      for count in 1...2 {
        let line = String(decoding: try log.note().signatures[0].line, as: UTF8.self)
        let repeated = try SignedNote(
          try log.note().bytes + Array(String(repeating: line, count: count).utf8), "note")
        let request = try log.request(from: 5, proof: [.zero], note: repeated)
        #expect(witness.addCheckpoint(request).status == 422)
      }
    }
    let longer = try kept()
    #expect(longer.count == 16)
    // The newest ones.
    for size in 10...25 { #expect(longer.contains { $0.contains("-\(size)-") }, "\(size)") }
    // A fork is kept all the same.
    let fork = try WitnessBench()
    fork.grow(by: 5, salt: " of a fork")
    #expect(witness.addCheckpoint(try fork.request(from: 5)).status == 409)
    let forks = try kept().filter { $0.contains("/forks/5-") }
    #expect(forks.count == 1)
    let evidence = try SignedNote(try storage.read(#require(forks.first)), "fork")
    #expect(evidence == (try fork.note()))
    // What is cosigned in the end was no conflict.
    #expect(witness.addCheckpoint(try log.request(from: 5)).status == 200)
    #expect(try !kept().contains { $0.contains("-25-") })
    #expect(try kept().count == 16)
  }

  /// When it cannot be stored, nothing was cosigned: no answer has a signature, and the next size goes from before.
  @Test func nothingIsCosignedThatIsNotStored() throws {
    let failing = Mutex(true)
    let faulty = FaultStorage(storage) { operation, _ in
      if case .put = operation, failing.withLock({ $0 }) { return .failBeforeEffect }
      return .pass
    }
    let witness = try witness(on: faulty)
    let answer = witness.addCheckpoint(try log.request(from: 0))
    #expect(answer.status == 500 && !answer.body.contains(0xe2))
    #expect(witness.checkpoint(ofHash: log.hash).status == 404)
    failing.withLock { $0 = false }
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
  }

  /// A damaged record is no empty one: a witness that forgot would cosign a fork.
  @Test func aDamagedRecordStopsItsLog() throws {
    let witness = try witness()
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    let name = "checkpoints/\(log.hash)"
    let good = try storage.read(name)
    let other = try WitnessBench("log.example/b", seed: 2, size: 5)
    for bytes in [[], [0], Array(good.dropLast()), try log.note().bytes, try other.note().bytes] {
      try storage.put(name, bytes)
      for old: UInt64 in [0, 5] {
        #expect(witness.addCheckpoint(try log.request(from: old)).status == 500)
      }
      #expect(witness.checkpoint(ofHash: log.hash).status == 500)
    }
    try storage.put(name, good)
    #expect(witness.addCheckpoint(try log.request(from: 5)).status == 200)
  }

  /// No later checkpoint is ever stated for an earlier time.
  @Test func timeDoesNotGoBack() throws {
    let witness = try witness()
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    clock.time -= 60
    #expect(
      try times(witness.addCheckpoint(log.request(from: 5)), witness) == [1_800_000_000])
    clock.time -= 1
    #expect(witness.addCheckpoint(try log.request(from: 5)).status == 503)
    clock.time += 62
    #expect(
      try times(witness.addCheckpoint(log.request(from: 5)), witness) == [1_800_000_001])
  }

  /// Of many that grow one log at the same time from one size, one is cosigned; never two histories.
  @Test func racesHaveOneWinner() throws {
    let witness = try witness()
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    let requests = try (0..<16).map { number in
      let fork = try WitnessBench(size: 5)
      fork.grow(by: 1 + number % 3, salt: " \(number)")
      return try fork.request(from: 5)
    }
    let statuses = Mutex<[Int]>([])
    let gate = Gate(count: 8)
    runThreads(8) { thread in
      gate.wait()
      for number in stride(from: thread, to: 16, by: 8) {
        let status = witness.addCheckpoint(requests[number]).status
        statuses.withLock { $0.append(status) }
      }
    }
    let all = statuses.withLock { $0.sorted() }
    #expect(all == [200] + Array(repeating: 409, count: 15))
  }

  @Test func directoriesOfWitnesses() throws {
    let directory = TemporaryDirectory()
    let storage = LocalStorage(path: directory("a/witness"))
    try storage.createDirectory()
    let key = try Witness.make(name: "w.example/1", logs: [log.key], in: storage)
    #expect(key.name == "w.example/1")
    #expect(throws: VarveError(.repositoryExists, "")) {
      try Witness.make(name: "w.example/2", logs: [], in: storage)
    }
    let witness = try Witness(storage: storage) { 1_800_000_000 }
    #expect(witness.key == key)
    #expect(witness.addCheckpoint(try log.request(from: 0)).status == 200)
    let again = try Witness(storage: LocalStorage(path: directory("a/witness"))) { 1_800_000_000 }
    #expect(again.addCheckpoint(try log.request(from: 0)).status == 409)
    // Logs are added to the policy by hand.
    let other = try WitnessBench("log.example/b", seed: 2, size: 5)
    #expect(again.addCheckpoint(try other.request(from: 0)).status == 404)
    try storage.put("policy", Array("log \(other.key.text)\nquorum none\n".utf8))
    let changed = try Witness(storage: storage) { 1_800_000_000 }
    #expect(changed.addCheckpoint(try other.request(from: 0)).status == 200)
    #expect(changed.addCheckpoint(try log.request(from: 5)).status == 404)

    #expect(throws: VarveError(.missing, "")) {
      _ = try Witness(storage: LocalStorage(path: directory("nothing"))) { 0 }
    }
    try storage.put("policy", Array("quorum\n".utf8))
    #expect(throws: VarveError(.usage, "")) { _ = try Witness(storage: storage) { 0 } }
    for bytes in [[0], [UInt8](repeating: 65, count: 90), [UInt8](repeating: 65, count: 5_000)] {
      try storage.put("key", bytes)
      #expect(throws: VarveError.self) { _ = try Witness(storage: storage) { 0 } }
    }
    #expect(throws: VarveError(.usage, "")) {
      try Witness.make(name: "a name", logs: [], in: MemoryStorage())
    }
    #expect(throws: VarveError(.usage, "")) {
      try Witness.make(name: "w", logs: [log.key, log.key], in: MemoryStorage())
    }
  }
}
