import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// What several owners have to agree to: by honest clients, and by an owner who signs what he likes.
@Suite struct LogAgreementTests {
  private let bench: LogBench
  private let owner: UnlockedRepository
  /// Owners whose seeds these tests know.
  private let others: [[UInt8]]

  init() throws {
    bench = try LogBench()
    owner = try bench.unlock()
    others = [11, 12].map { [UInt8](repeating: $0, count: 32) }
    for seed in others {
      let key = try Self.key(seed)
      try owner.log.append { _ in
        [
          .credential(
            .init(additions: [
              .init(
                authorKey: key, credential: SHA256.digest(key), keyID: KeyID(publicKey: key),
                role: .owner)
            ]))
        ]
      }
    }
    try owner.log.append { _ in (1...4).map(LogBench.snapshot) }
  }

  private static func key(_ seed: [UInt8]) throws -> [UInt8] {
    try Ed25519SigningKey(seed: SecretBytes(copying: seed)).publicKey
  }

  private static func id(_ number: UInt64) -> Digest { Digest(number, 0, 0, 0) }

  private static func forget(_ number: UInt64, proposal: UInt64? = nil) -> LogStatement.Body {
    .forget(.init(snapshots: [id(number)], reason: "r", proposal: proposal))
  }

  /// Appends what an owner signs with a seed; gives the code with which it is refused.
  @discardableResult
  private func sign(_ seed: [UInt8], _ body: LogStatement.Body) throws -> VarveError.Code? {
    let key = try Ed25519SigningKey(seed: SecretBytes(copying: seed))
    try owner.log.refresh()
    let head = owner.log.head
    let keyID = KeyID(publicKey: key.publicKey)
    let statement = LogStatement(
      author: keyID, position: .init(index: head.size, size: head.size, root: head.root),
      previous: owner.log.state.authors[keyID]?.newestEntry, program: "test",
      repository: owner.config.id, time: Timestamp(seconds: 0), body: body)
    let entry = try DSSEEnvelope(
      signing: statement.bytes(config: owner.repository.configDigest), with: key
    ).bytes
    let name = ObjectName.commit(head.size)
    try bench.storage.put(name, try EntryBundle.encode([entry]))
    do {
      try owner.log.refresh()
      return nil
    } catch let error as VarveError {
      try bench.storage.remove(name)
      return error.code
    }
  }

  private func propose(_ body: LogStatement.Body) throws -> UInt64 {
    try #require(
      try owner.log.append { _ in [.proposal(try LogStatement.Proposal(body))] }.first)
  }

  @Test func aloneUntilTheThreshold() throws {
    try owner.log.append { _ in [Self.forget(1)] }
    #expect(throws: VarveError(.usage, "")) { try Agreement(owner).setThreshold(5) }
    #expect(throws: VarveError(.usage, "")) { try Agreement(owner).setThreshold(0) }
    // The password's, the key file's, and the two others.
    #expect(owner.log.state.agreeingOwners.count == 4)
    try Agreement(owner).setThreshold(2)
    let error = #expect(throws: VarveError.self) { try owner.log.append { _ in [Self.forget(2)] } }
    #expect(error?.code == .refused)
    #expect(error?.hint?.contains("--propose") == true)
    for body: LogStatement.Body in [
      Self.forget(2), .threshold(.init(owners: 1)), Self.forget(2, proposal: 3),
      .credential(
        .init(removals: [
          .init(
            credential: SHA256.digest(try Self.key(others[1])),
            keyID: KeyID(publicKey: try Self.key(others[1])))
        ])),
    ] {
      #expect(try sign(others[0], body) == .unauthorized, "\(body)")
    }
    // What takes nothing away needs nobody.
    #expect(try sign(others[0], LogBench.snapshot(9)) == nil)
    #expect(
      try sign(others[0], .hold(.init(snapshots: [Self.id(2)], term: .released, reason: ""))) == nil
    )
    #expect(
      try sign(others[0], .release(.init(snapshots: [Self.id(2)], reason: ""))) == .unauthorized)
  }

  @Test func whatEnoughOwnersAgreeToIsCarriedOutOnce() throws {
    try Agreement(owner).setThreshold(3)
    let proposal = try propose(Self.forget(2))
    #expect(
      try sign(others[0], Self.forget(2, proposal: proposal)) == .unauthorized, "one of three")
    #expect(try sign(others[0], .approval(.init(proposal: proposal))) == nil)
    #expect(try sign(others[0], .approval(.init(proposal: proposal))) == .unauthorized, "twice")
    #expect(
      try sign(others[0], Self.forget(2, proposal: proposal)) == .unauthorized, "two of three")
    #expect(try sign(others[1], .approval(.init(proposal: proposal))) == nil)
    // Not another forget, and not one more snapshot.
    #expect(try sign(others[1], Self.forget(3, proposal: proposal)) == .unauthorized)
    #expect(
      try sign(
        others[1], .forget(.init(snapshots: [Self.id(2)], reason: "other", proposal: proposal)))
        == .unauthorized)
    #expect(try sign(others[1], Self.forget(2, proposal: proposal)) == nil)
    #expect(owner.log.state.proposals[proposal]?.carriedOut == owner.log.head.size - 1)
    #expect(owner.log.state.openProposals.isEmpty)
    #expect(try sign(others[1], Self.forget(2, proposal: proposal)) == .unauthorized, "again")
    #expect(try sign(others[1], .approval(.init(proposal: proposal))) == .unauthorized)
    #expect(try sign(others[1], .approval(.init(proposal: 0))) == .unauthorized)
  }

  @Test func theLastApprovalCarriesOut() throws {
    try Agreement(owner).setThreshold(2)
    let proposal = try propose(Self.forget(2))
    #expect(throws: VarveError(.refused, "")) { try Agreement(owner).approve(proposal) }
    let second = try bench.unlock("second", key: LogBench.KeyFile(try addOwner()))
    let outcome = try Agreement(second).approve(proposal)
    #expect(outcome.agreed == 2)
    #expect(outcome.carriedOut == second.log.head.size - 1)
    #expect(second.log.state.snapshots[Self.id(2)] == nil)
    #expect(throws: VarveError(.notFound, "")) { try Agreement(second).approve(proposal) }
    #expect(throws: VarveError(.notFound, "")) { try Agreement(second).approve(0) }
  }

  /// A first policy lets go of what is kept without one.
  @Test func theFirstPolicyNeedsAgreement() throws {
    try Agreement(owner).setThreshold(2)
    var keep = RetentionPolicy()
    keep[.daily] = .limited(7)
    let body = LogStatement.Body.policy(.init(source: nil, keep: keep))
    #expect(try sign(others[0], body) == .unauthorized)
    let proposal = try propose(body)
    #expect(try sign(others[0], .approval(.init(proposal: proposal))) == nil)
    #expect(
      try sign(others[0], .policy(.init(source: nil, keep: keep, proposal: proposal))) == nil)
    // One that keeps more needs nobody.
    keep[.weekly] = .limited(4)
    #expect(try sign(others[0], .policy(.init(source: nil, keep: keep))) == nil)
  }

  /// With a threshold in force an owner is added by agreement, too.
  private func addOwner() throws -> NewKeyFile {
    owner.log.proposes = true
    let file = try owner.addKeyFile()
    owner.log.proposes = false
    let entry = owner.log.head.size - 1
    #expect(try sign(others[0], .approval(.init(proposal: entry))) == nil)
    _ = try Agreement(owner).approve(entry)
    return file
  }

  /// An approval that waited in the log could be used later, by one owner alone.
  @Test func whatCannotBeCarriedOutIsNotApproved() throws {
    try Agreement(owner).setThreshold(2)
    let second = try bench.unlock("second", key: LogBench.KeyFile(try addOwner()))
    let (forget, again) = (try propose(Self.forget(2)), try propose(Self.forget(2)))
    #expect(try Agreement(second).approve(forget).carriedOut != nil)
    let head = second.log.head
    let error = #expect(throws: VarveError.self) { try Agreement(second).approve(again) }
    #expect(error?.code == .refused)
    #expect(error?.description.contains("not there") == true)
    #expect(second.log.head == head)
    try owner.log.refresh()
    try owner.log.append { _ in [.undo(.init(snapshots: [Self.id(2)]))] }
    let alone = #expect(throws: VarveError.self) { try Agreement(owner).approve(again) }
    #expect(alone?.code == .refused)
    #expect(alone?.message.contains("1 of 2") == true)
    #expect(owner.log.state.snapshots[Self.id(2)] != nil)
  }

  @Test func nothingIsApprovedWhileAHoldStands() throws {
    let proposal = try propose(Self.forget(2))
    try owner.log.append { _ in
      [.hold(.init(snapshots: [Self.id(2)], term: .permanent, reason: ""))]
    }
    try Agreement(owner).setThreshold(2)
    let second = try bench.unlock("second", key: LogBench.KeyFile(try addOwner()))
    let head = second.log.head
    #expect(throws: VarveError(.refused, "")) { try Agreement(second).approve(proposal) }
    #expect(second.log.head == head)
    // The first of several, which carries nothing out, is logged.
    try owner.log.refresh()
    owner.log.proposes = true
    try Agreement(owner).setThreshold(3)
    owner.log.proposes = false
    _ = try Agreement(second).approve(owner.log.head.size - 1)
    #expect(second.log.state.threshold == 3)
    let outcome = try Agreement(second).approve(proposal)
    #expect(outcome.agreed == 2 && outcome.needed == 3 && outcome.carriedOut == nil)
  }

  @Test func whatIsProposedAlreadyIsNotProposedAgain() throws {
    owner.log.proposes = true
    let first = try #require(try owner.log.append { _ in [Self.forget(2)] }.first)
    let head = owner.log.head
    let error = #expect(throws: VarveError.self) { try owner.log.append { _ in [Self.forget(2)] } }
    #expect(error?.code == .refused)
    #expect(error?.message.contains("log entry \(first)") == true)
    #expect(error?.hint?.contains("approve \(first)") == true)
    #expect(owner.log.head == head)
    // What is new is proposed.
    #expect(try owner.log.append { _ in [Self.forget(2), Self.forget(3)] }.count == 1)
    owner.log.proposes = false
    _ = try Agreement(owner).approve(first)
    // What was carried out says nothing any more.
    try owner.log.append { _ in [.undo(.init(snapshots: [Self.id(2)]))] }
    owner.log.proposes = true
    #expect(try owner.log.append { _ in [Self.forget(2)] }.count == 1)
  }

  /// Only those commands have --propose that change nothing else.
  @Test func theHintNamesAWayThatThereIs() throws {
    try Agreement(owner).setThreshold(2)
    func hint(_ bodies: LogStatement.Body...) -> String {
      let error = #expect(throws: VarveError.self) { try owner.log.append { _ in bodies } }
      return error?.hint ?? ""
    }
    #expect(hint(Self.forget(2)).contains("--propose of 'varve forget'"))
    #expect(hint(.threshold(.init(owners: 1))).contains("--propose of 'varve key threshold'"))
    #expect(hint(LogBench.snapshot(9), Self.forget(2)).contains("threshold 1 --propose"))
  }

  @Test func nobodyApprovesTheEndOfTheirOwnCredential() throws {
    let second = try bench.unlock("second", key: LogBench.KeyFile(try addOwnerAlone()))
    let mine = try #require(owner.credential)
    second.log.proposes = true
    try second.removeCredential(mine)
    second.log.proposes = false
    let proposal = second.log.head.size - 1
    try owner.removeCredential(try #require(second.credential))
    #expect(throws: VarveError(.forbidden, "")) { try Agreement(owner).approve(proposal) }
    #expect(try bench.storage.size(ObjectName.credential(mine)) != nil)
    // A new key for it is another matter, when its holder has proposed that.
    owner.log.proposes = true
    let new = try owner.rotateAuthorKey(bench.key.secret)
    owner.log.proposes = false
    #expect(try Agreement(owner).approve(owner.log.head.size - 1).carriedOut != nil)
    #expect(try bench.unlock("rotated").credential == new)
  }

  private func addOwnerAlone() throws -> NewKeyFile {
    try owner.log.refresh()
    return try owner.addKeyFile()
  }

  /// By whatever way: our own entries leave an owner, and others' logs without one stay readable.
  @Test func theLastOwnerIsNotRemoved() throws {
    let all = owner.log.state.liveCredentials.map {
      LogStatement.CredentialChange.Removal(credential: $0.credential ?? .zero, keyID: $0.keyID)
    }
    let body = LogStatement.Body.credential(.init(removals: all))
    let proposal = try propose(body)
    let head = owner.log.head
    #expect(throws: VarveError(.refused, "")) { try owner.log.append { _ in [body] } }
    #expect(throws: VarveError(.refused, "")) {
      try owner.log.append { _ in [body.carryingOut(proposal)] }
    }
    #expect(owner.log.head == head)
    #expect(try sign(others[0], body) == nil)
    #expect(owner.log.state.agreeingOwners.isEmpty)
    let text = try owner.exportRecoveryKey()
    let recovered = try Repository.open(storage: bench.storage)
      .unlock(.keyText(text), client: bench.client("recovered"))
    _ = try recovered.addKeyFile(role: .writer)
    _ = try recovered.addKeyFile()
    #expect(recovered.log.state.agreeingOwners.count == 1)
  }

  /// Every owner holds the key from which the recovery author's follows: its word would count twice.
  @Test func theRecoveryAuthorCountsForNothing() throws {
    try Agreement(owner).setThreshold(2)
    let text = try owner.exportRecoveryKey()
    let recovered = try Repository.open(storage: bench.storage)
      .unlock(.keyText(text), client: bench.client("recovered"))
    let proposal = try propose(Self.forget(2))
    #expect(throws: VarveError(.forbidden, "")) { try Agreement(recovered).approve(proposal) }
    #expect(throws: VarveError.self) {
      try recovered.log.append { _ in [.approval(.init(proposal: proposal))] }
    }
    // Nor does its own proposal.
    let own = try #require(
      try recovered.log.append { _ in [.proposal(try LogStatement.Proposal(Self.forget(2)))] }.first
    )
    #expect(try sign(others[0], .approval(.init(proposal: own))) == nil)
    #expect(try sign(others[0], Self.forget(2, proposal: own)) == .unauthorized)
  }

  @Test func removedOwnersAgreeToNothing() throws {
    let proposal = try propose(Self.forget(2))
    #expect(try sign(others[0], .approval(.init(proposal: proposal))) == nil)
    let key = try Self.key(others[0])
    try owner.removeCredential(SHA256.digest(key))
    try Agreement(owner).setThreshold(2)
    #expect(try sign(others[1], Self.forget(2, proposal: proposal)) == .unauthorized)
    // As many as have to agree must stay.
    let last = KeyID(publicKey: try Self.key(others[1]))
    let all = owner.log.state.liveCredentials.filter { $0.keyID != last }.map {
      LogStatement.CredentialChange.Removal(credential: $0.credential ?? .zero, keyID: $0.keyID)
    }
    #expect(throws: VarveError.self) {
      let entry = try propose(.credential(.init(removals: all)))
      #expect(try sign(others[1], .approval(.init(proposal: entry))) == nil)
      _ = try Agreement(owner).approve(entry)
    }
    #expect(owner.log.state.agreeingOwners.count == 3)
  }

  @Test func otherRolesHaveNoWord() throws {
    let file = try owner.addKeyFile(role: .writer)
    let writer = try bench.unlock("writer", key: LogBench.KeyFile(file))
    let proposal = try propose(Self.forget(2))
    #expect(throws: VarveError(.forbidden, "")) { try Agreement(writer).approve(proposal) }
    for body: LogStatement.Body in [
      .approval(.init(proposal: proposal)), .threshold(.init(owners: 1)),
      .proposal(try LogStatement.Proposal(Self.forget(2))),
    ] {
      #expect(throws: VarveError(.forbidden, "")) { try writer.log.append { _ in [body] } }
    }
    #expect(throws: VarveError(.usage, "")) { try LogStatement.Proposal(LogBench.snapshot(3)) }
  }

  @Test func rotatedKeysSignOn() throws {
    let before = try #require(owner.log.authorKeyID)
    let old = try #require(owner.credential)
    let new = try owner.rotateAuthorKey(bench.key.secret)
    #expect(owner.log.authorKeyID != before)
    #expect(owner.log.state.authors[before]?.removed == owner.log.head.size - 1)
    try owner.log.append { _ in [LogBench.note("rotated")] }
    #expect(try !bench.objects().keys.contains(ObjectName.credential(old)))
    // The same key file opens the new credential.
    let again = try bench.unlock("again")
    #expect(again.credential == new)
    #expect(again.log.authorKeyID == owner.log.authorKeyID)
    // Of another kind than the credential in use.
    #expect(throws: Never.self) { try again.log.append { _ in [LogBench.note("again")] } }
    let file = try owner.addKeyFile(role: .writer, label: "web")
    let writer = try bench.unlock("writer", key: LogBench.KeyFile(file))
    let replaced = try #require(writer.credential)
    let next = LogBench.KeyFile(try owner.replaceWithKeyFile(replaced))
    let renewed = try bench.unlock("renewed", key: next)
    #expect(renewed.role == .writer)
    #expect(try owner.listCredentials().first { $0.id == renewed.credential }?.label == "web")
    #expect(throws: VarveError(.forbidden, "")) {
      try writer.log.append { _ in [LogBench.note("old")] }
    }
  }
}
