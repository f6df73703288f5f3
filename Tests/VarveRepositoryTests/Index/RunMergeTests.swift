import Testing
import VarveFormat
import VarveRepository
import VarveTestSupport

/// Merged tables say what the segments say.
@Suite struct RunMergeTests {
  @Test(arguments: [1, 2, 3, 4, 5, 6])
  func whateverIsMergedEqualsTheModel(seed: UInt64) throws {
    let bench = IndexBench(seed: seed)
    for _ in 0..<8 {
      for _ in 0..<Int.random(in: 1...6, using: &bench.random) {
        let chunks = [1, 20, 900].randomElement(using: &bench.random) ?? 1
        try bench.addSegment(packs: Int.random(in: 1...4, using: &bench.random), chunks: chunks)
      }
      // Packs and segments cease to be live, as after pruning, and others are live again.
      let gone = bench.packs.filter { _ in bench.random.next() % 8 == 0 }
      for name in gone.keys { bench.packs[name] = nil }
      #expect(bench.agrees(try bench.open()))
      let lost = bench.segments.filter { _ in bench.random.next() % 6 == 0 }
      for name in lost.keys { bench.segments[name] = nil }
      #expect(bench.agrees(try bench.open()))
      bench.packs.merge(gone) { $1 }
      bench.segments.merge(lost) { $1 }
      #expect(bench.agrees(try bench.open()))
      #expect(bench.agrees(try bench.open(withCache: false)))
    }
    #expect(!bench.runs.isEmpty)
  }

  @Test func longRunsHaveSeveralShards() throws {
    let bench = IndexBench(seed: 7)
    for _ in 0..<4 { try bench.addSegment(packs: 50, chunks: 1_800) }
    let index = try bench.open()
    #expect(index.tableCount == 1)
    #expect(index.list[0].shardCount >= 2)
    #expect(index.rowCount > 1 << 18)
    var rows: [Digest: Int] = [:]
    var previous = Digest.zero
    index.list[0].forEachRow { row in
      rows[row.address, default: 0] += 1
      if row.address < previous { Issue.record("rows do not ascend") }
      previous = row.address
    }
    #expect(rows == bench.model.mapValues(\.count))
    for address in bench.model.keys where index.locate(address) == nil {
      Issue.record("\(address) is lost")
    }
  }

  @Test func addressesThatBeginAlikeAreFound() throws {
    let bench = IndexBench(seed: 8)
    for number in 0..<UInt64(4) {
      var trailer = PackTrailer()
      for slot in 0..<UInt64(6_000) {
        let address = Digest(0x7000_0000_0000_0000 | slot / 700, slot % 4_000, number % 2, 1)
        trailer.append(PackTrailer.Slot(address: address, length: 1))
      }
      trailer.endBlock(storedLength: 9_000)
      let row = IndexPack(name: Digest(number + 1, 1, 1, 1), size: 10_000, type: .data)
      try bench.addSegment([IndexBench.Pack(row: row, trailer: trailer)])
    }
    let index = try bench.open()
    #expect(index.tableCount == 1)
    #expect(bench.agrees(index))
  }

  @Test func segmentsThatDisagreeAboutAPackBothCount() throws {
    let bench = IndexBench(seed: 9)
    let pack = bench.makePack(1_200)
    var other = bench.makePack(1_200)
    other.row = IndexPack(name: pack.row.name, size: other.row.size, type: other.row.type)
    try bench.addSegment([other])
    try bench.addSegment([pack])
    for _ in 0..<3 { try bench.addSegment(packs: 1, chunks: 1_000) }
    // Live is what has the size that the log says, so the other one's chunks are absent.
    let index = try bench.open()
    #expect(index.tableCount == 1)
    for slot in pack.trailer.slots { #expect(index.contains(slot.address)) }
    let elsewhere = Set(
      bench.known.filter { $0.row.size != other.row.size }.flatMap(\.trailer.slots).map(\.address))
    let onlyThere = other.trailer.slots.filter { !elsewhere.contains($0.address) }
    #expect(onlyThere.count > 100)
    #expect(onlyThere.allSatisfy { !index.contains($0.address) })
  }

  @Test func aThousandTinySegmentsTakeFewTables() throws {
    let bench = IndexBench(seed: 10)
    let live = ChunkIndex(runs: RunDirectory(path: bench.directory))
    var most = 0
    for number in 0..<1_000 {
      let name = try bench.addSegment(packs: 1, chunks: 10)
      let segment = try bench.cache.segment(name, size: try #require(bench.segments[name]))
      try live.add(segment) { pack, size in bench.packs[pack] == size }
      most = max(most, live.tableCount)
      if number % 250 == 249 { #expect(bench.files().count == live.tableCount) }
    }
    // 10^4 rows: three tables in each of the tiers 0 and 1, and the one that a merge is made of.
    #expect(most <= 7)
    for index in [live, try bench.open()] {
      #expect(index.tableCount <= 7)
      for (address, places) in bench.model {
        let found = try #require(index.locate(address))
        let place = IndexBench.Place(pack: found.pack, block: found.block, slot: found.slot)
        #expect(places.contains(place))
      }
    }
    // Somebody without a cache fetches all of them, and has few tables, too.
    let fresh = try bench.open(withCache: false)
    #expect(fresh.tableCount <= 7)
    #expect(bench.model.keys.allSatisfy { fresh.contains($0) })
  }

  @Test func whatIsDeadIsLeftOutOnceTheSegmentIs() throws {
    let bench = IndexBench(seed: 11)
    for _ in 0..<4 { try bench.addSegment(packs: 4, chunks: 500) }
    let all = try bench.open().rowCount
    let old = bench.segments
    let oldPacks = bench.packs
    bench.segments = [:]
    bench.packs = [:]
    try bench.addSegment(packs: 1, chunks: 100)
    let kept = try #require(old.first)
    bench.segments[kept.key] = kept.value
    for places in try #require(bench.contents[kept.key]).values {
      for place in places { bench.packs[place.pack] = oldPacks[place.pack] }
    }
    let index = try bench.open()
    #expect(bench.agrees(index))
    #expect(index.rowCount < all / 2)
    // And back again: what was left out comes from storage.
    bench.segments.merge(old) { $1 }
    bench.packs.merge(oldPacks) { $1 }
    #expect(bench.agrees(try bench.open()))
  }
}
