import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct SnapshotHeadingTests {
  private let bench: LogBench
  private let directory = TemporaryDirectory()

  init() throws { bench = try LogBench() }

  /// Opens the repository as a client with a cache, counting what is read of snapshots.
  private func open() throws -> (UnlockedRepository, FaultStorage) {
    let storage = FaultStorage(bench.storage) { _, _ in .pass }
    let client = ClientDirectories(cache: directory("cache"), state: directory("state"))
    return (
      try Repository.open(storage: storage).unlock(bench.key.secret, client: client), storage
    )
  }

  private static func recordReads(_ storage: FaultStorage) -> Int {
    storage.operations.count {
      if case .read(let name) = $0 { name.hasPrefix(ObjectName.snapshotPrefix) } else { false }
    }
  }

  private func add(_ numbers: Range<Int>) throws {
    let (repository, _) = try open()
    for number in numbers {
      let record = SnapshotRecord(
        time: Timestamp(seconds: Int64(number) - 5, nanoseconds: UInt32(number), offset: -3600),
        host: Array("host \(number)".utf8) + [0xff], user: [], uid: 0, gid: 0,
        paths: (0..<number % 3).map { Array("/path/\($0)".utf8) },
        tags: (0..<number % 4).map { "täg \($0)" },
        meta: Dictionary(
          uniqueKeysWithValues: (0..<number % 3).map { ("kéy \($0)", "value \(number)") }),
        tree: SnapshotRecord.Tree(id: .zero, root: .zero, entries: 0),
        isPartial: number % 5 == 0, program: "test",
        summary: [
          "total_files_processed": .integer(Int64(number)),
          "total_bytes_processed": .integer(1 << 53 - 1 - Int64(number)),
          "data_added": .integer(-1), "data_added_packed": .string("much"),
        ])
      let object = try repository.seal(record)
      let id = SHA256.digest(object)
      try bench.storage.put(ObjectName.snapshot(id), object)
      try repository.log.append { _ in
        [.snapshot(.init(snapshot: id, additions: .listed([])))]
      }
    }
  }

  private func headings(
    expecting reads: Int, _ what: String = ""
  ) throws -> [SnapshotHeading] {
    let (repository, storage) = try open()
    let ids = repository.log.state.snapshotsInOrder.map(\.id)
    let headings = try repository.snapshotHeadings(ids)
    #expect(Self.recordReads(storage) == reads, "\(what)")
    #expect(headings == (try ids.map { SnapshotHeading(try repository.snapshotRecord($0)) }))
    return headings
  }

  @Test func recordsAreOpenedOnce() throws {
    try add(0..<20)
    #expect(try headings(expecting: 20).count == 20)
    #expect(try headings(expecting: 0).count == 20)
    try add(20..<23)
    #expect(try headings(expecting: 3).count == 23)
    #expect(try headings(expecting: 0).count == 23)
  }

  @Test func aDamagedCacheIsMadeAgain() throws {
    try add(0..<6)
    _ = try headings(expecting: 6)
    let (repository, _) = try open()
    let path = try #require(repository.cacheDirectory) + "/snapshots"
    let good = try readFile(path)
    for index in good.indices {
      var bad = good
      bad[index] ^= 1 << UInt8(index & 7)
      try writeFile(path, bad)
      let (repository, storage) = try open()
      let ids = repository.log.state.snapshotsInOrder.map(\.id)
      let found = try repository.snapshotHeadings(ids)
      #expect(Self.recordReads(storage) > 0, "byte \(index)")
      #expect(found == (try ids.map { SnapshotHeading(try repository.snapshotRecord($0)) }))
      _ = try headings(expecting: 0, "after byte \(index)")
    }
    for count in 0..<good.count {
      try writeFile(path, Array(good[..<count]))
      #expect(try open().0.snapshotHeadings([]).isEmpty)
    }
  }

  @Test func headingsOfForgottenSnapshotsGo() throws {
    try add(0..<70)
    _ = try headings(expecting: 70)
    let (repository, _) = try open()
    let path = try #require(repository.cacheDirectory) + "/snapshots"
    let full = try readFile(path).count
    let gone = repository.log.state.snapshotsInOrder.map(\.id).dropLast()
    try repository.log.append { _ in
      LogStatement.Forgetting.bodies(forgetting: Array(gone), reason: "test")
    }
    try add(70..<71)
    _ = try headings(expecting: 1)
    #expect(try readFile(path).count < full / 10)
    _ = try headings(expecting: 0)
  }
}
