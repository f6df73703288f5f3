import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

/// What becomes of credentials when something fails while they change.
@Suite struct CredentialFaultTests {
  enum Change: CaseIterable { case add, password, rotate, propose }

  private static let newPassword = "another password"

  /// Makes a change; the key file's text goes into `keep`.
  private static func make(
    _ change: Change, _ owner: UnlockedRepository, _ keep: (borrowing SecretBytes) throws -> Void
  ) throws {
    switch change {
    case .add: _ = try owner.addKeyFile(keep: keep)
    case .password:
      try owner.changePassword(
        to: SecretBytes(copying: Array(newPassword.utf8)), cost: .least)
    case .rotate:
      let other = try #require(owner.listCredentials().first { !$0.isCurrent }).id
      _ = try owner.replaceWithKeyFile(other, keep: keep)
    case .propose:
      owner.log.proposes = true
      _ = try owner.addKeyFile(keep: keep)
    }
  }

  private static func open(
    _ bench: LogBench, _ secret: consuming CredentialSecret, _ client: String,
    through storage: (any StorageBackend)? = nil
  ) throws -> UnlockedRepository {
    try Repository.open(storage: storage ?? bench.storage)
      .unlock(secret, client: bench.client(client))
  }

  /// A store that does not say whether the commit is there.
  @Test(
    arguments: Change.allCases,
    [VarveError.Code.io, .unavailable, .interrupted, .damaged, .missing, .forbidden])
  func whatTheLogMayNameStays(_ change: Change, _ code: VarveError.Code) throws {
    let bench = try LogBench()
    let size = try bench.unlock().log.head.size
    let storage = LostAnswerStorage(bench.storage, losing: ObjectName.commit(size), code)
    let owner = try Self.open(bench, LogBench.secret(LogBench.password), "a", through: storage)
    var text: [UInt8] = []
    #expect(throws: VarveError(code, "")) {
      try Self.make(change, owner) { text = $0.withUnsafeBytes { Array($0) } }
    }
    #expect(try bench.storage.size(ObjectName.commit(size)) != nil)
    var state = try bench.audit("auditor").state
    if change == .propose {
      let again = try bench.unlock("b")
      _ = try Agreement(again).approve(size)
      state = again.log.state
    }
    for credential in state.liveCredentials.compactMap(\.credential) {
      #expect(try bench.storage.size(ObjectName.credential(credential)) != nil)
    }
    let opened =
      try change == .password
      ? Self.open(bench, LogBench.secret(Self.newPassword), "c")
      : Self.open(bench, .keyText(SecretBytes(copying: text)), "c")
    #expect(opened.role == .owner)
    #expect(opened.credential == state.liveCredentials.last?.credential)
  }

  /// The commit that completes a bundle is there; the bundle cannot be made.
  @Test(arguments: Change.allCases) func aRottenCommitLocksNobodyOut(_ change: Change) throws {
    let bench = try LogBench()
    let owner = try Self.open(bench, LogBench.secret(LogBench.password), "a")
    while owner.log.head.size < 255 {
      try owner.log.append { state in
        (0..<min(50, Int(255 - state.size))).map { LogBench.note("\(state.size) \($0)") }
      }
    }
    var commit = try bench.storage.read(ObjectName.commit(3))
    commit[commit.count / 2] ^= 1
    try bench.storage.put(ObjectName.commit(3), commit)
    try Self.make(change, owner) { _ in }
    #expect(owner.log.head.size == 256)
    #expect(owner.log.derivedDataFailure?.code == .damaged)
    for credential in owner.log.state.liveCredentials.compactMap(\.credential) {
      #expect(try bench.storage.size(ObjectName.credential(credential)) != nil)
    }
    if change == .password {
      #expect(
        try Self.open(bench, LogBench.secret(Self.newPassword), "a").credential
          == owner.credential)
    }
  }

  @Test func whatIsRefusedLeavesNothing() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Agreement(owner).setThreshold(2)
    let before = try bench.objects()
    var isKept = false
    #expect(throws: VarveError(.refused, "")) {
      _ = try owner.addKeyFile { _ in isKept = true }
    }
    #expect(!isKept)
    #expect(try bench.objects() == before)
  }

  /// A full disk.
  @Test(arguments: [Change.add, .rotate, .propose])
  func nothingChangesBeforeTheKeyIsKept(_ change: Change) throws {
    struct Full: Error {}
    let bench = try LogBench()
    let owner = try bench.unlock()
    let before = try bench.objects()
    #expect(throws: Full.self) { try Self.make(change, owner) { _ in throw Full() } }
    #expect(try bench.objects() == before)
    #expect(try bench.unlock("again").log.head.size == 3)
  }

  /// Storage to which may only be added.
  @Test func anObjectThatCannotBeDeletedStays() throws {
    let bench = try LogBench()
    let storage = FaultStorage(bench.storage) { operation, _ in
      if case .remove = operation { .fail(.forbidden) } else { .pass }
    }
    let owner = try Self.open(bench, LogBench.secret(LogBench.password), "a", through: storage)
    #expect(owner.credentialDeletionFailure == nil)
    let old = try #require(owner.credential)
    let new = try owner.changePassword(
      to: SecretBytes(copying: Array(Self.newPassword.utf8)), cost: .least)
    #expect(owner.credential == new)
    let failure = try #require(owner.credentialDeletionFailure)
    #expect(failure.message.contains(ObjectName.credential(old)))
    #expect(try owner.log.append { _ in [LogBench.note("goes on")] }.count == 1)
    #expect(throws: VarveError(.forbidden, "")) {
      try Self.open(bench, LogBench.secret(LogBench.password), "b")
    }
    let file = LogBench.KeyFile(try owner.replaceWithKeyFile(bench.key.credential))
    #expect(try bench.unlock("c", key: file).role == .owner)
    try owner.removeCredential(file.credential)
    #expect(owner.log.state.liveCredentials.compactMap(\.credential) == [new])
  }

  /// The first credential's object is on a bad sector, or of a newer program.
  @Test(arguments: [VarveError.Code.io, .unsupportedFormat, .damaged, .missing])
  func anUnreadableCredentialIsInNobodysWay(_ code: VarveError.Code) throws {
    let bench = try LogBench()
    let first = try #require(bench.unlock().listCredentials().first).id
    let storage = FaultStorage(bench.storage) { operation, _ in
      operation == .read(ObjectName.credential(first)) ? .fail(code) : .pass
    }
    #expect(try bench.unlock("a", through: storage).credential == bench.key.credential)
    // Whose it is is not known: the failure may be why nothing opens.
    #expect(throws: VarveError(code, "")) {
      try Self.open(bench, LogBench.secret(LogBench.password), "b", through: storage)
    }
  }
}
