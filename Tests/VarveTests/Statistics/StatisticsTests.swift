import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

@Suite struct StatisticsTests {
  private let chunks = MemoryChunks()

  private func report(
    _ measure: Statistics.Measure, _ snapshots: SnapshotRecord...,
    locate: @escaping (Digest) -> ChunkLocation? = { _ in nil }
  ) throws -> Statistics.Report {
    let statistics = Statistics(measure, from: chunks, locate: locate)
    for snapshot in snapshots { try statistics.add(snapshot) }
    return statistics.report
  }

  @Test func restoreSize() throws {
    let snapshot = try chunks.snapshot(
      [
        ("d", .directory([("a", .hardLinked(.file([1, 2, 3]))), ("b", .file([4]))])),
        ("e", .directory([])), ("l", .link([0x61])),
        ("x", .hardLinked(.file([1, 2, 3]))), ("y", .hardLinked(.file([5, 6]))),
      ], links: [["d/a", "x"]])
    let once = try report(.restoreSize, snapshot)
    #expect(once.snapshots == 1)
    #expect(once.files == 7)
    #expect(once.size == 3 + 1 + 2)
    #expect(once.compressionRatio == nil)
    let twice = try report(.restoreSize, snapshot, snapshot)
    #expect(twice.snapshots == 2)
    #expect(twice.files == 14)
    #expect(twice.size == 12)
  }

  @Test func restoreSizeOfSharedSubtreesIsNotWalkedAgain() throws {
    let same = (0..<10).map { ("d\($0)", Node.directory([("f", .file([1, 2]))])) }
    let first = try chunks.snapshot(same)
    let second = try chunks.snapshot(same + [("new", .file([1]))])
    let statistics = Statistics(.restoreSize, from: chunks) { _ in nil }
    try statistics.add(first)
    #expect(statistics.report.size == 20)
    chunks.recordsReads = true
    try statistics.add(second)
    #expect(statistics.report.size == 41)
    #expect(statistics.report.files == 41)
    #expect(chunks.reads.count == 1)
  }

  @Test func filesByContents() throws {
    let first = try chunks.snapshot([
      ("a", .file([1, 2, 3])), ("b", .file([1, 2, 3])), ("c", .file([])),
      ("d", .directory([("e", .file([4, 5])), ("f", .file([]))])), ("l", .link([0x61])),
    ])
    let second = try chunks.snapshot([("a", .file([4, 5])), ("z", .file([9]))])
    let one = try report(.filesByContents, first)
    #expect(one.files == 3)
    #expect(one.size == 5)
    let both = try report(.filesByContents, first, second, first)
    #expect(both.files == 4)
    #expect(both.size == 6)
    #expect(both.snapshots == 3)
  }

  /// Nine chunks a block, each block 100 bytes as stored.
  @Test func rawData() throws {
    let snapshot = try chunks.snapshot(
      [
        ("a", .file([1, 2, 3])), ("b", .hardLinked(.file([1, 2, 3]))),
        ("c", .hardLinked(.file([1, 2, 3]))),
        ("d", .directory((0..<200).map { ("f\($0)", Node.file([7, UInt8($0)])) })),
      ], links: [["b", "c"]])
    let order = chunks.chunks.keys.sorted()
    let places = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1, $0) })
    func locate(_ id: Digest) -> ChunkLocation? {
      places[id].map { place in
        ChunkLocation(
          pack: SHA256.digest([UInt8(place / 90)]), packSize: 1, type: .data, offset: 128,
          storedLength: 100, block: UInt16(place % 90 / 9), slot: UInt16(place % 9 * 20))
      }
    }
    let report = try report(.rawData, snapshot, snapshot, locate: locate)
    #expect(report.chunks == UInt64(order.count))
    #expect(order.count == 1 + 200 + 2 + 1)
    #expect(report.size == UInt64((order.count + 8) / 9 * 100))
    let bytes = chunks.chunks.values.reduce(0) { $0 + $1.count }
    #expect(report.uncompressedSize == UInt64(bytes))
    #expect(report.compressionRatio == Double(bytes) / Double(report.size))
    #expect(throws: VarveError(.missing, "")) {
      try self.report(.rawData, snapshot) { _ in nil }
    }
  }

  @Test func rawDataOfPartsAndLists() throws {
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }
    let snapshot = try chunks.snapshot([
      ("big", .directory((0..<10_000).map { ("file-\($0)", Node.fifo) })),
      ("long", .file(bytes, chunkSize: 1_000)),
    ])
    var slots: [Digest: UInt16] = [:]
    for (slot, id) in chunks.chunks.keys.enumerated() { slots[id] = UInt16(slot) }
    let report = try report(.rawData, snapshot) { id in
      slots[id].map {
        ChunkLocation(
          pack: .zero, packSize: 1, type: .data, offset: 128, storedLength: 7, block: 3, slot: $0)
      }
    }
    #expect(report.chunks == UInt64(chunks.chunks.count))
    #expect(report.uncompressedSize == UInt64(chunks.chunks.values.reduce(0) { $0 + $1.count }))
    #expect(report.size == 7)
  }

  @Test func damageIsFound() throws {
    let snapshot = try chunks.snapshot([("d", .directory([("f", .file([1]))]))])
    chunks.replace(snapshot.tree.id, with: [9])
    for measure in Statistics.Measure.allCases {
      let statistics = Statistics(measure, from: chunks) { _ in
        ChunkLocation(
          pack: .zero, packSize: 1, type: .tree, offset: 128, storedLength: 7, block: 0, slot: 0)
      }
      #expect(throws: VarveError.self) { try statistics.add(snapshot) }
    }
  }
}
