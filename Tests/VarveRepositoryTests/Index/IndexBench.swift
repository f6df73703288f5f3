import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Segments in memory storage, a cache directory, and what an index of them must say.
final class IndexBench {
  /// Where a chunk lies, by names.
  struct Place: Hashable {
    var pack: Digest
    var block: UInt16
    var slot: UInt16
  }

  struct Pack {
    var row: IndexPack
    var trailer: PackTrailer
  }

  let storage = MemoryStorage()
  let scratch = TemporaryDirectory()
  let cipher = SegmentCipher(
    indexKey: SecretBytes(copying: [UInt8](repeating: 3, count: 32)), repository: .zero)
  var random: SeededGenerator
  /// What is live.
  var segments: [Digest: UInt64] = [:]
  var packs: [Digest: UInt64] = [:]
  /// By segment: what it says.
  private(set) var contents: [Digest: [Digest: Set<Place>]] = [:]
  private(set) var known: [Pack] = []

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  var cache: SegmentCache {
    SegmentCache(cipher: cipher, storage: storage, directory: scratch.path)
  }
  var directory: String { scratch("index") }

  /// A pack of `chunks` random chunks, some of which another pack has already.
  func makePack(_ chunks: Int) -> Pack {
    var trailer = PackTrailer()
    var left = chunks
    while left > 0 {
      let slots = min(left, Int.random(in: 1...9, using: &random))
      for _ in 0..<slots {
        var address = random.digest()
        if random.next() % 8 == 0, let other = known.randomElement(using: &random) {
          address = other.trailer.slots.randomElement(using: &random)?.address ?? address
        }
        trailer.append(PackTrailer.Slot(address: address, length: 1))
      }
      trailer.endBlock(storedLength: UInt32.random(in: 40...9_999, using: &random))
      left -= slots
    }
    let size = 128 + trailer.storedByteCount + 100 + 16
    let type: PackType = random.next() % 3 == 0 ? .tree : .data
    return Pack(row: IndexPack(name: random.digest(), size: size, type: type), trailer: trailer)
  }

  /// Stores a segment of `count` new packs and, now and then, one that another segment lists, too. All
  /// become live.
  @discardableResult
  func addSegment(packs count: Int, chunks: Int) throws -> Digest {
    var list = (0..<count).map { _ in makePack(chunks) }
    if random.next() % 3 == 0, let old = known.randomElement(using: &random) { list.append(old) }
    return try addSegment(list)
  }

  @discardableResult
  func addSegment(_ list: [Pack]) throws -> Digest {
    var builder = IndexSegmentBuilder()
    var content: [Digest: Set<Place>] = [:]
    for pack in list {
      builder.add(pack.row, pack.trailer)
      packs[pack.row.name] = pack.row.size
    }
    let plain = builder.finish()
    // A segment has one row for each chunk, so what it says is read from it.
    try plain.withUnsafeBytes {
      let view = try IndexSegmentView($0)
      for index in 0..<view.rowCount {
        let row = view.row(at: index)
        content[row.address, default: []].insert(
          Place(
            pack: try view.pack(at: Int(row.location.pack)).name, block: row.location.block,
            slot: row.location.slot))
      }
    }
    let object = try plain.withUnsafeBytes { try cipher.seal($0) }
    let name = SHA256.digest(object)
    try storage.put(ObjectName.index(name), object)
    segments[name] = UInt64(object.count)
    contents[name] = content
    known += list
    return name
  }

  func open(withCache: Bool = true) throws -> ChunkIndex {
    let live = packs
    let cache =
      withCache ? cache : SegmentCache(cipher: cipher, storage: storage, directory: nil)
    return try IndexOpening(cache: cache, segments: segments) { live[$0] == $1 }.open()
  }

  /// Where each chunk of a live segment lies in live packs.
  var model: [Digest: Set<Place>] {
    var model: [Digest: Set<Place>] = [:]
    for name in segments.keys {
      for (address, places) in contents[name] ?? [:] {
        model[address, default: []].formUnion(places.filter { packs[$0.pack] != nil })
      }
    }
    return model
  }

  /// Whether the index says what the model says: of every chunk, and of some that are not there.
  ///
  /// A chunk of a segment that is not live may be found as long as its pack is.
  func agrees(_ index: ChunkIndex) -> Bool {
    let every = Set(contents.values.lazy.flatMap(\.keys))
    let model = model
    for address in every {
      let places = model[address] ?? []
      guard let found = index.locate(address) else {
        if places.isEmpty && !index.contains(address) { continue }
        return false
      }
      let place = Place(pack: found.pack, block: found.block, slot: found.slot)
      guard index.contains(address), packs[found.pack] == found.packSize else { return false }
      let isKnown = contents.values.contains { $0[address]?.contains(place) ?? false }
      guard isKnown else { return false }
    }
    var random = SeededGenerator(seed: 77)
    return (0..<1_000).allSatisfy { _ in !index.contains(random.digest()) }
  }

  /// Names in the cache directory, sorted.
  func files() -> [String] {
    guard let stream = opendir(directory) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  var runs: [String] { files().filter { $0.hasSuffix(".run") } }

  func read(_ name: String) throws -> [UInt8] {
    let file = try #require(fopen("\(directory)/\(name)", "r"))
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = fread(&buffer, 1, buffer.count, file)
      if count == 0 { return bytes }
      bytes += buffer[..<count]
    }
  }

  func write(_ name: String, _ bytes: [UInt8]) throws {
    let file = try #require(fopen("\(directory)/\(name)", "w"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
  }
}
