import Testing
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

@Suite struct CredentialTests {
  private static func code(_ body: () throws -> Void) -> VarveError.Code? {
    do {
      try body()
      return nil
    } catch {
      return (error as? VarveError)?.code
    }
  }

  private static func password(_ text: String) -> SecretBytes {
    SecretBytes(copying: Array(text.utf8))
  }

  @Test func passwordsAndKeyFilesUnlock() throws {
    let bench = try LogBench()
    let repository = try Repository.open(storage: bench.storage)
    let byPassword = try repository.unlock(
      LogBench.secret(LogBench.password), client: bench.client("a"))
    let byKey = try bench.unlock("b")
    #expect(byPassword.role == .owner && byKey.role == .owner)
    #expect(byPassword.credential != byKey.credential)
    #expect(byKey.credential == bench.key.credential)
    #expect(try byPassword.keys.dataKey().isEqual(to: byKey.keys.dataKey()))
    for wrong in ["", "wrong", LogBench.password + " "] {
      #expect(
        Self.code { _ = try repository.unlock(LogBench.secret(wrong), client: bench.client("a")) }
          == .wrongPassword)
    }
  }

  @Test func anObjectThatTheLogNamesStaysWhenAppendingFailed() throws {
    let bench = try LogBench()
    let size = try bench.unlock().log.head.size
    let storage = UnsettledStorage(bench.storage, losing: ObjectName.commit(size))
    let owner = try bench.unlock(through: storage)
    #expect(Self.code { _ = try owner.addKeyFile() } == .io)
    let listed = try bench.unlock().listCredentials()
    #expect(listed.count == 3)
    #expect(listed.compactMap(\.problem).isEmpty)
  }

  @Test func rolesHaveTheirKeysOnly() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let expected: [Role: [Bool]] = [
      .owner: [true, true, true, true], .writer: [false, true, true, true],
      .reader: [true, true, true, false],
    ]
    for role in Role.allCases {
      let key = LogBench.KeyFile(try owner.addKeyFile(role: role, label: "as \(role.rawValue)"))
      let unlocked = try bench.unlock("as \(role.rawValue)", key: key)
      #expect(unlocked.role == role)
      let found = [
        Self.code { _ = try unlocked.keys.dataKey() } == nil,
        Self.code { _ = try unlocked.keys.indexKey() } == nil,
        Self.code { _ = try unlocked.keys.proofKey() } == nil,
        Self.code { _ = try unlocked.keys.chunkerKey() } == nil,
      ]
      #expect(found == expected[role])
      #expect(try unlocked.keys.indexKey().isEqual(to: owner.keys.indexKey()))
      #expect(try unlocked.keys.proofKey().isEqual(to: owner.keys.proofKey()))
      if role != .reader {
        #expect(try unlocked.keys.chunkerKey().isEqual(to: owner.keys.chunkerKey()))
      } else {
        #expect(Self.code { _ = try unlocked.keys.chunkerKey() } == .forbidden)
      }
      // What the role may append.
      let snapshot = LogBench.snapshot(UInt64(role.rawValue.utf8.count))
      #expect(
        Self.code { try unlocked.log.append { _ in [snapshot] } }
          == (role == .reader ? .forbidden : nil))
      #expect(Self.code { try unlocked.log.append { _ in [LogBench.note(role.rawValue)] } } == nil)
      let forget = LogStatement.Body.forget(
        .init(snapshots: [Digest(5, 0, 0, 0)], reason: ""))
      if role != .owner {
        #expect(Self.code { try unlocked.log.append { _ in [forget] } } == .forbidden)
        #expect(Self.code { _ = try unlocked.addKeyFile() } == .forbidden)
        #expect(Self.code { _ = try unlocked.exportRecoveryKey() } == .forbidden)
        #expect(Self.code { try unlocked.removeCredential(key.credential) } == .forbidden)
        #expect(Self.code { try unlocked.changePassword(to: Self.password("x")) } == .forbidden)
      }
    }
    // Checkpoints are written by writers and, after a reader's entry, by the next holder of the log
    // key.
    #expect(try bench.unlock("last").log.verifyAll().checkpointSize == 3 + 3 + 5)
    let list = try owner.listCredentials()
    #expect(list.map(\.role) == [.owner, .owner, .owner, .writer, .reader])
    #expect(list.map(\.label) == ["", "", "as owner", "as writer", "as reader"])
    #expect(list.map(\.kind) == [.password, .keyFile, .keyFile, .keyFile, .keyFile])
    #expect(list.map(\.isCurrent) == [false, true, false, false, false])
    #expect(list.allSatisfy { $0.problem == nil && $0.created != nil })
  }

  @Test func aRemovedCredentialOpensNothing() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let key = LogBench.KeyFile(try owner.addKeyFile(role: .writer))
    let writer = try bench.unlock("writer", key: key)
    let name = ObjectName.credential(key.credential)
    let object = try bench.storage.read(name)
    try owner.removeCredential(key.credential)
    #expect(try bench.storage.size(name) == nil)
    #expect(Self.code { _ = try bench.unlock("writer", key: key) } == .wrongPassword)
    // Its object brought back from a copy.
    try bench.storage.put(name, object)
    #expect(Self.code { _ = try bench.unlock("writer", key: key) } == .forbidden)
    // A session that began before notices when it appends.
    #expect(Self.code { try writer.log.append { _ in [LogBench.snapshot(1)] } } == .forbidden)
    #expect(Self.code { try owner.removeCredential(key.credential) } == .notFound)
    #expect(try owner.log.verifyAll().failures.isEmpty)
  }

  @Test func theLastOwnerStays() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    _ = try owner.addKeyFile(role: .reader)
    let password = try #require(owner.listCredentials().first).id
    try owner.removeCredential(password)
    #expect(Self.code { try owner.removeCredential(bench.key.credential) } == .usage)
    let second = LogBench.KeyFile(try owner.addKeyFile())
    try owner.removeCredential(bench.key.credential)
    #expect(Self.code { try owner.log.append { _ in [LogBench.note("x")] } } == .forbidden)
    #expect(try bench.unlock("b", key: second).listCredentials().count == 2)
  }

  @Test func twoOwnersCannotRemoveEachOther() throws {
    let bench = try LogBench()
    let first = try bench.unlock("first")
    try first.removeCredential(try #require(first.listCredentials().first).id)
    let key = LogBench.KeyFile(try first.addKeyFile())
    let second = try bench.unlock("second", key: key)
    try second.removeCredential(bench.key.credential)
    // The first has not read that yet; its own removal is validated again against it.
    #expect(Self.code { try first.removeCredential(key.credential) } != nil)
    #expect(try bench.unlock("second", key: key).listCredentials().map(\.id) == [key.credential])
  }

  @Test func passwordsChange() throws {
    let bench = try LogBench()
    let repository = try Repository.open(storage: bench.storage)
    let session = try repository.unlock(
      LogBench.secret(LogBench.password), client: bench.client("a"))
    let old = try #require(session.credential)
    let size = session.log.head.size
    let new = try session.changePassword(to: Self.password("new one"), cost: .least)
    #expect(session.credential == new && new != old)
    #expect(session.log.head.size == size + 1)
    #expect(try bench.storage.size(ObjectName.credential(old)) == nil)
    // The session goes on under its new author.
    #expect(try session.log.append { _ in [LogBench.snapshot(1)] }.count == 1)
    #expect(session.log.state.author(ofCredential: new)?.newestEntry == size + 1)
    #expect(session.log.state.author(ofCredential: old)?.removed == size)
    #expect(
      Self.code {
        _ = try repository.unlock(LogBench.secret(LogBench.password), client: bench.client("a"))
      } == .wrongPassword)
    let again = try repository.unlock(LogBench.secret("new one"), client: bench.client("a"))
    #expect(again.credential == new && again.role == .owner)
    #expect(Self.code { try session.changePassword(to: Self.password("")) } == .usage)
    let byKey = try bench.unlock("b")
    #expect(Self.code { try byKey.changePassword(to: Self.password("x"), cost: .least) } == .usage)
  }

  @Test func theRecoveryKeyOpensWhateverBecameOfTheCredentials() throws {
    let bench = try LogBench()
    let text = try bench.unlock().exportRecoveryKey()
    let credentials = try bench.objects().keys.filter { $0.hasPrefix(ObjectName.credentialPrefix) }
    for name in credentials { try bench.storage.remove(name) }
    #expect(Self.code { _ = try bench.unlock() } == .missing)
    let repository = try Repository.open(storage: bench.storage)
    let recovered = try repository.unlock(.keyText(text.copy()), client: bench.client("r"))
    #expect(recovered.role == .owner && recovered.credential == nil)
    #expect(try recovered.log.append { _ in [LogBench.snapshot(1)] }.count == 1)
    let list = try recovered.listCredentials()
    #expect(list.allSatisfy { $0.problem?.code == .missing && !$0.isCurrent })
    let key = LogBench.KeyFile(try recovered.addKeyFile())
    for credential in list { try recovered.removeCredential(credential.id) }
    let owner = try bench.unlock("new", key: key)
    #expect(owner.role == .owner)
    #expect(try owner.listCredentials().count == 1)
    #expect(try owner.log.verifyAll().failures.isEmpty)
  }

  @Test func keysOfAnotherRepositoryAreRefused() throws {
    let bench = try LogBench()
    let other = try LogBench()
    let error = #expect(throws: VarveError.self) { try bench.unlock(key: other.key) }
    #expect(error?.code == .wrongPassword)
    #expect(error?.message.contains("another repository") == true)
    let recovery = try other.unlock().exportRecoveryKey()
    #expect(
      Self.code {
        _ = try Repository.open(storage: bench.storage)
          .unlock(.keyText(recovery.copy()), client: bench.client("x"))
      } == .wrongPassword)
  }

  @Test func everyChangedByteOfACredentialIsNoticed() throws {
    let bench = try LogBench()
    let name = ObjectName.credential(bench.key.credential)
    let bytes = try bench.storage.read(name)
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 1 << UInt8(index & 7)
      try bench.storage.put(name, changed)
      let error = #expect(throws: VarveError.self) { try bench.unlock() }
      #expect(error?.code == .damaged)
      #expect(error?.message.contains(name) == true)
    }
    try bench.storage.put(name, bytes)
    #expect(try bench.unlock().role == .owner)
    // A damaged credential is in nobody else's way.
    let password = try #require(
      bench.objects().keys.first {
        $0.hasPrefix(ObjectName.credentialPrefix) && $0 != name
      })
    try bench.storage.put(password, [1, 2, 3])
    let owner = try bench.unlock()
    #expect(try owner.listCredentials().first?.problem?.code == .damaged)
  }

  @Test func credentialsAreFoundByPrefix() throws {
    let owner = try LogBench().unlock()
    let ids = try owner.listCredentials().map(\.id)
    #expect(try owner.credential(matching: String(ids[0].hex.prefix(12))) == ids[0])
    #expect(try owner.credential(matching: ids[1].hex.uppercased()) == ids[1])
    #expect(Self.code { _ = try owner.credential(matching: "zz") } == .notFound)
    #expect(Self.code { _ = try owner.credential(matching: "") } == .notFound)
  }
}
