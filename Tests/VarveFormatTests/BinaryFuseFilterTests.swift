import Testing
import VarveFormat
import VarveTestSupport

@Suite struct BinaryFuseFilterTests {
  private func contains(_ filter: BinaryFuseFilter, _ key: UInt64) -> Bool {
    filter.fingerprints.withUnsafeBytes {
      BinaryFuseFilter.mayContain(key, filter.geometry, $0.baseAddress!)
    }
  }

  @Test func filtersOfTheAuthorsLibraryAreReadAlike() throws {
    for record in try VectorFile.records("binary-fuse.txt") {
      let seed = try #require(UInt64(try record.text("seed"), radix: 16))
      let geometry = BinaryFuseFilter.Geometry(
        seed: seed, segmentLength: UInt32(try record.integer("length")),
        segmentCount: UInt32(try record.integer("segments")))
      let bytes = try record.bytes("filter")
      #expect(geometry.isValid)
      #expect(geometry.byteCount == bytes.count)
      var keys = SeededGenerator(seed: 42)
      for _ in 0..<(try record.integer("count")) {
        let key = keys.next()
        #expect(
          bytes.withUnsafeBytes { BinaryFuseFilter.mayContain(key, geometry, $0.baseAddress!) },
          "\(record)")
      }
    }
  }

  @Test(arguments: [1, 2, 3, 4, 5, 7, 10, 33, 100, 1_000, 4_097, 100_000])
  func everyKeyIsPresentAndFewOthersAre(count: Int) throws {
    var generator = SeededGenerator(seed: UInt64(count))
    let keys = (0..<count).map { _ in generator.next() }.sorted()
    let filter = try #require(BinaryFuseFilter(ascending: keys))
    #expect(filter.geometry.isValid)
    #expect(filter.geometry.byteCount == filter.fingerprints.count)
    #expect(keys.allSatisfy { contains(filter, $0) })
    let others = 200_000
    let wrong = (0..<others).count { _ in contains(filter, generator.next()) }
    #expect(wrong < others / 100, "\(wrong) of \(others)")
    if count >= 100_000 { #expect(filter.fingerprints.count < count * 5 / 4) }
  }

  @Test func equalKeysCountOnceAndGiveTheSameFilter() throws {
    var generator = SeededGenerator(seed: 5)
    let keys = (0..<500).map { _ in generator.next() }.sorted()
    let repeated = keys.flatMap { [$0, $0, $0] }
    let filter = try #require(BinaryFuseFilter(ascending: keys))
    let again = try #require(BinaryFuseFilter(ascending: repeated))
    #expect(filter.geometry == again.geometry)
    #expect(filter.fingerprints == again.fingerprints)
    #expect(BinaryFuseFilter(ascending: [UInt64]()) == nil)
  }

  @Test func clusteredKeysFitToo() throws {
    for keys in [Array(0..<UInt64(3_000)), (0..<3_000).map { UInt64($0) << 52 }] {
      let filter = try #require(BinaryFuseFilter(ascending: keys))
      #expect(keys.allSatisfy { contains(filter, $0) })
    }
  }

  @Test func impossibleGeometriesAreNotValid() {
    for (length, count) in [(0, 1), (3, 1), (4, 0), (1 << 19, 1), (1 << 18, UInt32.max)]
      as [(UInt32, UInt32)]
    {
      let geometry = BinaryFuseFilter.Geometry(seed: 0, segmentLength: length, segmentCount: count)
      #expect(!geometry.isValid, "\(length) \(count)")
    }
  }
}
