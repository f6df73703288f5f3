import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

@Suite struct LogTamperingTests {
  /// A small log, and the head a client has seen of it.
  private static func smallLog() throws -> (LogBench, TreeHead) {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try owner.log.append { _ in [LogBench.snapshot(1)] }
    try owner.log.append { _ in [LogBench.note("x"), LogBench.snapshot(2)] }
    return (bench, owner.log.head)
  }

  @Test func everyChangedByteOfTheLogIsNoticed() throws {
    let (bench, head) = try Self.smallLog()
    let objects = try bench.objects().filter {
      $0.key.hasPrefix("log/") || $0.key == ObjectName.config
    }
    #expect(objects.count == 6)
    let storage = try LogBench.storage(objects)
    for (name, bytes) in objects {
      for index in bytes.indices {
        var changed = bytes
        changed[index] ^= 1 << UInt8(index & 7)
        try storage.put(name, changed)
        // A client that has never seen the log, so nothing but the log speaks for itself.
        let error = #expect(throws: VarveError.self, "\(name), byte \(index)") {
          let log = try Repository.open(storage: storage)
            .openLog(client: bench.client("unused/\(name)/\(index)"))
          // The checkpoint stops nobody, but is not believed.
          if name == ObjectName.checkpoint, let failure = log.derivedDataFailure { throw failure }
          throw VarveError(.usage, "read as \(log.head)")
        }
        #expect(error?.code == .damaged, "\(name), byte \(index)")
        #expect(error?.message.contains(name) == true, "\(name), byte \(index)")
      }
      for count in [0, 1, bytes.count / 2, bytes.count - 1] {
        try storage.put(name, Array(bytes[..<count]))
        #expect(throws: VarveError(.damaged, ""), "\(name) cut to \(count)") {
          let log = try Repository.open(storage: storage)
            .openLog(client: bench.client("unused/\(name)/cut/\(count)"))
          if name == ObjectName.checkpoint, let failure = log.derivedDataFailure { throw failure }
        }
      }
      try storage.put(name, bytes)
    }
    #expect(try bench.audit("fresh", storage).head == head)
  }

  @Test func checkReportsWhatTheClientsCopyWouldHide() throws {
    let (bench, head) = try Self.smallLog()
    let name = ObjectName.commit(0)
    var bytes = try bench.storage.read(name)
    bytes[100] ^= 1
    try bench.storage.put(name, bytes)
    // This client has verified the log before, and its copy is right.
    let owner = try bench.unlock()
    #expect(owner.log.head == head)
    let verification = try owner.log.verifyAll()
    #expect(verification.failures.map(\.name) == [name])
    #expect(verification.failures.first?.error.code == .damaged)
    #expect(throws: VarveError(.damaged, "")) { try owner.log.forEachEntry { _ in } }
    #expect(throws: VarveError(.damaged, "")) { try bench.audit("another") }
  }

  @Test func swappedCommitsAreNoticed() throws {
    let (bench, _) = try Self.smallLog()
    let objects = try bench.objects()
    let commits = objects.keys.filter { $0.hasPrefix(ObjectName.commitPrefix) }.sorted()
    #expect(commits.count == 4)
    for first in commits {
      for second in commits where second != first {
        var swapped = objects
        swapped[first] = objects[second]
        swapped[second] = objects[first]
        #expect(throws: VarveError(.damaged, "")) {
          try bench.audit("unused", try LogBench.storage(swapped))
        }
      }
    }
  }

  @Test func aMissingCommitIsNoticedByTheCheckpoint() throws {
    let (bench, _) = try Self.smallLog()
    try bench.storage.remove(ObjectName.commit(4))
    let error = #expect(throws: VarveError.self) { try bench.audit("fresh") }
    #expect(error?.code == .missing)
    #expect(error?.message.contains(ObjectName.commit(4)) == true)
  }

  @Test func aRollbackIsNoticedByTheClient() throws {
    let (bench, head) = try Self.smallLog()
    let before = try bench.objects()
    let owner = try bench.unlock()
    try owner.log.append { _ in [LogBench.note("newest")] }
    #expect(owner.log.head.size == head.size + 1)

    // An older copy of the whole repository.
    let old = try LogBench.storage(before)
    let error = #expect(throws: VarveError.self) { try bench.unlock(through: old) }
    #expect(error?.code == .rollback)
    #expect(error?.hint != nil)
    #expect(try bench.audit("fresh", old).head == head)

    // The older copy, grown again to the same size and beyond.
    for round in 0..<3 {
      let forked = try bench.unlock("fork", through: old)
      try forked.log.append { _ in [LogBench.note("fork \(round)")] }
      #expect(throws: VarveError(.rollback, "")) { try bench.unlock(through: old) }
    }

    // The newest commit removed.
    try bench.storage.remove(ObjectName.commit(head.size))
    #expect(throws: VarveError(.rollback, "")) { try bench.audit("owner") }
    #expect(throws: VarveError(.rollback, "")) { try owner.log.verifyAll() }
  }

  @Test func aRunningClientNoticesWhenItReadsOn() throws {
    let (bench, _) = try Self.smallLog()
    let before = try LogBench.storage(try bench.objects())
    let owner = try bench.unlock(through: before)
    let other = try bench.unlock()
    // Another process of the same user sees another log of the same size.
    try owner.log.append { _ in [LogBench.note("ours")] }
    #expect(throws: VarveError(.rollback, "")) {
      try other.log.append { _ in [LogBench.note("theirs")] }
    }
  }

  @Test func withoutTheCopyTheLogIsReadAgain() throws {
    let (bench, head) = try Self.smallLog()
    let state = bench.client("owner").state + "/" + (try bench.unlock().config.id.hex)
    let reading = FaultStorage(bench.storage) { _, _ in .pass }
    _ = try bench.unlock(through: reading)
    func commitReads(_ storage: FaultStorage) -> Int {
      storage.operations.count {
        if case .read(let name) = $0 { name.hasPrefix(ObjectName.commitPrefix) } else { false }
      }
    }
    // The newest that is known, and the one that is not there.
    #expect(commitReads(reading) == 2)
    for damage in ["", "not a log", String(repeating: "\u{1}", count: 5000)] {
      try writeFile(state + "/log", Array(damage.utf8))
      let again = FaultStorage(bench.storage) { _, _ in .pass }
      #expect(try bench.unlock(through: again).log.head == head)
      #expect(commitReads(again) == 5)
      #expect(try bench.unlock(through: reading).log.head == head)
    }
    try writeFile(state + "/checkpoint", Array("nonsense".utf8))
    let error = #expect(throws: VarveError.self) { try bench.unlock() }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains(state) == true)
  }

  @Test func anEntryOfSomebodyWhoMayNotIsRefused() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    // An author of each role, whose seed this test knows.
    var seeds: [Role: [UInt8]] = [:]
    for role in [Role.reader, .writer] {
      let seed = SecureRandom.bytes(32)
      seeds[role] = seed
      let key = try Ed25519SigningKey(seed: SecretBytes(copying: seed)).publicKey
      try owner.log.append { _ in
        [
          .credential(
            .init(additions: [
              .init(
                authorKey: key, credential: SHA256.digest(key), keyID: KeyID(publicKey: key),
                role: role)
            ]))
        ]
      }
    }
    var objects = try bench.objects()
    var clients = 0
    func verify(
      _ role: Role, _ body: LogStatement.Body, previous: UInt64? = nil,
      change: (LogStatement) -> LogStatement = { $0 }
    ) throws {
      let seed = try #require(seeds[role])
      let key = try Ed25519SigningKey(seed: SecretBytes(copying: seed))
      let head = owner.log.head
      let statement = change(
        LogStatement(
          author: KeyID(publicKey: key.publicKey),
          position: .init(index: head.size, size: head.size, root: head.root), previous: previous,
          program: "test", repository: owner.config.id, time: Timestamp(seconds: 0), body: body))
      let payload = statement.bytes(config: owner.repository.configDigest)
      let entry = try DSSEEnvelope(signing: payload, with: key).bytes
      let storage = try LogBench.storage(objects)
      try storage.put(ObjectName.commit(head.size), try EntryBundle.encode([entry]))
      clients += 1
      _ = try bench.audit("fresh \(clients)", storage)
    }
    try verify(.reader, LogBench.note("fine"))
    try verify(.writer, LogBench.snapshot(1))
    let forget = LogStatement.Body.forget(.init(snapshots: [.zero], reason: ""))
    let removal = LogStatement.Body.credential(
      .init(
        removals: owner.log.state.liveCredentials.prefix(1).compactMap { author in
          author.credential.map { .init(credential: $0, keyID: author.keyID) }
        }))
    for (role, body) in [
      (Role.reader, LogBench.snapshot(1)), (.reader, forget), (.writer, forget), (.reader, removal),
      (.writer, removal),
    ] {
      #expect(throws: VarveError(.unauthorized, ""), "\(role) \(body.kind)") {
        try verify(role, body)
      }
    }
    // Once removed, an author may say nothing.
    let reader = try #require(owner.log.state.authors.values.first { $0.role == .reader })
    let before = owner.log.head.size
    try owner.log.append { _ in
      [
        .credential(
          .init(removals: [.init(credential: reader.credential ?? .zero, keyID: reader.keyID)]))
      ]
    }
    objects = try bench.objects()
    #expect(throws: VarveError(.unauthorized, "")) { try verify(.reader, LogBench.note("late")) }
    try verify(.writer, LogBench.snapshot(1))
    #expect(owner.log.state.authors[reader.keyID]?.removed == before)
    // What is signed well but stands in the wrong place.
    let head = owner.log.head
    let genesis = try #require(owner.log.tree.root(atSize: 2))
    for wrong: LogStatement.Position in [
      .init(index: head.size + 1, size: head.size, root: head.root),
      .init(index: head.size, size: head.size - 1, root: head.root),
      .init(index: head.size, size: head.size, root: genesis),
    ] {
      #expect(throws: VarveError(.damaged, "")) {
        try verify(.writer, LogBench.snapshot(1)) {
          LogStatement(
            author: $0.author, position: wrong, previous: $0.previous, program: $0.program,
            repository: $0.repository, time: $0.time, body: $0.body)
        }
      }
    }
    #expect(throws: VarveError(.damaged, "")) {
      try verify(.writer, LogBench.snapshot(1), previous: 0)
    }
    #expect(throws: VarveError(.damaged, "")) {
      try verify(.writer, LogBench.snapshot(1)) {
        LogStatement(
          author: $0.author, position: $0.position, previous: $0.previous, program: $0.program,
          repository: .zero, time: $0.time, body: $0.body)
      }
    }
  }

  @Test func onlyAKnownAuthorCanSpeakOfANewerFormat() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let seed = SecureRandom.bytes(32)
    let key = try Ed25519SigningKey(seed: SecretBytes(copying: seed))
    let keyID = KeyID(publicKey: key.publicKey)
    func verify(_ client: String) throws {
      let head = owner.log.head
      let statement = LogStatement(
        author: keyID, position: .init(index: head.size, size: head.size, root: head.root),
        previous: nil, program: "test", repository: owner.config.id, time: Timestamp(seconds: 0),
        body: LogBench.note("x"))
      let payload = String(
        decoding: statement.bytes(config: owner.repository.configDigest), as: UTF8.self)
      let newer = Array(payload.replacing("urn:varve:check:v1", with: "urn:varve:restore:v1").utf8)
      let entry = try DSSEEnvelope(signing: newer, with: key).bytes
      let storage = try LogBench.storage(bench.objects())
      try storage.put(ObjectName.commit(head.size), try EntryBundle.encode([entry]))
      _ = try bench.audit(client, storage)
    }
    #expect(throws: VarveError(.damaged, "")) { try verify("before") }
    try owner.log.append { _ in
      [
        .credential(
          .init(additions: [
            .init(
              authorKey: key.publicKey, credential: .zero, keyID: keyID, role: .reader)
          ]))
      ]
    }
    #expect(throws: VarveError(.unsupportedFormat, "")) { try verify("after") }
  }

  @Test func aStrangerCannotBeginALog() throws {
    let bench = try LogBench()
    let config = try Repository.open(storage: bench.storage)
    let key = try Ed25519SigningKey(seed: SecureRandom.secret(32))
    let statement = LogStatement(
      author: KeyID(publicKey: key.publicKey),
      position: .init(index: 0, size: 0, root: TreeHead.empty.root), previous: nil,
      program: "test", repository: config.config.id, time: Timestamp(seconds: 0),
      body: .genesis(.init(config: config.configDigest, authorKey: key.publicKey)))
    let entry = try DSSEEnvelope(
      signing: statement.bytes(config: config.configDigest), with: key
    ).bytes
    let storage = try LogBench.storage([
      ObjectName.config: try bench.storage.read(ObjectName.config),
      ObjectName.commit(0): try EntryBundle.encode([entry]),
    ])
    #expect(throws: VarveError(.damaged, "")) { try bench.audit("fresh", storage) }
  }
}
