import Glibc
import Testing
import Varve
import VarveFormat
import VarveRepository

/// `BackupOptions.chunkSizes`.
@Suite struct ChunkSizeTests {
  private let short = 16 << 10

  private func lengths(_ bench: BackupBench, _ snapshot: Digest) throws -> [Int] {
    guard case .file(let file) = try bench.entry(snapshot, "/data/database").content else {
      throw VarveError(.notFound, "no file")
    }
    var lengths: [Int] = []
    try file.forEachChunk(from: try IndexedRepository(bench.unlocked).makeReader()) {
      lengths.append(Int($0.length))
    }
    return lengths
  }

  @Test func filesAreCutShorterAndReadBack() throws {
    let bench = try BackupBench(chunks: .standard)
    let sizes = try RepositoryConfig.ChunkSizes(mean: short)
    let content = noise(3_000_000)
    try bench.write("database", content)
    let report = try bench.backUp { $0.chunkSizes = sizes }
    let snapshot = try #require(report.snapshot)
    #expect(try bench.content(snapshot, "/data/database") == content)
    let lengths = try lengths(bench, snapshot)
    #expect(lengths.dropLast().allSatisfy { (sizes.min...sizes.max).contains($0) })
    #expect((content.count / short / 2...content.count / short * 2).contains(lengths.count))
    #expect(
      try bench.unlocked.snapshotRecord(snapshot).summary["chunk_size"] == .integer(Int64(short)))
    #expect(report.chunkSize == short)
  }

  @Test func theRepositorysOwnSizesAreNotSaid() throws {
    let bench = try BackupBench(chunks: .standard)
    try bench.write("database", noise(3_000_000))
    let snapshot = try #require(try bench.backUp().snapshot)
    #expect(try bench.unlocked.snapshotRecord(snapshot).summary["chunk_size"] == nil)
    #expect(try lengths(bench, snapshot).dropLast().allSatisfy { $0 >= 512 << 10 })
  }

  @Test func unchangedFilesStayAsTheyAre() throws {
    let bench = try BackupBench(chunks: .standard)
    let sizes = try RepositoryConfig.ChunkSizes(mean: short)
    try bench.write("database", noise(3_000_000))
    bench.settle()
    let first = try #require(try bench.backUp().snapshot)
    let second = try bench.backUp { $0.chunkSizes = sizes }
    #expect(second.counts.dataChunks == 0)
    #expect(second.counts.filesUnmodified == 1)
    let snapshot = try #require(second.snapshot)
    #expect(try lengths(bench, snapshot) == lengths(bench, first))
  }

  @Test func scatteredChangesCostLess() throws {
    let sizes = try RepositoryConfig.ChunkSizes(mean: short)
    var added: [UInt64] = []
    for chosen in [nil, sizes] {
      let bench = try BackupBench(chunks: .standard)
      var content = noise(6_000_000)
      try bench.write("database", content)
      _ = try bench.backUp { $0.chunkSizes = chosen }
      for place in stride(from: 500_000, to: content.count, by: 1_000_000) { content[place] ^= 1 }
      try bench.write("database", content)
      let report = try bench.backUp { $0.chunkSizes = chosen }
      #expect(try bench.content(try #require(report.snapshot), "/data/database") == content)
      added.append(report.counts.dataAdded)
    }
    #expect(added[1] < added[0] / 8, "\(added)")
  }

  @Test func databasesAndImagesAreCutShorterByThemselves() throws {
    let bench = try BackupBench(chunks: .standard)
    let header = Array("SQLite format 3\0".utf8)
    var content = header + noise(6_000_000)
    try bench.write("database", content)
    let first = try #require(try bench.backUp().snapshot)
    let sizes = try RepositoryConfig.ChunkSizes(mean: PagedFormat.chunkMean)
    let found = try lengths(bench, first)
    #expect(found.dropLast().allSatisfy { (sizes.min...sizes.max).contains($0) })
    for place in stride(from: 500_000, to: content.count, by: 1_000_000) { content[place] ^= 1 }
    try bench.write("database", content)
    let report = try bench.backUp()
    #expect(report.counts.dataAdded < 1_500_000, "\(report.counts.dataAdded)")
    #expect(try bench.content(try #require(report.snapshot), "/data/database") == content)
    // A size that the user chose is the size of everything.
    try bench.write("database", header + noise(3_000_001))
    let chosen = try RepositoryConfig.ChunkSizes(mean: 1 << 20)
    let last = try #require(try bench.backUp { $0.chunkSizes = chosen }.snapshot)
    #expect(try lengths(bench, last).dropLast().allSatisfy { $0 >= chosen.min })
  }

  @Test func linkTablesAreCutAsBefore() throws {
    let bench = try BackupBench(chunks: .standard)
    for number in 0..<300 {
      let name = "a file with quite a long name, number \(number)"
      try bench.write(name, [1])
      link("\(bench.source)/\(name)", "\(bench.source)/\(name), linked")
    }
    let sizes = try RepositoryConfig.ChunkSizes(mean: 8 << 10)
    let snapshot = try #require(try bench.backUp { $0.chunkSizes = sizes }.snapshot)
    let record = try bench.unlocked.snapshotRecord(snapshot)
    #expect(record.links.count == 1)
    let reader = try IndexedRepository(bench.unlocked).makeReader()
    #expect(try reader.chunk(record.links[0]).count > sizes.max / 4)
  }
}
