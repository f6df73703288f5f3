import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct FileProofsTests {
  private static func bench() throws -> BackupBench {
    let bench = try BackupBench()
    mkdir(bench.source + "/docs", 0o755)
    mkdir(bench.source + "/docs/deep", 0o755)
    try bench.write("docs/deep/small", noise(700, seed: 1))
    try bench.write("docs/deep/other", noise(800, seed: 2))
    try bench.write("docs/large", noise(700_000, seed: 3))
    try bench.write("empty", [])
    symlink("large", bench.source + "/docs/link")
    return bench
  }

  private static func prove(
    _ bench: BackupBench, _ snapshot: Digest, _ paths: [String],
    _ unlocked: UnlockedRepository? = nil,
    _ change: (inout FileProofOptions) -> Void = { _ in }
  ) throws -> FileProof {
    var options = FileProofOptions()
    change(&options)
    let repository = try IndexedRepository(unlocked ?? bench.unlocked)
    return try FileProofs(repository, options: options).make(
      of: paths.map { SnapshotPath(Array($0.utf8)) }, in: snapshot)
  }

  private static func key(_ bench: BackupBench) throws -> VerifierKey {
    try VerifierKey(text: bench.unlocked.config.logKey)
  }

  private static func fetch(
    _ proof: FileProof, _ bench: BackupBench, from storage: (any StorageBackend)? = nil
  ) throws -> [[UInt8]] {
    let proved = try proof.verify(by: key(bench))
    let reader = try ReleasedContentReader(
      storage: storage ?? bench.storage, repository: proved.entry.statement.repository)
    return try proved.files.map { file in
      var bytes: [UInt8] = []
      try reader.read(try #require(file.content), size: file.size, digest: file.digest) {
        bytes += $0
      }
      return bytes
    }
  }

  @Test func proofsOfABackupVerifyWithoutIt() throws {
    let bench = try Self.bench()
    let snapshot = try #require(try bench.backUp().snapshot)
    try bench.unlocked.expectTreeCommitments()
    let paths = ["/data/docs/deep/small", "data/docs/large", "/data/empty"]
    let hidden = try Self.prove(bench, snapshot, paths)
    let read = try FileProof(hidden.bytes, "proof")
    let proved = try read.verify(by: Self.key(bench))
    #expect(proved.files.map(\.path) == [nil, nil, nil])
    #expect(proved.files.map(\.metadata) == [nil, nil, nil])
    #expect(
      proved.files.map(\.digest)
        == [
          SHA256.digest(noise(700, seed: 1)), SHA256.digest(noise(700_000, seed: 3)),
          SHA256.digest([]),
        ])
    #expect(proved.addition.snapshot == snapshot)
    let text = String(decoding: hidden.bytes, as: UTF8.self)
    for name in ["docs", "deep", "small", "large", "data", "empty"] {
      #expect(!text.contains("\"\(name)"), "\(name)")
    }

    let open = try Self.prove(bench, snapshot, paths) {
      $0.disclosesPath = true
      $0.disclosesMetadata = true
    }
    let shown = try FileProof(open.bytes, "proof").verify(by: Self.key(bench)).files
    #expect(
      shown.map { $0.path.map { String(decoding: $0, as: UTF8.self) } }
        == ["/data/docs/deep/small", "/data/docs/large", "/data/empty"])
    for file in shown {
      let path = try #require(file.path).dropFirst("/data/".count)
      var status = stat()
      stat(bench.source + "/" + String(decoding: path, as: UTF8.self), &status)
      #expect(file.metadata?.attributes.mode == UInt16(status.st_mode & 0o7777))
      #expect(file.metadata?.attributes.modified.seconds == Int64(status.st_mtim.tv_sec))
    }
  }

  /// Two snapshots that differ in a file which is not disclosed: the proofs look the same but for hashes.
  @Test func aProofTellsNothingOfOtherFiles() throws {
    let bench = try Self.bench()
    func shape() throws -> (String, FileProof) {
      let snapshot = try #require(try bench.backUp().snapshot)
      let proof = try Self.prove(bench, snapshot, ["data/docs/deep/small"])
      let json = try JSONValue(canonical: proof.bytes, "proof")
      let text =
        try json.member("files").canonicalText + json.member("tree").canonicalText
      return (
        String(text.map { $0.isHexDigit ? "x" : $0 }), proof
      )
    }
    let (before, first) = try shape()
    try bench.write("docs/deep/other", noise(50_000, seed: 9))
    chmod(bench.source + "/docs/deep/other", 0o4777)
    bench.settle()
    let (after, second) = try shape()
    #expect(before == after)
    #expect(first.tree.root != second.tree.root)
    // Of the siblings nothing is in it but hashes, which the change has changed.
    #expect(first.files[0].place.path != second.files[0].place.path)
    #expect(first.files[0].digest == second.files[0].digest)
  }

  /// Of a directory that is stored in parts, which are hashed side by side.
  @Test func hugeDirectoriesHaveShortProofs() throws {
    let bench = try Self.bench()
    let count = 20_000
    for number in 0..<count {
      let file = open("\(bench.source)/docs/deep/f\(number)", O_WRONLY | O_CREAT, 0o644)
      try #require(file >= 0)
      close(file)
    }
    let snapshot = try #require(try bench.backUp().snapshot)
    let node = try bench.entry(snapshot, "data/docs/deep")
    guard case .directory(let content) = node.content else {
      throw VarveError(.notFound, "no directory")
    }
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    let parts = try reader.withChunk(content.id) { try TreeNodeReader($0).partCount }
    #expect(parts > 2)
    for name in ["f0", "f\(count - 1)", "f10500", "small"] {
      let proof = try Self.prove(bench, snapshot, ["data/docs/deep/" + name]) {
        $0.disclosesPath = true
      }
      let bytes = proof.bytes
      #expect(bytes.count < 10_000)
      let proved = try FileProof(bytes, "proof").verify(by: Self.key(bench))
      #expect(proved.files.first?.path == Array("/data/docs/deep/\(name)".utf8))
    }
    #expect(throws: VarveError(.notFound, "")) {
      try Self.prove(bench, snapshot, ["data/docs/deep/f\(count)"])
    }
  }

  @Test func readersMakeThemAndWritersDoNot() throws {
    let bench = try Self.bench()
    let snapshot = try #require(try bench.backUp().snapshot)
    for role in [Role.reader, .writer] {
      let added = try bench.unlocked.addKeyFile(role: role)
      let other = try Repository.open(storage: bench.storage).unlock(
        .keyText(added.text.copy()), client: bench.client)
      if role == .reader {
        let proof = try Self.prove(bench, snapshot, ["data/empty"], other)
        #expect(try proof.verify(by: Self.key(bench)).files.first?.size == 0)
      } else {
        #expect(throws: VarveError(.forbidden, "")) {
          try Self.prove(bench, snapshot, ["data/empty"], other)
        }
      }
    }
  }

  @Test func whatIsNoFileIsRefused() throws {
    let bench = try Self.bench()
    let snapshot = try #require(try bench.backUp().snapshot)
    for (path, code) in [
      ("data/docs/none", VarveError.Code.notFound), ("data/none/small", .notFound),
      ("data/docs/large/x", .notFound), ("data/docs", .usage), ("/", .usage),
      ("data/docs/link", .usage),
    ] {
      #expect(throws: VarveError(code, ""), "\(path)") { try Self.prove(bench, snapshot, [path]) }
    }
    #expect(throws: VarveError(.usage, "")) { try Self.prove(bench, snapshot, []) }
    #expect(throws: VarveError(.missing, "")) {
      try Self.prove(bench, Digest(1, 2, 3, 4), ["data/empty"])
    }
  }

  @Test func snapshotsOfOlderProgramsAreRefusedUntilTheirRecordsChange() throws {
    let bench = try Self.bench()
    let made = try #require(try bench.backUp().snapshot)
    var record = try bench.unlocked.snapshotRecord(made)
    record.treeSalt = nil
    let bytes = try bench.unlocked.seal(record)
    let old = SHA256.digest(bytes)
    try bench.storage.put(ObjectName.snapshot(old), bytes)
    try bench.unlocked.log.append { _ in
      [.snapshot(.init(snapshot: old, additions: .listed([])))]
    }
    #expect(throws: VarveError(.refused, "")) { try Self.prove(bench, old, ["data/empty"]) }
    let changed = try TagChange(.set(["proved"])).run(on: [old, made], in: bench.unlocked)
    try bench.unlocked.expectTreeCommitments()
    let new = try #require(changed.first?.new)
    #expect(
      try Self.prove(bench, new, ["data/empty"]).verify(by: Self.key(bench)).files.count == 1)
    // Whoever has no key sees that the tree is the one that it was.
    func tree(_ snapshot: Digest) throws -> Digest? {
      for index in 0..<bench.unlocked.log.head.size {
        let body = try bench.unlocked.log.entry(index).statement.body
        if case .snapshot(let addition) = body, addition.snapshot == snapshot {
          return addition.tree
        }
      }
      return nil
    }
    let trees = try (tree(made), tree(try #require(changed.last?.new)))
    #expect(trees.0 != nil && trees.0 == trees.1)
  }

  // MARK: Content

  @Test func releasedContentIsFetchedWithoutAKey() throws {
    let bench = try Self.bench()
    let hole = open(bench.source + "/sparse", O_WRONLY | O_CREAT, 0o600)
    ftruncate(hole, 3 << 20)
    pwrite(hole, noise(300_000, seed: 5), 300_000, 1 << 20)
    close(hole)
    let snapshot = try #require(try bench.backUp().snapshot)
    let paths = ["data/sparse", "data/empty", "data/docs/large", "data/docs/deep/small"]
    let proof = try Self.prove(bench, snapshot, paths) {
      $0.releasesContent = true
      $0.releasesSharedBlocks = true
    }
    let read = try FileProof(proof.bytes, "proof")
    #expect(read == proof)
    let contents = try Self.fetch(read, bench)
    #expect(contents[0].count == 3 << 20)
    #expect(contents[0] == (try bench.content(snapshot, "data/sparse")))
    #expect(contents[1].isEmpty)
    #expect(contents[2] == noise(700_000, seed: 3))
    #expect(contents[3] == noise(700, seed: 1))
  }

  @Test func contentThatSharesBlocksIsReleasedOnlyWhenAsked() throws {
    let bench = try Self.bench()
    let snapshot = try #require(try bench.backUp().snapshot)
    #expect(throws: VarveError(.refused, "")) {
      try Self.prove(bench, snapshot, ["data/docs/deep/small"]) { $0.releasesContent = true }
    }
    let alone = try BackupBench()
    try alone.write("large", noise(2 << 20, seed: 8))
    let other = try #require(try alone.backUp().snapshot)
    let proof = try Self.prove(alone, other, ["data/large"]) { $0.releasesContent = true }
    #expect(try Self.fetch(proof, alone) == [noise(2 << 20, seed: 8)])
  }

  @Test func contentThatIsNotWhatTheProofSaysIsRefused() throws {
    let bench = try BackupBench()
    try bench.write("large", noise(200_000, seed: 8))
    let snapshot = try #require(try bench.backUp().snapshot)
    let proof = try Self.prove(bench, snapshot, ["data/large"]) { $0.releasesContent = true }
    func refuses(
      _ what: String, _ code: VarveError.Code = .unproved,
      _ change: (inout ReleasedContent) -> Void
    ) throws {
      var wrong = proof
      var content = try #require(proof.files[0].content)
      change(&content)
      wrong.files[0].content = content
      #expect(throws: VarveError(code, ""), "\(what)") { try Self.fetch(wrong, bench) }
    }
    try refuses("another key") { $0.blocks[0].key[3] ^= 1 }
    try refuses("another ordinal") { $0.blocks[0].ordinal += 1 }
    try refuses("another place") { $0.blocks[0].offset += 1 }
    try refuses("another chunk") { $0.chunks[0].digest = Digest(1, 2, 3, 4) }
    try refuses("a chunk elsewhere in the block") { $0.chunks[0].offset += 1 }
    try refuses("a chunk beyond the block") { $0.chunks[0].offset = 60 << 20 }
    // Two that are in one block; where blocks end depends on the repository's key.
    let chunks = try #require(proof.files[0].content).chunks
    let place = try #require(
      chunks.indices.dropLast().first { chunks[$0].block == chunks[$0 + 1].block })
    try refuses("another order") { $0.chunks.swapAt(place, place + 1) }
    try refuses("a pack that is not there", .missing) { $0.blocks[0].pack = Digest(1, 2, 3, 4) }
    try refuses("a block beyond the pack", .damaged) { $0.blocks[0].offset = 1 << 30 }

    let content = try #require(proof.files[0].content)
    let name = ObjectName.pack(content.blocks[0].pack)
    var pack = try bench.storage.read(name)
    pack[Int(content.blocks[0].offset) + 20] ^= 1
    let storage = MemoryStorage()
    try storage.put(name, pack)
    #expect(throws: VarveError(.unproved, "")) { try Self.fetch(proof, bench, from: storage) }
  }

  // MARK: Log proofs

  @Test func entriesAreProvedWithAndWithoutTheKey() throws {
    let bench = try Self.bench()
    _ = try bench.backUp()
    let log = bench.unlocked.log
    let key = try Self.key(bench)
    let keyless = try Repository.open(storage: bench.storage).openLog(client: bench.client)
    for index in 0..<log.head.size {
      for log in [log, keyless] {
        let proof = try log.proof(ofEntry: index)
        let proved = try ProvedEntry(try log.entry(index).bytes, proof, key: key)
        #expect(proved.checkpoint.head == log.head)
        #expect(proved.statement == (try log.entry(index).statement))
        try proved.requireSigned(by: #require(proof.extra))
        #expect(try log.proof(ofEntry: index, namesAuthor: false).extra == nil)
      }
    }
    for index in [log.head.size, .max] {
      #expect(throws: VarveError(.notFound, "")) { try log.proof(ofEntry: index) }
      #expect(throws: VarveError(.notFound, "")) { try log.entry(index) }
    }
    // A reader appends, and cannot sign the new head: then the entry is not in the stored checkpoint.
    let reader = try Repository.open(storage: bench.storage).unlock(
      .keyText(try bench.unlocked.addKeyFile(role: .reader).text.copy()), client: bench.client)
    let receipt = LogStatement.Receipt(
      activity: .restore, result: .ok, started: Timestamp(seconds: 1), counts: [:],
      scope: "snapshot", snapshots: [])
    #expect(reader.leave(receipt) == nil)
    let newest = reader.log.head.size - 1
    #expect(throws: VarveError(.notFound, "")) { try reader.log.proof(ofEntry: newest) }
    #expect(try reader.log.proof(ofEntry: 0).index == 0)
    try log.refresh()
    let proof = try log.proof(ofEntry: newest)
    let proved = try ProvedEntry(try log.entry(newest).bytes, proof, key: key)
    #expect(proved.statement.body == .receipt(receipt))
    #expect(log.state.receipts.map(\.receipt) == [receipt])
  }

  @Test func aReceiptThatCannotBeLeftIsNoFailure() throws {
    let bench = try Self.bench()
    let failing = FaultStorage(bench.storage) { operation, _ in
      if case .createExclusively = operation { .failBeforeEffect } else { .pass }
    }
    let unlocked = try Repository.open(storage: failing).unlock(
      .password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
    let size = unlocked.log.head.size
    let receipt = LogStatement.Receipt(
      activity: .prune, result: .ok, started: Timestamp(seconds: 1), counts: [:], scope: "",
      snapshots: [])
    #expect(unlocked.leave(receipt) != nil)
    #expect(unlocked.log.head.size == size)
  }
}
