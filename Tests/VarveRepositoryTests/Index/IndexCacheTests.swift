import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// The cache may be damaged, deleted and used by several at once.
@Suite struct IndexCacheTests {
  /// A cache that holds one run.
  private func bench(seed: UInt64) throws -> IndexBench {
    let bench = IndexBench(seed: seed)
    for _ in 0..<4 { try bench.addSegment(packs: 3, chunks: 400) }
    #expect(bench.agrees(try bench.open()))
    #expect(bench.files() == bench.runs)
    #expect(bench.runs.count == 1)
    return bench
  }

  @Test func aRunWhoseHeadIsDamagedIsMadeAgain() throws {
    let bench = try bench(seed: 1)
    let run = bench.runs[0]
    let good = try bench.read(run)
    // Header, covers and the row of the only shard, which lies before the first row.
    let packs = Int(good[16]) | Int(good[17]) << 8
    let blocks = Int(good[20]) | Int(good[21]) << 8
    let tables = 128 + 4 * 40
    let shard = tables + packs * 56 + blocks * 8
    for position in Array(0..<128) + Array(stride(from: 128, to: tables, by: 7))
      + Array(stride(from: shard, to: shard + 64, by: 3))
    {
      var bad = good
      bad[position] ^= 1 << UInt8(position % 8)
      try bench.write(run, bad)
      let index = try bench.open()
      #expect(index.rowCount == bench.model.values.reduce(0) { $0 + $1.count })
      #expect(try bench.read(run) == good)
    }
    for length in [0, 1, 127, 128, 400, good.count - 1] {
      try bench.write(run, Array(good[..<length]))
      #expect(bench.agrees(try bench.open()))
      #expect(try bench.read(run) == good)
    }
    try bench.write(run, good + [0])
    #expect(bench.agrees(try bench.open()))
  }

  @Test func damageBehindTheHeadIsHarmlessAndFound() throws {
    let bench = try bench(seed: 2)
    let run = bench.runs[0]
    let good = try bench.read(run)
    let addresses = Array(bench.model.keys)
    for position in stride(from: 300, to: good.count, by: max(1, good.count / 400)) {
      var bad = good
      bad[position] ^= UInt8.random(in: 1...255, using: &bench.random)
      try bench.write(run, bad)
      let index = try bench.open()
      for address in addresses.prefix(200) { _ = index.locate(address) }
      for table in index.list { table.forEachRow { _ in } }
      let damaged = RunDirectory(path: bench.directory).removeDamaged()
      #expect(damaged == (bench.runs.isEmpty ? 1 : 0))
      if damaged == 0 {
        // Head damage was repaired by opening.
        #expect(try bench.read(run) == good)
      }
    }
    #expect(bench.agrees(try bench.open()))
  }

  @Test func damageIsNotMerged() throws {
    for seed in 3..<12 as Range<UInt64> {
      let bench = try bench(seed: seed)
      for _ in 0..<3 {
        for _ in 0..<4 { try bench.addSegment(packs: 3, chunks: 400) }
        // Anywhere in the pack rows, the rows, the fan-out or the filter.
        for run in bench.runs where bench.random.next() % 2 == 0 {
          var bytes = try bench.read(run)
          let position = Int.random(in: bytes.count / 4..<bytes.count, using: &bench.random)
          bytes[position] ^= 64
          try bench.write(run, bytes)
        }
        _ = try bench.open()
      }
      // What was merged is right; what was not is found by a check.
      _ = RunDirectory(path: bench.directory).removeDamaged()
      #expect(bench.agrees(try bench.open()))
    }
  }

  @Test func damagedSegmentsAreFetchedAgainBeforeTheyAreMerged() throws {
    let bench = IndexBench(seed: 20)
    for _ in 0..<3 { try bench.addSegment(packs: 2, chunks: 300) }
    _ = try bench.open()
    let segments = bench.files()
    #expect(segments.count == 3)
    for (number, name) in segments.enumerated() {
      var bytes = try bench.read(name)
      // In the rows, in the filter or the fan-out, and cut short.
      switch number {
      case 0: bytes[bytes.count - 41] ^= 0xff
      case 1: bytes[bytes.count - 40 * 620] ^= 0xff
      default: bytes.removeLast(7)
      }
      try bench.write(name, bytes)
    }
    try bench.addSegment(packs: 2, chunks: 300)
    let index = try bench.open()
    #expect(bench.agrees(index))
  }

  @Test func anyFileMayVanish() throws {
    let bench = IndexBench(seed: 21)
    for _ in 0..<12 {
      try bench.addSegment(packs: 1, chunks: 700)
      let index = try bench.open()
      for name in bench.files() where bench.random.next() % 2 == 0 {
        unlink("\(bench.directory)/\(name)")
      }
      // What is mapped stays.
      #expect(bench.agrees(index))
    }
    #expect(bench.agrees(try bench.open()))
  }

  @Test func leftoversAreDeleted() throws {
    let bench = try bench(seed: 22)
    let run = bench.runs[0]
    let name = try #require(bench.segments.keys.first)
    _ = try bench.cache.segment(name, size: try #require(bench.segments[name]))
    let strangers = [".new-abcdef", Digest(1, 2, 3, 4).hex, Digest(5, 6, 7, 8).hex + ".run"]
    for stranger in strangers { try bench.write(stranger, [1, 2, 3]) }
    _ = try bench.open()
    // The covered segment and the broken run go at once; the rest may be another process's.
    #expect(bench.files() == ([run] + strangers.prefix(2)).sorted())
    for stranger in strangers.prefix(2) {
      var times = [timeval(tv_sec: 1_000_000, tv_usec: 0), timeval(tv_sec: 1_000_000, tv_usec: 0)]
      #expect(utimes("\(bench.directory)/\(stranger)", &times) == 0)
    }
    _ = try bench.open()
    #expect(bench.files() == [run])
  }

  @Test func manyMayMergeAtOnce() throws {
    let bench = IndexBench(seed: 23)
    for round in 0..<6 {
      for _ in 0..<5 { try bench.addSegment(packs: 2, chunks: 600) }
      let cache = bench.cache
      let all = bench.segments
      let packs = bench.packs
      let expected = bench.model
      let wrong = Atomic<Int>(0)
      let gate = Gate(count: 4)
      runThreads(4) { thread in
        // Two see the whole log, two an older one.
        let segments = thread % 2 == 0 ? all : all.filter { $0.key.prefix64 % 5 != 0 }
        gate.wait()
        for _ in 0..<3 {
          guard
            let index = try? IndexOpening(
              cache: cache, segments: segments, isLive: { packs[$0] == $1 }
            ).open()
          else {
            wrong.add(1, ordering: .relaxed)
            continue
          }
          if thread % 2 == 0 {
            for address in expected.keys where !index.contains(address) {
              wrong.add(1, ordering: .relaxed)
            }
          }
        }
      }
      #expect(wrong.load(ordering: .relaxed) == 0, "round \(round)")
    }
    #expect(bench.agrees(try bench.open()))
  }

  @Test func aReadOnlyCacheIsNoObstacle() throws {
    let bench = IndexBench(seed: 24)
    for _ in 0..<9 { try bench.addSegment(packs: 1, chunks: 900) }
    // A file where the directory should be.
    let file = try #require(fopen(bench.directory, "w"))
    fclose(file)
    #expect(bench.agrees(try bench.open()))
  }

  @Test func sessionsMergeWhatTheyAdd() throws {
    let bench = IndexBench(seed: 25)
    let index = try bench.open()
    let gate = Gate(count: 4)
    var names: [[Digest]] = [[], [], [], []]
    for number in 0..<40 { names[number % 4].append(try bench.addSegment(packs: 1, chunks: 300)) }
    let work = names
    let sizes = bench.segments
    let packs = bench.packs
    let cache = bench.cache
    let failed = Atomic<Int>(0)
    runThreads(4) { thread in
      gate.wait()
      for name in work[thread] {
        do {
          let segment = try cache.segment(name, size: sizes[name] ?? 0)
          try index.add(segment) { packs[$0] == $1 }
        } catch { failed.add(1, ordering: .relaxed) }
      }
    }
    index.settle()
    #expect(failed.load(ordering: .relaxed) == 0)
    #expect(index.tableCount <= 7)
    #expect(bench.agrees(index))
    #expect(bench.agrees(try bench.open()))
  }
}
