import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// What an index is made of: everything follows from numbers, so that nothing has to be remembered.
struct IndexShape {
  /// Chunks in all.
  var rows: Int
  /// Chunks that a commit, or a long session, writes a segment for.
  var segmentRows = 1 << 19
  var packRows = 256
  var blockRows = 8

  var segmentCount: Int { (rows + segmentRows - 1) / segmentRows }

  /// Three kinds of digests that never meet.
  static func address(_ number: Int) -> Digest { digest(number, 1) }
  static func absent(_ number: Int) -> Digest { digest(number, 2) }
  static func pack(_ number: Int) -> Digest { digest(number, 3) }
  static func segment(_ number: Int) -> Digest { digest(number, 4) }
  static let packSize: UInt64 = 32 << 20

  private static func digest(_ number: Int, _ kind: UInt64) -> Digest {
    var random = SplitMix(state: UInt64(number) &* 0xd134_2543_de82_ef95 &+ kind << 61)
    return Digest(random.next(), random.next(), random.next(), random.next())
  }

  /// Calls `body` with each segment's packs and chunks.
  func forEachSegment(
    _ body: (_ segment: Int, inout IndexSegmentBuilder) throws -> Void
  ) throws {
    var row = 0
    var pack = 0
    for segment in 0..<segmentCount {
      let end = min(rows, (segment + 1) * segmentRows)
      var builder = IndexSegmentBuilder()
      while row < end {
        let packEnd = min(end, row + packRows)
        var trailer = PackTrailer()
        while row < packEnd {
          let blockEnd = min(packEnd, row + blockRows)
          while row < blockEnd {
            trailer.append(PackTrailer.Slot(address: Self.address(row), length: 128 << 10))
            row += 1
          }
          trailer.endBlock(storedLength: 1 << 16)
        }
        builder.add(
          IndexPack(name: Self.pack(pack), size: Self.packSize, type: .data), trailer)
        pack += 1
      }
      try body(segment, &builder)
    }
  }

  var packCount: Int {
    let full = rows / segmentRows
    let perSegment = (segmentRows + packRows - 1) / packRows
    return full * perSegment + (rows % segmentRows + packRows - 1) / packRows
  }

  /// The local cache of such an index.
  static func cache(_ directory: String) -> SegmentCache {
    SegmentCache(
      cipher: SegmentCipher(
        indexKey: SecretBytes(copying: [UInt8](repeating: 1, count: 32)), repository: .zero),
      storage: MemoryStorage(), directory: directory)
  }
}

/// Builds indexes segment by segment, as sessions do, and has a fresh process open each and look chunks up.
///
/// Ends with a table, and with JSON when `--json FILE` is given. The directory should be on a disk: 10^8
/// rows take 5 GB in it, and 10 GB while the last merge runs. What was built is deleted.
func indexScaleBenchmarks(_ arguments: [String]) throws {
  var options = IndexOptions(arguments)
  guard let directory = options.directory else { fail("micro index: --directory DIR is missing") }
  var results: [IndexResult] = []
  for rows in options.rows {
    options.shape.rows = rows
    let place = "\(directory)/index-\(rows)"
    remove(place)
    defer { remove(place) }
    var result = try build(options.shape, in: place)
    result.probe = try runProbe(options.shape, in: place)
    result.printRow(isFirst: results.isEmpty)
    results.append(result)
  }
  if let path = options.json { write(results.map(\.json), to: path) }
}

private func build(_ shape: IndexShape, in place: String) throws -> IndexResult {
  let cache = IndexShape.cache(place)
  let index = ChunkIndex(runs: RunDirectory(path: cache.directory))
  var result = IndexResult(shape: shape)
  let before = bytesWritten()
  let memory = MemorySampler()
  var plainBytes = 0
  try shape.forEachSegment { segment, builder in
    var start = now()
    let plain = builder.finish()
    result.buildSeconds += now() - start
    plainBytes += plain.count
    start = now()
    let kept = try plain.withUnsafeBytes { try cache.keep(IndexShape.segment(segment), $0) }
    result.keepSeconds += now() - start
    start = now()
    try index.add(kept) { _, _ in true }
    result.mergeSeconds += now() - start
  }
  result.segmentBytes = plainBytes
  result.mergeBytes = bytesWritten() - before - plainBytes
  result.buildMemory = memory.stop()
  guard index.rowCount == shape.rows else { fail("rows were lost") }
  return result
}

/// Measures in a process of its own, whose memory has seen nothing of the building.
private func runProbe(_ shape: IndexShape, in place: String) throws -> [String: Double] {
  let output = "\(place)/probe"
  try spawn([
    "index-probe", place, String(shape.rows), String(shape.segmentRows), String(shape.packRows),
    output,
  ])
  guard let file = fopen(output, "r") else { fail("the probe has failed") }
  defer { fclose(file) }
  var values: [String: Double] = [:]
  var line = [CChar](repeating: 0, count: 256)
  while fgets(&line, 256, file) != nil {
    let words = String(
      decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self
    )
    .split(whereSeparator: \.isWhitespace)
    if words.count == 2, let value = Double(words[1]) { values[String(words[0])] = value }
  }
  return values
}

/// Opens the index that a parent process has built, looks up, and writes figures, one a line.
func probeIndex(_ arguments: [String]) throws {
  guard arguments.count == 5, let rows = Int(arguments[1]), let segmentRows = Int(arguments[2]),
    let packRows = Int(arguments[3])
  else { fail("index-probe is for micro itself") }
  let shape = IndexShape(rows: rows, segmentRows: segmentRows, packRows: packRows)
  var segments: [Digest: UInt64] = [:]
  for number in 0..<shape.segmentCount { segments[IndexShape.segment(number)] = 1 }
  var packs: [Digest: UInt64] = [:]
  packs.reserveCapacity(shape.packCount)
  for number in 0..<shape.packCount { packs[IndexShape.pack(number)] = IndexShape.packSize }
  let cache = IndexShape.cache(arguments[0])
  let live = packs
  let known = residentMemory()

  let start = now()
  let index = try IndexOpening(cache: cache, segments: segments) { live[$0] == $1 }.open()
  let opened = now() - start
  let memoryOpened = residentMemory()

  var random = SplitMix(state: 5)
  let wanted = (0..<200_000).map { _ in IndexShape.address(Int(random.next() % UInt64(rows))) }
  let unwanted = (0..<200_000).map { IndexShape.absent($0) }
  let first = latencies(wanted) { index.contains($0) }
  let missFirst = latencies(unwanted) { !index.contains($0) }
  let hit = latencies(wanted) { index.locate($0) != nil }
  let miss = latencies(unwanted) { !index.contains($0) }
  let memory = residentMemory()
  let values: [(String, Double)] = [
    ("openSeconds", opened), ("tables", Double(index.tableCount)), ("rows", Double(index.rowCount)),
    ("hitFirstTouchNanoseconds", first.median), ("hitNanoseconds", hit.median),
    ("hit99Nanoseconds", hit.high), ("missFirstTouchNanoseconds", missFirst.median),
    ("missNanoseconds", miss.median), ("miss99Nanoseconds", miss.high),
    ("livePacksMemory", Double(known)), ("openMemory", Double(memoryOpened)),
    ("memory", Double(memory)), ("cacheBytes", Double(index.cacheByteCount)),
  ]
  write(values.map { "\($0.0) \($0.1)" }.joined(separator: "\n") + "\n", to: arguments[4])
}

/// Nanoseconds of single calls: the median, and what one in a hundred exceeds.
private func latencies(
  _ addresses: [Digest], _ body: (Digest) -> Bool
) -> (median: Double, high: Double) {
  var times = addresses.map { address in
    let start = now()
    let isRight = body(address)
    let time = now() - start
    if !isRight { fail("the index gave a wrong answer") }
    return time * 1e9
  }
  times.sort()
  return (times[times.count / 2], times[times.count * 99 / 100])
}
