import Synchronization
import Testing
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct LogTileTests {
  private static func grow(_ log: Log, to size: UInt64, by step: Int = 100) throws {
    while log.head.size < size {
      let count = min(step, Int(size - log.head.size))
      try log.append { state in (0..<count).map { LogBench.note("\(state.size) \($0)") } }
    }
  }

  @Test func fullTilesAndBundlesAreWritten() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Self.grow(owner.log, to: 530)
    let objects = try bench.objects()
    #expect(
      objects.keys.filter { $0.hasPrefix(ObjectName.tilePrefix) }.sorted() == [
        "log/tile/0/000", "log/tile/0/001", "log/tile/entries/000", "log/tile/entries/001",
      ])
    let tree = owner.log.tree
    for index in 0..<2 {
      let tile = try #require(objects["log/tile/0/00\(index)"])
      #expect(tile == Tile.bytes(of: (0..<256).map { tree.leafHash(UInt64(index * 256 + $0))! }))
      let bundle = try EntryBundle.entries(
        of: try #require(objects["log/tile/entries/00\(index)"]), "bundle")
      #expect(bundle.map(MerkleHash.leaf(_:)).map(\.bytes).joined().elementsEqual(tile))
    }
    let verification = try owner.log.verifyAll()
    #expect(verification.failures.isEmpty)
    #expect(verification.tileCount == 4)
    #expect(verification.checkpointSize == 530)
  }

  @Test func damagedTilesAreReported() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Self.grow(owner.log, to: 300)
    let good = try bench.objects()
    for name in ["log/tile/0/000", "log/tile/entries/000", ObjectName.checkpoint] {
      var bytes = try #require(good[name])
      bytes[bytes.count / 2] ^= 4
      try bench.storage.put(name, bytes)
      let failures = try owner.log.verifyAll().failures
      #expect(failures.map(\.name) == [name])
      #expect(failures.first?.error.hint != nil)
      try bench.storage.put(name, good[name] ?? [])
    }
    try bench.storage.put("log/tile/0/001", [UInt8](repeating: 0, count: 8192))
    #expect(try owner.log.verifyAll().failures.map(\.name) == ["log/tile/0/001"])
    try bench.storage.remove("log/tile/0/001")
    try bench.storage.remove("log/tile/0/000")
    #expect(try owner.log.verifyAll().failures.isEmpty)
  }

  /// Whoever may add objects may replace the checkpoint: that stops nobody.
  @Test(arguments: ["", "garbage", "other key"])
  func aCheckpointThatIsNotSignedCountsForNothing(_ what: String) throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Self.grow(owner.log, to: 300)
    let good = try bench.objects()
    var bytes = Array(what.utf8)
    if what == "other key" {
      let other = try LogBench()
      _ = try other.unlock()
      bytes = try other.storage.read(ObjectName.checkpoint)
    }
    func spoil() throws { try bench.storage.put(ObjectName.checkpoint, bytes) }
    try spoil()
    for client in ["owner", "fresh"] {
      let log = try bench.audit(client)
      #expect(log.head == owner.log.head)
      #expect(log.derivedDataFailure?.code == .damaged)
      #expect(try log.verifyAll().failures.map(\.name) == [ObjectName.checkpoint])
    }
    // Who has the log key writes it anew, and says that it was wrong.
    let again = try bench.unlock()
    #expect(again.log.derivedDataFailure?.code == .damaged)
    #expect(try bench.objects() == good)
    try spoil()
    try owner.log.append { _ in [LogBench.note("x")] }
    #expect(try bench.unlock("another").log.verifyAll().failures.isEmpty)
  }

  /// A storage that cannot even hand it out.
  @Test func aCheckpointThatCannotBeReadAsAnObjectCountsForNothing() throws {
    let bench = try LogBench()
    _ = try bench.unlock()
    let storage = FaultStorage(bench.storage) { operation, _ in
      operation == .read(ObjectName.checkpoint) ? .fail(.damaged) : .pass
    }
    #expect(try bench.unlock("another", through: storage).log.state.size > 0)
  }

  @Test func aCheckpointOfAnotherTreeIsReported() throws {
    let bench = try LogBench()
    let before = try bench.objects()
    let owner = try bench.unlock()
    try owner.log.append { _ in [LogBench.note("a")] }
    let forked = try LogBench.storage(before)
    try bench.unlock("fork", through: forked).log.append { _ in [LogBench.note("b")] }
    // Signed by the log key, of the same size, of another tree.
    try bench.storage.put(ObjectName.checkpoint, try forked.read(ObjectName.checkpoint))
    #expect(throws: VarveError(.damaged, "")) { try bench.audit("fresh") }
    let failures = try owner.log.verifyAll().failures
    #expect(failures.map(\.name) == [ObjectName.checkpoint])
  }

  @Test func whatACrashLeftUndoneIsCompletedToTheSameBytes() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Self.grow(owner.log, to: 200)
    let before = try bench.objects()
    try Self.grow(owner.log, to: 280, by: 80)
    let whole = try bench.objects()
    // The commit is there; what is derived from it is not.
    var crashed = before
    crashed[ObjectName.commit(200)] = whole[ObjectName.commit(200)]
    #expect(crashed != whole)
    let storage = try LogBench.storage(crashed)
    #expect(try bench.audit("auditor", storage).head == owner.log.head)
    #expect(try LogBench.objects(storage) == crashed)
    _ = try bench.unlock("another", through: storage)
    #expect(try LogBench.objects(storage) == whole)
    // Nothing is left but commits: everything is made anew.
    let bare = try LogBench.storage(
      whole.filter { !$0.key.hasPrefix("log/tile") && $0.key != ObjectName.checkpoint })
    _ = try bench.unlock("third", through: bare)
    #expect(try LogBench.objects(bare) == whole)
  }

  @Test(arguments: [VarveError.Code.io, .forbidden, .unavailable])
  func aDerivedObjectThatCannotBeWrittenDoesNotFailAnAppend(_ code: VarveError.Code) throws {
    let bench = try LogBench()
    let storage = FaultStorage(bench.storage) { operation, _ in
      operation == .put(ObjectName.checkpoint) ? .fail(code) : .pass
    }
    let owner = try bench.unlock(through: storage)
    try owner.log.append { _ in [LogBench.note("x")] }
    #expect(owner.log.derivedDataFailure?.code == code)
    let again = try bench.unlock("another")
    #expect(again.log.derivedDataFailure == nil)
    #expect(try again.log.verifyAll().checkpointSize == again.log.head.size)
  }

  /// Of a commit that is damaged or gone nothing can be derived; whoever has read it before goes on.
  @Test(arguments: [false, true], [false, true])
  func aBundleOfARottenCommitIsLeftOut(isMissing: Bool, whileOpening: Bool) throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    try Self.grow(owner.log, to: whileOpening ? 259 : 255)
    if whileOpening {
      try bench.storage.remove(ObjectName.checkpoint)
      for name in try bench.objects().keys where name.hasPrefix(ObjectName.tilePrefix) {
        try bench.storage.remove(name)
      }
    }
    let name = ObjectName.commit(3)
    var bytes = try bench.storage.read(name)
    bytes[bytes.count / 2] ^= 1
    if isMissing { try bench.storage.remove(name) } else { try bench.storage.put(name, bytes) }
    let client = try whileOpening ? bench.unlock() : owner
    var failure = client.log.derivedDataFailure
    #expect((failure == nil) == !whileOpening)
    let warnings = Mutex<[VarveError]>([])
    client.log.warn { warning in warnings.withLock { $0.append(warning) } }
    try client.log.append { _ in [LogBench.note("x")] }
    #expect(warnings.withLock { $0.count } == (whileOpening ? 0 : 1))
    if !whileOpening { failure = client.log.derivedDataFailure }
    #expect(failure?.code == (isMissing ? .missing : .damaged))
    #expect(failure?.message.contains(name) == true)
    let objects = try bench.objects()
    #expect(objects["log/tile/0/000"] != nil)
    #expect(objects["log/tile/entries/000"] == nil)
    // The checkpoint is written, so that nobody meets the same again.
    let again = try bench.unlock()
    #expect(again.log.derivedDataFailure == nil)
    #expect(again.log.head.size == (whileOpening ? 260 : 256))
  }

  @Test func thePublishedLogStandsAlone() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let directory = TemporaryDirectory()
    let path = directory("published/log")
    for size: UInt64 in [3, 256, 300, 600] {
      try Self.grow(owner.log, to: size)
      let head = try owner.log.publish(to: path)
      #expect(head == owner.log.head)
      try verifyPublished(path, head, owner.config)
    }
    // An auditor has no key to sign with and publishes what is signed.
    let other = directory("published/audited")
    let head = try bench.audit("auditor").publish(to: other)
    #expect(head == owner.log.head)
    try verifyPublished(other, head, owner.config)
    try bench.storage.remove(ObjectName.checkpoint)
    #expect(throws: VarveError(.notFound, "")) { try bench.audit("auditor").publish(to: other) }
  }

  /// Reads a published log as a monitor would: the checkpoint, the tiles that its size asks for,
  /// nothing else.
  private func verifyPublished(
    _ path: String, _ head: TreeHead, _ config: RepositoryConfig
  ) throws {
    let key = try VerifierKey(text: config.logKey)
    let checkpoint = try Checkpoint(
      note: try readFile(path + "/checkpoint"), signedBy: key, origin: config.origin, "checkpoint")
    #expect(checkpoint.head == head)
    var tree = MerkleTree()
    for start in stride(from: UInt64(0), to: head.size, by: 256) {
      let width = Int(min(256, head.size - start))
      let bundle = Tile(.entries, index: start / 256, width: width)
      let entries = try EntryBundle.entries(of: try readFile("\(path)/\(bundle.path)"), "bundle")
      #expect(entries.count == width)
      for entry in entries { tree.append(entry: entry) }
      let hashes = Tile(.hashes(level: 0), index: start / 256, width: width)
      #expect(
        try readFile("\(path)/\(hashes.path)")
          == Tile.bytes(of: try #require(tree.hashes(of: hashes))))
    }
    #expect(tree.head == head)
    for tile in Tile.partial(atSize: head.size) where tile.kind != .entries {
      #expect(
        try readFile("\(path)/\(tile.path)") == Tile.bytes(of: try #require(tree.hashes(of: tile))))
    }
  }
}
