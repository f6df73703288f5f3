import Glibc
import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage

/// The reading side on a real repository: index, packs, keys and log below it.
@Suite struct RepositoryReadingTests {
  private let directory: ScratchDirectory
  private let chunks = MemoryChunks()
  private let repository: MemoryRepository
  private let snapshot: Digest
  private static let content = (0..<900_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 9) }

  init() throws {
    directory = try ScratchDirectory()
    repository = try MemoryRepository(directory: directory)
    let small = (0..<300).map { ("small-\($0)", Node.text("content of file \($0)")) }
    let record = try chunks.snapshot(
      [
        ("large", .file(Self.content, chunkSize: 300_000)), ("small", .directory(small)),
        ("one", .hardLinked(.text("linked"))), ("two", .hardLinked(.text("linked"))),
      ], links: [["one", "two"]])
    snapshot = try repository.add(record, chunks)
  }

  @Test func snapshotsAreFoundAndListed() throws {
    let found = try SnapshotSearch(repository.unlocked).find(
      SnapshotSelector(parsing: Array("latest:small".utf8)))
    #expect(found.id == snapshot)
    let reader = try IndexedRepository(repository.unlocked).makeReader()
    let root = try TreeLookup.directory(
      at: found.path, below: found.record.rootDirectory, from: reader)
    var names = 0
    try Listing().forEach(below: root, at: found.path, from: reader) { path, entry in
      #expect(path == Array("/small/".utf8) + entry.name)
      names += 1
    }
    #expect(names == 300)
  }

  @Test func filesAndArchivesAreDumped() throws {
    let indexed = try IndexedRepository(repository.unlocked)
    let dump = Dump(try repository.unlocked.snapshotRecord(snapshot)) { try indexed.makeReader() }
    let path = try directory.file("out", [])
    let file = open(directory.cPath("out"), O_WRONLY)
    defer { close(file) }
    let output = DescriptorOutput(descriptor: file, name: "out")
    try dump.writeFile(at: SnapshotPath("large".utf8), to: output)
    #expect(try RunProgram.contents(path) == Self.content)

    #expect(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0)
    try dump.writeTar(at: .root, to: output)
    let run = try RunProgram(
      ["tar", "-tf", String(decoding: path, as: UTF8.self)], in: directory)
    #expect(run.status == 0)
    #expect(run.output.split(separator: UInt8(ascii: "\n")).count == 304)
  }

  @Test func whatIsStored() throws {
    let indexed = try IndexedRepository(repository.unlocked)
    let statistics = Statistics(.rawData, from: try indexed.makeReader()) {
      indexed.index.locate($0)
    }
    try statistics.add(try repository.unlocked.snapshotRecord(snapshot))
    let report = statistics.report
    #expect(report.chunks == UInt64(chunks.chunks.count))
    #expect(report.uncompressedSize == UInt64(chunks.chunks.values.reduce(0) { $0 + $1.count }))
    var packBytes: UInt64 = 0
    try repository.storage.list("packs/") { packBytes += $1 }
    #expect(report.size < packBytes)
    #expect(report.size > packBytes / 2)
  }

  @Test func packsAndWhatLiesInThem() throws {
    let index = try IndexedRepository(repository.unlocked).index
    var packs: [String] = []
    try repository.storage.list("packs/") { name, _ in
      packs.append(String(name.suffix(64)))
    }
    #expect(packs.count == 2)
    let each = try packs.map { try PackContents.addresses(inPacks: [$0], of: index) }
    #expect(each[0].isDisjoint(with: each[1]))
    #expect(each[0].union(each[1]) == Set(chunks.chunks.keys))
    let short = packs.map { String($0.prefix(20)) }
    #expect(try PackContents.addresses(inPacks: short, of: index) == Set(chunks.chunks.keys))
    #expect(throws: VarveError(.notFound, "")) {
      try PackContents.addresses(
        inPacks: [packs[0], String(repeating: "0", count: 30)], of: index)
    }
    let data = each[0].isSuperset(of: chunks.contents) ? each[0] : each[1]
    let finder = try ObjectFinder(exact: data)
    var uses: Set<String> = []
    try finder.search(
      snapshot, try repository.unlocked.snapshotRecord(snapshot).rootDirectory,
      from: IndexedRepository(repository.unlocked).makeReader()
    ) { uses.insert(String(decoding: $0.path, as: UTF8.self)) }
    #expect(uses.count == 303)
  }

  @Test func damageNamesThePack() throws {
    let indexed = try IndexedRepository(repository.unlocked)
    var data = ""
    try repository.storage.list("packs/") { name, size in if size > 100_000 { data = name } }
    var bytes = try repository.storage.read(data)
    bytes[bytes.count / 2] ^= 1
    try bytes.withUnsafeBytes { try repository.storage.put(data, $0) }
    let dump = Dump(try repository.unlocked.snapshotRecord(snapshot)) { try indexed.makeReader() }
    _ = try directory.file("out", [])
    let file = open(directory.cPath("out"), O_WRONLY)
    defer { close(file) }
    let error = #expect(throws: VarveError.self) {
      try dump.writeTar(at: .root, to: DescriptorOutput(descriptor: file, name: "out"))
    }
    #expect(error?.code == .damaged)
    #expect(error?.message.contains(data) == true)
  }
}
