import Synchronization
import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Storing chunks through packs and index segments and reading them back.
@Suite struct ChunkStoreTests {
  /// The parts of a repository that packs and index need.
  struct Bench {
    let storage = MemoryStorage()
    let repository = SHA256.digest(Array("repository".utf8))
    let privateKey = SecureRandom.bytes(32)
    let indexKey = SecureRandom.bytes(32)
    let index = ChunkIndex()

    var segments: SegmentCipher {
      SegmentCipher(indexKey: SecretBytes(copying: indexKey), repository: repository)
    }

    func store(
      packSize: Int = 1 << 20, level: CompressionLevel = .auto, index: ChunkIndex? = nil
    ) throws -> ChunkStore {
      ChunkStore(
        index: index ?? self.index, storage: storage,
        recipient: PackRecipient(
          repository: repository,
          publicKey: try X25519.publicKey(of: SecretBytes(copying: privateKey))),
        segments: segments,
        cache: SegmentCache(cipher: segments, storage: storage, directory: nil),
        packSize: packSize, level: level, verifies: true)
    }

    func reader(_ index: ChunkIndex? = nil) -> ChunkReader {
      ChunkReader(
        index: index ?? self.index, storage: storage,
        keyring: PackKeyring(
          storage: storage, repository: repository,
          privateKey: SecretBytes(copying: privateKey)))
    }

    /// An index read back from storage alone.
    func freshIndex(_ objects: [ObjectReference]) throws -> ChunkIndex {
      let index = ChunkIndex()
      let cache = SegmentCache(cipher: segments, storage: storage, directory: nil)
      for object in objects where object.name.hasPrefix(ObjectName.indexPrefix) {
        let name = try #require(ObjectName.digest(of: object.name))
        try index.add(try cache.segment(name, size: object.size)) { pack, size in
          objects.contains(ObjectReference(name: ObjectName.pack(pack), size: size))
        }
      }
      return index
    }
  }

  /// Chunks of all sizes around the limits that the assembler knows; some compress, some do not.
  static func chunk(_ number: Int, _ random: inout SplitMix) -> [UInt8] {
    let sizes = [1, 2, 63, 64, 65, 4096, 70_000, 262_143, 262_144, 262_145, 400_000]
    let size = sizes[number % sizes.count]
    var bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
    let noisy = number % 3 == 0 ? size : size / 8
    for index in 0..<noisy { bytes[index] = UInt8(truncatingIfNeeded: random.next()) }
    withUnsafeBytes(of: UInt64(number)) { tag in
      for (index, byte) in tag.enumerated() where index < size { bytes[index] ^= byte }
    }
    return bytes
  }

  @discardableResult
  static func add(_ bytes: [UInt8], tree: Bool, to writer: ChunkWriter) throws -> Digest {
    if tree { return try bytes.withUnsafeBytes { try writer.addTree($0).id } }
    let padded = [UInt8](repeating: 0, count: BlockAssembler.headroom) + bytes
    return try padded.withUnsafeBytes { raw in
      try writer.addData(
        chunkWithHeadroom: UnsafeRawBufferPointer(rebasing: raw[BlockAssembler.headroom...])
      ).id
    }
  }

  @Test(arguments: CompressionLevel.allCases)
  func whatIsStoredIsReadBack(level: CompressionLevel) throws {
    let bench = Bench()
    let store = try bench.store(level: level)
    let writer = try store.makeWriter()
    var random = SplitMix(state: 1)
    var expected: [Digest: [UInt8]] = [:]
    for number in 0..<60 {
      let bytes = Self.chunk(number, &random)
      let id = try Self.add(bytes, tree: number % 7 == 0, to: writer)
      #expect(id == SHA256.digest(bytes))
      expected[id] = bytes
    }
    try writer.flush()
    let objects = try store.finish(by: writer)
    #expect(objects == objects.sorted())
    for object in objects { #expect(try bench.storage.size(object.name) == object.size) }
    for index in [bench.index, try bench.freshIndex(objects)] {
      let reader = bench.reader(index)
      for (id, bytes) in expected { #expect(try reader.chunk(id) == bytes) }
    }
  }

  @Test func aChunkIsStoredOnceByRacingThreads() throws {
    let bench = Bench()
    let store = try bench.store(packSize: 1 << 18)
    let ids = Mutex<Set<Digest>>([])
    let finisher = try store.makeWriter()
    try WorkerThreads.run(count: 4) { worker in
      let writer = try store.makeWriter()
      var random = SplitMix(state: 7)
      for number in 0..<80 {
        let id = try Self.add(Self.chunk(number, &random), tree: false, to: writer)
        _ = ids.withLock { $0.insert(id) }
      }
      try writer.flush()
    }
    let objects = try store.finish(by: finisher)
    let known = ids.withLock { $0 }
    #expect(store.counters.dataChunks.load(ordering: .relaxed) == UInt64(known.count))
    #expect(bench.index.rowCount == known.count)
    let reader = bench.reader(try bench.freshIndex(objects))
    for id in known { #expect(SHA256.digest(try reader.chunk(id)) == id) }
  }

  /// A session may commit in its middle: what was returned once is not returned again unless it is given back, and
  /// nothing is stored twice.
  @Test func aStoreGoesOnAfterItHasFinished() throws {
    let bench = Bench()
    let store = try bench.store(packSize: 200_000)
    let writers = [try store.makeWriter(), try store.makeWriter()]
    var random = SplitMix(state: 8)
    var expected: [Digest: [UInt8]] = [:]
    var objects: [ObjectReference] = []
    for round in 0..<6 {
      for number in 0..<40 {
        let bytes = Self.chunk(number + round, &random)
        let id = try Self.add(bytes, tree: number % 7 == 0, to: writers[number % 2])
        expected[id] = bytes
      }
      // What one of them has stored the other one need not, before and after.
      for bytes in expected.values.prefix(20) {
        _ = try Self.add(bytes, tree: false, to: writers[1])
      }
      for writer in writers { try writer.flush() }
      var new = try store.finish(by: writers[round % 2])
      #expect(!new.isEmpty)
      if round == 3 {
        store.giveBack(new)
        let again = try store.finish(by: writers[0])
        #expect(again == new)
        new = again
      }
      #expect(Set(new.map(\.name)).isDisjoint(with: objects.map(\.name)))
      objects += new
      // Everything so far is found by what has been returned so far.
      let reader = bench.reader(try bench.freshIndex(objects))
      for (id, bytes) in expected { #expect(try reader.chunk(id) == bytes) }
    }
    #expect(try store.finish(by: writers[0]).isEmpty)
    #expect(try bench.freshIndex(objects).rowCount == expected.count)
  }

  @Test func aSecondSessionStoresNothingAgain() throws {
    let bench = Bench()
    for round in 0..<2 {
      let store = try bench.store()
      let writer = try store.makeWriter()
      var random = SplitMix(state: 3)
      for number in 0..<20 {
        try Self.add(Self.chunk(number, &random), tree: false, to: writer)
      }
      try writer.flush()
      let objects = try store.finish(by: writer)
      #expect(objects.isEmpty == (round == 1))
    }
  }

  @Test func rowsOfPacksThatAreNotLiveDoNotCount() throws {
    let bench = Bench()
    let store = try bench.store()
    let writer = try store.makeWriter()
    let id = try Self.add([1, 2, 3], tree: false, to: writer)
    try writer.flush()
    let objects = try store.finish(by: writer).filter { !$0.name.hasPrefix("packs/") }
    let index = try bench.freshIndex(objects)
    #expect(!index.contains(id))
    #expect(throws: VarveError(.missing, "")) { try bench.reader(index).chunk(id) }
  }

  @Test func everyChangedByteOfAPackIsNoticed() throws {
    let bench = Bench()
    let store = try bench.store(packSize: 1 << 20)
    let writer = try store.makeWriter()
    var random = SplitMix(state: 5)
    var ids: [Digest] = []
    for number in 0..<6 {
      ids.append(try Self.add(Self.chunk(number, &random), tree: false, to: writer))
    }
    try writer.flush()
    let objects = try store.finish(by: writer)
    let pack = try #require(objects.first { $0.name.hasPrefix("packs/") })
    let good = try bench.storage.read(pack.name)
    // The blocks end where trailer and footer begin; a reader of chunks never looks at those.
    let footer = try good.withUnsafeBytes { try PackFooter(decoding: $0) }
    let end = good.count - PackFooter.byteCount - Int(footer.trailerLength)
    for position in stride(from: 0, to: end, by: max(1, end / 97)) {
      var bad = good
      bad[position] ^= 1 << UInt8(position % 8)
      try bench.storage.put(pack.name, bad)
      let reader = bench.reader()
      var failures = 0
      for id in ids {
        do {
          #expect(SHA256.digest(try reader.chunk(id)) == id)
        } catch let error as VarveError {
          failures += 1
          #expect(error.code == .damaged || error.code == .unsupportedFormat)
        }
      }
      #expect(failures > 0, "a change at \(position) went unnoticed")
    }
    for length in [0, 1, 127, 128, end - 1] {
      try bench.storage.put(pack.name, Array(good[..<length]))
      let reader = bench.reader()
      #expect(throws: (any Error).self) { for id in ids { _ = try reader.chunk(id) } }
    }
  }

  @Test func anotherRepositorysPackDoesNotOpen() throws {
    let mine = Bench()
    let store = try mine.store()
    let writer = try store.makeWriter()
    let id = try Self.add([9, 9, 9], tree: false, to: writer)
    try writer.flush()
    _ = try store.finish(by: writer)
    let reader = ChunkReader(
      index: mine.index, storage: mine.storage,
      keyring: PackKeyring(
        storage: mine.storage, repository: SHA256.digest(Array("another".utf8)),
        privateKey: SecretBytes(copying: mine.privateKey)))
    #expect(throws: VarveError(.damaged, "")) { try reader.chunk(id) }
  }
}

/// A generator whose sequence a seed fixes (Steele, Lea and Flood, 2014).
struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
