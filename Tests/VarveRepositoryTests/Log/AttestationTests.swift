import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Entries that attest times: which the log takes, and what they prove.
@Suite struct AttestationTests {
  private let bench: LogBench
  private let owner: UnlockedRepository

  init() throws {
    bench = try LogBench()
    owner = try bench.unlock()
    try owner.log.append { _ in (1...5).map { LogBench.snapshot($0) } }
  }

  private var log: Log { owner.log }

  @Test func theyAreFoldedAndReadBack() throws {
    let size = log.head.size
    let indices = try log.append { _ in try LogBench.attestations(log) }
    let state = log.state
    #expect(state.attestations.map(\.entry) == indices)
    #expect(state.attestations.map(\.kind) == [.cosign, .anchor])
    #expect(state.attestations.allSatisfy { $0.size == size })
    #expect(try bench.audit("fresh").state.attestations == state.attestations)
    #expect(try bench.unlock().log.state.attestations == state.attestations)
    #expect(try log.verifyAll().failures.isEmpty)
  }

  /// Writers may bring time stamps, readers may not.
  @Test func roles() throws {
    for (role, code) in [(Role.writer, nil), (.reader, VarveError.Code.forbidden)] {
      let key = LogBench.KeyFile(try owner.addKeyFile(role: role))
      let client = try bench.unlock("\(role)", key: key)
      let bodies = try LogBench.attestations(try bench.unlock().log)
      do {
        try client.log.append { _ in bodies }
        #expect(code == nil)
      } catch let error as VarveError {
        #expect(error.code == code)
      }
    }
  }

  /// Checkpoints that the log never had, or never signed, are no attestation whoever appends them.
  @Test func checkpointsThatAreNoneOfTheLog() throws {
    let note = try log.signedCheckpoint()
    let head = log.head
    let cosignature = try LogBench.witness().cosign(note.text, at: 1_800_000_000)
    let stranger = try NoteSigner(
      name: log.config.origin, key: Ed25519SigningKey(seed: SecureRandom.secret(32)))
    func signed(_ head: TreeHead, _ origin: String? = nil) throws -> SignedNote {
      try Checkpoint(origin: origin ?? log.config.origin, head: head).signed(by: stranger)
    }
    func cosign(_ note: SignedNote) -> LogStatement.Body {
      .cosign(.init(checkpoint: LogBench.text(note)))
    }
    let other = try LogBench().unlock().log
    let foreign = try other.signedCheckpoint()
    let broken = SignedNote.Signature(
      name: note.signatures[0].name, keyID: note.signatures[0].keyID,
      bytes: [UInt8](repeating: 1, count: 64))
    let cases: [(LogStatement.Body, VarveError.Code)] = [
      (cosign(note), .refused),
      (cosign(note.filtered { _ in false }.adding([cosignature])), .refused),
      (cosign(note.adding([cosignature, broken])), .refused),
      (cosign(try signed(head).adding([cosignature])), .refused),
      (cosign(foreign.adding([cosignature])), .refused),
      (.cosign(.init(checkpoint: "")), .damaged),
      (.cosign(.init(checkpoint: note.text)), .damaged),
      (.cosign(.init(checkpoint: LogBench.text(note) + "\n")), .damaged),
      (
        .anchor(.init(checkpoint: LogBench.text(note.adding([cosignature])), token: [1])),
        .refused
      ),
      (.anchor(.init(checkpoint: LogBench.text(foreign), token: [1])), .refused),
      (.anchor(.init(checkpoint: LogBench.text(try signed(head)), token: [1])), .refused),
      (.anchor(.init(checkpoint: "x", token: [1])), .damaged),
    ]
    for (body, code) in cases {
      let error = #expect(throws: VarveError.self, "\(body)") { try log.append { _ in [body] } }
      #expect(error?.code == code, "\(body)")
    }
    #expect(log.head == head)
    // An older one of this log is right.
    try log.append { _ in [LogBench.note("more"), cosign(note.adding([cosignature]))] }
  }

  /// The log key is no secret from writers: one may sign a head that the log never had. It is not believed.
  @Test func aHeadOfAnotherHistoryIsRefusedThoughTheLogKeySignedIt() throws {
    let objects = try bench.objects()
    let twin = try bench.unlock("twin", through: try LogBench.storage(objects))
    try twin.log.append { _ in [LogBench.note("another history")] }
    try log.append { _ in [LogBench.note("this history"), LogBench.note("and more")] }
    let theirs = try twin.log.signedCheckpoint()
    #expect(try theirs.verify(by: [VerifierKey(text: log.config.logKey)], "n").count == 1)
    let cosignature = try LogBench.witness().cosign(theirs.text, at: 5)
    for body: LogStatement.Body in [
      .cosign(.init(checkpoint: LogBench.text(theirs.adding([cosignature])))),
      .anchor(.init(checkpoint: LogBench.text(theirs), token: [1])),
    ] {
      #expect(throws: VarveError(.refused, "")) { try log.append { _ in [body] } }
    }
  }

  @Test func windowsOfEntries() throws {
    let policy = try LogBench.policy(2, of: 3)
    let first = log.head.size
    try log.append { _ in [try LogBench.cosigned(log, [(1, 1_000), (2, 1_010), (3, 4_000)])] }
    try log.append { _ in [LogBench.note("between")] }
    // One witness alone proves nothing; a bad token neither.
    try log.append { _ in [try LogBench.cosigned(log, [(1, 5_000)])] }
    try log.append { _ in try LogBench.attestations(log) }
    try log.append { _ in [try LogBench.cosigned(log, [(3, 9_000), (2, 9_020)])] }
    let times = try log.attestedTimes(TimeTrust(policy: policy))
    #expect(times.proofs.count == 3)
    #expect(times.failures.map(\.entry) == [first + 2])
    #expect(times.failures.first?.error.code == .unproved)
    let early = log.window(ofEntry: 3, times)
    #expect(early.notBefore == nil && early.notAfter == Timestamp(seconds: 1_010))
    let between = log.window(ofEntry: first + 1, times)
    #expect(between.notBefore == Timestamp(seconds: 1_010))
    #expect(between.notAfter == Timestamp(seconds: 9_020))
    #expect(try log.attestedTimes(TimeTrust()).proofs.isEmpty)
    let authorities = try TimestampAuthorities(
      pem: VectorPEM.trusted(), "the vector")
    let tokens = try log.attestedTimes(TimeTrust(authorities: authorities))
    #expect(tokens.proofs.isEmpty && tokens.failures.map(\.error.code) == [.damaged])
  }

  @Test func requirements() throws {
    let now = Timestamp(seconds: 1_800_000_000)
    let two = try LogBench.policy(2, of: 3)
    func check(_ policy: WitnessPolicy, _ age: Int64? = nil) -> VarveError.Code? {
      do {
        try CosignatureRequirement(policy: policy, maximumAge: age)
          .check(bench.audit("client"), now: now)
        return nil
      } catch let error as VarveError {
        return error.code
      } catch {
        return .io
      }
    }
    #expect(check(two) == .unproved)
    #expect(check(try WitnessPolicy(Array("quorum none\n".utf8), "p")) == nil)
    try log.append { _ in [try LogBench.cosigned(log, [(1, now.seconds - 90)])] }
    #expect(check(two) == .unproved)
    #expect(check(try LogBench.policy(1, of: 1), 90) == nil)
    #expect(check(try LogBench.policy(1, of: 1), 89) == .unproved)
    try log.append { _ in
      [try LogBench.cosigned(log, [(1, now.seconds - 50), (3, now.seconds - 100)])]
    }
    #expect(check(two) == nil)
    #expect(check(two, 100) == nil)
    #expect(check(two, 99) == .unproved)
    // What a writer adds that no witness signed hides nothing; what is signed for the future is not fresh.
    let note = try log.signedCheckpoint()
    let forged = SignedNote.Signature(
      name: "w1", keyID: try LogBench.witness().key.keyID, bytes: [UInt8](repeating: 1, count: 72))
    try log.append { _ in [.cosign(.init(checkpoint: LogBench.text(note.adding([forged]))))] }
    #expect(check(two, 100) == nil)
    try log.append { _ in
      [try LogBench.cosigned(log, [(1, now.seconds + 301), (2, now.seconds + 9_999)])]
    }
    #expect(check(two, 99) == .unproved)
    try log.append { _ in
      [try LogBench.cosigned(log, [(1, now.seconds + 300), (2, now.seconds - 1)])]
    }
    #expect(check(two, 1) == nil)
    let other = try LogBench().unlock().config.logKey
    let elsewhere = try WitnessPolicy(Array("log \(other)\nquorum none\n".utf8), "p")
    #expect(check(elsewhere) == .unproved)
  }

  @Test func aReaderCannotSignCheckpoints() throws {
    let key = LogBench.KeyFile(try owner.addKeyFile(role: .reader))
    let reader = try bench.unlock("reader", key: key)
    #expect(throws: VarveError(.forbidden, "")) { try reader.log.signedCheckpoint() }
    #expect(throws: VarveError(.forbidden, "")) { try bench.audit("a").signedCheckpoint() }
  }

  @Test func evidenceOfAForkIsKept() throws {
    let note = try log.signedCheckpoint()
    let evidence = ForkEvidence(ours: note, theirs: note, source: "a test")
    let path = try log.keep(evidence)
    #expect(try readFile(path) == evidence.bytes)
    #expect(try log.keep(evidence) == path)
    let text = String(decoding: try readFile(path), as: UTF8.self)
    #expect(text.contains(LogBench.text(note)) && text.contains("a test"))
  }
}

/// Certificates out of the vectors.
enum VectorPEM {
  static func trusted() throws -> [UInt8] {
    try #require(VectorFile.records("time-stamps.txt").first).bytes("trusted")
  }
}
