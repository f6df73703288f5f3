import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct TagChangeTests {
  @Test func whatTagsBecome() {
    let edit = TagChange(.edit(add: ["c", "a"], remove: ["b"]))
    #expect(edit.apply(to: ["b", "a", "b"]) == ["a", "c"])
    #expect(edit.apply(to: []) == ["c", "a"])
    #expect(TagChange(.set(["x", "x", "y"])).apply(to: ["a"]) == ["x", "y"])
    #expect(TagChange(.set([])).apply(to: ["a"]) == [])
  }

  @Test func aNewRecordTakesThePlaceOfTheOldInOneCommit() throws {
    let bench = try BackupBench()
    try bench.write("file", [1, 2, 3])
    let first = try #require(try bench.backUp { $0.tags = ["one"] }.snapshot)
    let commits = bench.unlocked.log.head.size
    let changed = try TagChange(.edit(add: ["two"], remove: [])).run(
      on: [first], in: bench.unlocked)
    #expect(changed.map(\.old) == [first])
    let second = try #require(changed.first?.new)
    #expect(bench.unlocked.log.head.size == commits + 2)
    #expect(bench.unlocked.liveSnapshots == [second])
    var old = try bench.unlocked.snapshotRecord(first)
    let new = try bench.unlocked.snapshotRecord(second)
    #expect(new.tags == ["one", "two"])
    #expect(new.original == first)
    old.tags = new.tags
    old.original = new.original
    #expect(new == old, "nothing else differs")
    #expect(try bench.content(second, "/data/file") == [1, 2, 3])

    let third = try #require(
      try TagChange(.set(["three"])).run(on: [second], in: bench.unlocked).first?.new)
    #expect(try bench.unlocked.snapshotRecord(third).original == first, "the very first one")
  }

  @Test func twiceNamedIsChangedOnce() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let snapshot = try #require(try bench.backUp().snapshot)
    let changed = try TagChange(.set(["one"])).run(on: [snapshot, snapshot], in: bench.unlocked)
    #expect(changed.map(\.old) == [snapshot])
    #expect(bench.unlocked.liveSnapshots == changed.map(\.new))
  }

  @Test func whatHasTheTagsAlreadyIsLeft() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let snapshot = try #require(try bench.backUp { $0.tags = ["one"] }.snapshot)
    let size = bench.unlocked.log.head.size
    #expect(
      try TagChange(.edit(add: ["one"], remove: ["two"])).run(on: [snapshot], in: bench.unlocked)
        == [])
    #expect(bench.unlocked.log.head.size == size)
  }

  /// A prune condemns the new record, which no entry names yet: in a list, or in an inventory of many.
  @Test(arguments: [0, 40]) func aRecordThatIsCondemnedMeanwhileIsStoredAgain(others: Int) throws {
    let bench = try BackupBench()
    try bench.write("file", [1, 2, 3])
    let snapshot = try #require(try bench.backUp().snapshot)
    let (pruner, storage) = (bench.unlocked, bench.storage)
    let stored = Mutex<[ObjectReference]>([])
    let racing = FaultStorage(bench.storage) { operation, _ in
      switch operation {
      case .put(let name) where name.hasPrefix(ObjectName.snapshotPrefix):
        stored.withLock { $0.append(ObjectReference(name: name, size: 100)) }
      case .createExclusively:
        let records = stored.withLock { $0 }
        guard records.count == 1 else { break }
        stored.withLock { $0.append(records[0]) }
        let more = (0..<others).map {
          ObjectReference(name: ObjectName.snapshot(SHA256.digest([UInt8($0)])), size: 1)
        }
        let list = try? ObjectList(storing: records + more, in: storage)
        if let list { _ = try? pruner.log.append { _ in [.condemn(.init(objects: list))] } }
      default: break
      }
      return .pass
    }
    let client = try Repository.open(storage: racing).unlock(
      .password(SecretBytes(copying: Array("password".utf8))),
      client: ClientDirectories(cache: nil, state: bench.scratch.path + "/other"))
    let changed = try TagChange(.set(["one"])).run(on: [snapshot], in: client)
    let new = try #require(changed.first?.new)
    let names = stored.withLock { $0.map(\.name) }
    #expect(names.count == 3 && names[0] != names[2])
    #expect(names[2] == ObjectName.snapshot(new))
    #expect(client.liveSnapshots == [new])
  }

  @Test func aForgottenSnapshotIsNotBroughtBack() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let snapshot = try #require(try bench.backUp().snapshot)
    try bench.unlocked.log.append { _ in
      [.forget(LogStatement.Forgetting(snapshots: [snapshot], reason: "test"))]
    }
    #expect(throws: VarveError(.notFound, "")) {
      try TagChange(.set(["x"])).run(on: [snapshot], in: bench.unlocked)
    }
    #expect(bench.unlocked.liveSnapshots.isEmpty)
  }

  @Test func aWriterMayNot() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let snapshot = try #require(try bench.backUp().snapshot)
    let key = try bench.unlocked.addKeyFile(role: .writer)
    let writer = try Repository.open(storage: bench.storage).unlock(
      .keyText(key.text.copy()), client: bench.client)
    #expect(throws: VarveError(.forbidden, "")) {
      try TagChange(.set(["x"])).run(on: [snapshot], in: writer)
    }
  }

  @Test func aHeldSnapshotKeepsItsTags() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let snapshot = try #require(try bench.backUp { $0.tags = ["one"] }.snapshot)
    try bench.unlocked.log.append { _ in
      [.hold(.init(snapshots: [snapshot], term: .released, reason: "audit"))]
    }
    let error = #expect(throws: VarveError(.forbidden, "")) {
      try TagChange(.set(["x"])).run(on: [snapshot], in: bench.unlocked)
    }
    #expect(error?.message.contains("holds") == true)
    #expect(bench.unlocked.liveSnapshots == [snapshot])
    try bench.unlocked.log.append { _ in [.release(.init(snapshots: [snapshot], reason: ""))] }
    #expect(try TagChange(.set(["x"])).run(on: [snapshot], in: bench.unlocked).count == 1)
  }

  @Test func entriesNameSourceAndTags() throws {
    let bench = try BackupBench()
    try bench.write("file", [1])
    let first = try #require(try bench.backUp { $0.tags = ["one", "two"] }.snapshot)
    let changed = try TagChange(.set(["three"])).run(on: [first], in: bench.unlocked)
    let second = try #require(changed.first?.new)
    let state = bench.unlocked.log.state
    let ids = try bench.unlocked.keys.opaqueIDs()
    let record = try bench.unlocked.snapshotRecord(first)
    let source = ids.source(host: record.host, paths: record.paths)
    let (old, new) = (try #require(state.forgotten[first]), try #require(state.snapshots[second]))
    #expect(old.snapshot.source == source && new.source == source)
    #expect(old.snapshot.tags == [ids.tag("one"), ids.tag("two")].sorted())
    #expect(new.tags == [ids.tag("three")])
    #expect(throws: VarveError(.usage, "")) {
      try TagChange(.set((0...256).map { "\($0)" })).run(on: [second], in: bench.unlocked)
    }
  }
}
