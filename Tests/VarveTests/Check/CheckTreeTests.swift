import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Snapshots that are sealed and signed properly and are wrong all the same.
@Suite struct CheckTreeTests {
  private func check(
    _ repository: MemoryRepository, _ scratch: ScratchDirectory, proofRoots: Bool = false
  ) throws -> CheckReport {
    var options = CheckOptions(readData: .all)
    options.verifyProofRoots = proofRoots
    options.record = false
    let client = ClientDirectories(
      cache: nil, state: String(decoding: scratch.path, as: UTF8.self) + "/state")
    return try Check.run(storage: repository.storage, client: client, options: options) {
      try $0.unlock(.password(SecretBytes(copying: Array("secret".utf8))), client: client)
    }
  }

  @Test func treesWithListsLinksAndPartsAreChecked() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    let many = (0..<6_000).map { number in
      (name: "entry with a name that makes it long \(number)", node: Node.text("\(number % 7)"))
    }
    let record = try chunks.snapshot(
      [
        (
          "long",
          .file(
            [UInt8](repeating: 7, count: 5_000).enumerated().map { UInt8($0.offset % 251) },
            chunkSize: 100)
        ),
        ("many", .directory(many)),
        ("a", .hardLinked(.text("x"))), ("b", .hardLinked(.text("x"))),
        ("fifo", .fifo), ("link", .link(Array("a".utf8))),
      ], links: [["a", "b"]])
    _ = try repository.add(record, chunks)
    let report = try check(repository, scratch)
    #expect(report.isOK, "\(report.damages)")
    #expect(report.treeNodes > 4)
    // The helper that makes these trees computes no proof roots.
    let roots = try check(repository, scratch, proofRoots: true)
    #expect(roots.damages.allSatisfy { $0.message.contains("proof root") })
    #expect(roots.damages.count == 2)
  }

  @Test func chunksThatWereNeverStoredAreMissed() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    let lost = [UInt8](repeating: 9, count: 500)
    let record = try chunks.snapshot([
      ("d", .directory([("lost", .file(lost)), ("kept", .text("kept"))]))
    ])
    chunks.remove(SHA256.digest(lost))
    let id = try repository.add(record, chunks)
    let report = try check(repository, scratch)
    #expect(report.damages.map(\.object) == [ObjectName.snapshot(id)])
    #expect(report.damages.map(\.kind) == [.missing])
    #expect(report.affected.map(\.id) == [id])
    #expect(text(report.affected.first?.paths ?? []) == ["d/lost"])
  }

  @Test func nodesThatAreNotCanonicalAreDamage() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    // Two names in the wrong order, in a node that is sealed and addressed as it should be.
    let names = ["b", "a"].map { Array($0.utf8) }
    var node = ByteWriter()
    node.u8(1)
    node.u8(0)
    node.uvarint(2)
    for name in names { node.lengthPrefixed(try chunks.entry(name, .text("x")).encode()) }
    let id = node.bytes.withUnsafeBytes { chunks.store($0) }
    var record = try chunks.snapshot([])
    record.tree.id = id
    record.tree.entries = 2
    let snapshot = try repository.add(record, chunks)
    let report = try check(repository, scratch)
    #expect(report.damages.count == 1)
    #expect(report.damages.first?.object.hasPrefix(ObjectName.packPrefix) == true)
    #expect(report.affected.map(\.id) == [snapshot])
    #expect(text(report.affected.first?.paths ?? []) == ["/"])
  }

  @Test func aCountThatTheDirectoryDoesNotHaveIsDamage() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    var record = try chunks.snapshot([("a", .text("a"))])
    record.tree.entries = 2
    _ = try repository.add(record, chunks)
    #expect(try check(repository, scratch).isDamaged)
  }

  @Test func aLinkTableThatIsNoneIsDamage() throws {
    let scratch = try ScratchDirectory()
    let repository = try MemoryRepository(directory: scratch)
    let chunks = MemoryChunks()
    var record = try chunks.snapshot([("a", .text("a"))])
    record.links = [[1, 2, 3].withUnsafeBytes { chunks.store($0) }]
    let id = try repository.add(record, chunks)
    let report = try check(repository, scratch)
    #expect(report.isDamaged)
    #expect(report.affected.map(\.id) == [id])
    #expect(report.affected.first?.hasLostLinks == true)
  }
}
