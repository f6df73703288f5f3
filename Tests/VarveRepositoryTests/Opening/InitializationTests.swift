import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct InitializationTests {
  private static func make(
    _ storage: any StorageBackend, _ directory: TemporaryDirectory, _ password: String = "pw",
    options: InitOptions = InitOptions(passwordCost: .least)
  ) throws -> UnlockedRepository {
    try Repository.initialize(
      storage: storage, secret: LogBench.secret(password), options: options,
      client: ClientDirectories(cache: nil, state: directory("state")))
  }

  @Test func aNewRepositoryHasThreeObjectsAndACheckpoint() throws {
    let storage = MemoryStorage()
    let directory = TemporaryDirectory()
    let sizes = try RepositoryConfig.ChunkSizes(min: 4096, target: 4096, max: 65_536)
    let made = try Self.make(
      storage, directory,
      options: InitOptions(
        chunkSizes: sizes, packSize: 1 << 20, label: "the “first” one", passwordCost: .least))
    let credential = try #require(made.credential)
    #expect(
      try LogBench.objects(storage).keys.sorted() == [
        "config", ObjectName.credential(credential), "log/checkpoint", ObjectName.commit(0),
      ])
    #expect(made.config.chunkSizes == sizes)
    #expect(made.config.packSize == 1 << 20)
    #expect(try made.listCredentials().map(\.label) == ["the “first” one"])
    #expect(made.log.head.size == 2)
    let opened = try Repository.open(storage: storage)
    #expect(opened.config == made.config)
    #expect(SHA256.digest(try storage.read("config")) == opened.configDigest)
    let again = try opened.unlock(LogBench.secret("pw"), client: made.client)
    #expect(again.log.head == made.log.head)
    #expect(Self.code { _ = try Self.make(storage, directory) } == .repositoryExists)
  }

  private static func code(_ body: () throws -> Void) -> VarveError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? VarveError)?.code
    }
  }

  @Test func whatIsNoRepositoryIsSaidToBeNone() {
    let error = #expect(throws: VarveError.self) { try Repository.open(storage: MemoryStorage()) }
    #expect(error?.code == .noRepository)
    #expect(error?.hint != nil)
    #expect(
      Self.code {
        _ = try Repository.open(storage: LocalStorage(path: "/nonexistent/repository"))
      } == .noRepository)
  }

  @Test func itCanStopAnywhereAndBeDoneAgain() throws {
    // Changes: credential, config, commit, checkpoint.
    for stop in 0..<4 {
      for afterEffect in [false, true] {
        let storage = MemoryStorage()
        let directory = TemporaryDirectory()
        let faulty = FaultStorage(storage, stoppingAtChange: stop, afterEffect: afterEffect)
        let first = Self.code { _ = try Self.make(faulty, directory) }
        let isThere = try storage.size(ObjectName.commit(0)) != nil
        if isThere {
          #expect(Self.code { _ = try Self.make(storage, directory) } == .repositoryExists)
        } else {
          #expect(first == .io)
          if try storage.size("config") != nil {
            let open = try Repository.open(storage: storage)
            let client = ClientDirectories(cache: nil, state: directory("state"))
            #expect(
              Self.code { _ = try open.unlock(LogBench.secret("pw"), client: client) }
                == .noRepository)
            #expect(
              Self.code { _ = try Self.make(storage, directory, "another") } == .repositoryExists)
          }
          let made = try Self.make(storage, directory)
          #expect(made.log.head.size == 2)
        }
        let opened = try Repository.open(storage: storage).unlock(
          LogBench.secret("pw"), client: ClientDirectories(cache: nil, state: directory("state")))
        #expect(opened.role == .owner)
        #expect(try opened.log.verifyAll().failures.isEmpty)
        #expect(try opened.log.verifyAll().checkpointSize == 2)
      }
    }
  }

  @Test func twoCannotMakeOneRepository() throws {
    let storage = MemoryStorage()
    let directories = (0..<4).map { _ in TemporaryDirectory() }
    runThreads(4) { thread in
      _ = try? Self.make(storage, directories[thread], "password \(thread)")
    }
    let opening = (0..<4).filter { thread in
      (try? Repository.open(storage: storage).unlock(
        LogBench.secret("password \(thread)"),
        client: ClientDirectories(cache: nil, state: directories[thread]("state")))) != nil
    }
    #expect(opening.count == 1)
  }

  @Test func aRepositoryIsMadeWithAPassword() throws {
    let storage = MemoryStorage()
    let directory = TemporaryDirectory()
    #expect(Self.code { _ = try Self.make(storage, directory, "") } == .usage)
    #expect(
      Self.code {
        _ = try Repository.initialize(
          storage: storage, secret: .keyText(SecretBytes(copying: Array("VARVE-KEY-1-A".utf8))),
          client: ClientDirectories(cache: nil, state: directory("state")))
      } == .usage)
    #expect(try LogBench.objects(storage).isEmpty)
  }

  @Test func anotherConfigIsRefused() throws {
    let bench = try LogBench()
    let other = try LogBench()
    // A whole config of another repository, well signed by its own key.
    try bench.storage.put("config", try other.storage.read("config"))
    #expect(Self.code { _ = try bench.unlock("fresh") } == .damaged)
  }

  @Test func aConfigWithOtherParametersIsRefused() throws {
    let bench = try LogBench()
    let log = try bench.audit("fresh")
    // Somebody who has the log key, such as a writer, signs other parameters under the same id.
    let key = try Ed25519SigningKey(seed: SecureRandom.secret(32))
    let signer = try NoteSigner(name: log.config.origin, key: key)
    let forged = try RepositoryConfig(
      id: log.config.id, created: log.config.created, authorKey: log.config.authorKey,
      logKey: signer.verifierKey.text, dataKey: SecureRandom.bytes(32))
    try bench.storage.put("config", try SignedNote(signing: forged.text, with: signer).bytes)
    #expect(Self.code { _ = try bench.unlock("another") } == .damaged)
  }

  /// A writer, who has the log key, makes a config with a data key of his own and a log to go with
  /// it, around the credential of another writer, whose backups he would then be able to read.
  @Test func aWriterCannotPutAnotherConfigUnderACredential() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let victim = LogBench.KeyFile(try owner.addKeyFile(role: .writer))
    let author = try #require(owner.log.state.author(ofCredential: victim.credential))
    let master = try KeyText(parsing: try owner.exportRecoveryKey()).secret.copy()
    let id = owner.config.id
    let logSeed = HKDF.derive(
      ikm: master, salt: id.bytes, info: Array("varve v1 log key".utf8), count: 32)
    let signer = try NoteSigner(name: owner.config.origin, key: Ed25519SigningKey(seed: logSeed))
    #expect(signer.verifierKey.text == owner.config.logKey)

    let key = try Ed25519SigningKey(seed: SecureRandom.secret(32))
    let config = try RepositoryConfig(
      id: id, created: owner.config.created, authorKey: key.publicKey,
      logKey: owner.config.logKey, dataKey: X25519.publicKey(of: SecureRandom.secret(32)))
    let object = try SignedNote(signing: config.text, with: signer).bytes
    let digest = SHA256.digest(object)
    let bodies: [LogStatement.Body] = [
      .genesis(.init(config: digest, authorKey: key.publicKey)),
      .credential(
        .init(additions: [
          .init(
            authorKey: author.publicKey, credential: victim.credential, keyID: author.keyID,
            role: .writer)
        ])),
    ]
    let entries = try bodies.enumerated().map { index, body in
      let statement = LogStatement(
        author: KeyID(publicKey: key.publicKey),
        position: .init(index: UInt64(index), size: 0, root: TreeHead.empty.root),
        previous: index == 0 ? nil : 0, program: "test", repository: id,
        time: Timestamp(seconds: 0), body: body)
      return try DSSEEnvelope(signing: statement.bytes(config: digest), with: key).bytes
    }
    let name = ObjectName.credential(victim.credential)
    let forged = try LogBench.storage([
      ObjectName.config: object, ObjectName.commit(0): try EntryBundle.encode(entries),
      name: try bench.storage.read(name),
    ])
    // In itself the log is right: only the credential knows better.
    #expect(try bench.audit("auditor", forged).head.size == 2)
    let error = #expect(throws: VarveError.self) {
      try bench.unlock("fresh", through: forged, key: victim)
    }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains(ObjectName.config) == true)
  }

  @Test func clientDirectoriesFollowTheXDGSpecification() {
    #expect(
      ClientDirectories.standard(environment: ["HOME": "/home/u"])
        == ClientDirectories(cache: "/home/u/.cache/varve", state: "/home/u/.local/state/varve"))
    #expect(
      ClientDirectories.standard(environment: [
        "HOME": "/home/u", "XDG_CACHE_HOME": "/c", "XDG_STATE_HOME": "relative",
      ]) == ClientDirectories(cache: "/c/varve", state: "/home/u/.local/state/varve"))
    #expect(
      ClientDirectories.standard(environment: ["XDG_STATE_HOME": "/s"])
        == ClientDirectories(cache: nil, state: "/s/varve"))
    #expect(ClientDirectories.standard(environment: [:]) == nil)
  }
}
