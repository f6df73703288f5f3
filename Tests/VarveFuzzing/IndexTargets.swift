import Glibc
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveTestSupport

extension ParserTarget {
  static let indexTargets: [ParserTarget] = [
    ParserTarget(
      "segment-header", tokens: ["VARVEIDX"],
      seeds: { [IndexSegmentHeader(plainLength: 4_000, salt: Array(0..<32)).encode()] },
      recode: { bytes in
        let header = try bytes.withUnsafeBytes { try IndexSegmentHeader(decoding: $0) }
        use(header.objectByteCount)
        use(header.frameCount)
        return header.encode() + bytes.dropFirst(IndexSegmentHeader.byteCount)
      }),
    // Looked up in without having been validated, as a mapped segment is; then validated.
    ParserTarget(
      "segment", tokens: ["VARVESEG"], seeds: { try segments() },
      recode: { bytes in
        // A copy that ends where its memory ends, so that reading too far is noticed.
        try bytes.withUnsafeBytes { bytes in
          let view = try IndexSegmentView(bytes)
          for address in addresses(view) {
            if let location = view.lookup(address) {
              use(try? view.block(location))
              use(try? view.pack(at: Int(location.pack)))
              use(try? view.blocks(ofPack: Int(location.pack)))
            }
          }
          try view.validate()
          for row in 0..<view.rowCount {
            let row = view.row(at: row)
            try require(view.lookup(row.address) != nil, "a row of a valid segment is not found")
            _ = try view.block(row.location)
          }
        }
        return bytes
      }),
    // A run of the local cache: its head digest is made right.
    ParserTarget(
      "run", tokens: ["VARVERUN"], seeds: { try runs() },
      recode: { bytes in
        let bytes = withHeadDigest(bytes)
        guard !bytes.isEmpty else { return nil }
        let base = mmap(
          nil, bytes.count, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
        guard let base, base != MAP_FAILED else { return nil }
        bytes.withUnsafeBytes { base.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        let run = try RunFile(MappedBytes(taking: base, length: bytes.count), path: nil)
        let table = IndexTable(run, isLiveSegment: { _ in true }, isLive: { _, _ in true })
        table.forEachRow { row in
          if let location = table.location(of: row.address) { use(table.chunkLocation(location)) }
          use(table.chunkLocation(row.location))
        }
        for address in [Digest.zero, Digest(.max, .max, .max, .max), Digest(1 << 63, 0, 0, 0)] {
          use(table.location(of: address))
        }
        for pack in 0..<min(table.packCount, 64) { use(table.isLive(pack: pack)) }
        use(try? run.verify())
        return nil
      }),
  ]

  private static func addresses(_ view: IndexSegmentView) -> [Digest] {
    [.zero, Digest(.max, .max, .max, .max), Digest(1 << 63, 1, 1, 1)]
      + (0..<min(view.rowCount, 64)).map { view.row(at: $0).address }
  }

  private static func segments() throws -> [[UInt8]] {
    let vectors = try VectorFile.records("index-segments.txt").filter {
      try $0.text("result") == "ok"
    }.map { try $0.bytes("plain") }
    return vectors.filter { $0.count < 8_000 } + [segment(packs: 3, chunks: 40)]
  }

  static func segment(packs: Int, chunks: Int) -> [UInt8] {
    var generator = SeededGenerator(seed: UInt64(chunks))
    var builder = IndexSegmentBuilder()
    for number in 0..<packs {
      var trailer = PackTrailer()
      for slot in 0..<chunks {
        trailer.append(
          PackTrailer.Slot(address: generator.digest(), length: UInt32(1 + slot)))
        if slot % 7 == 6 || slot == chunks - 1 { trailer.endBlock(storedLength: 900) }
      }
      builder.add(
        IndexPack(
          name: generator.digest(), size: 244 + trailer.storedByteCount,
          type: number % 2 == 0 ? .data : .tree), trailer)
    }
    return builder.finish()
  }

  /// Runs as merging makes them.
  private static func runs() throws -> [[UInt8]] {
    let path = FuzzRepository.shared.makeDirectory("runs")
    let index = ChunkIndex(runs: RunDirectory(path: path, keeps: true))
    for chunks in 1...12 {
      let plain = segment(packs: 1, chunks: chunks)
      let name = SHA256.digest(plain)
      let file = "\(path)/\(name.hex)"
      let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
      try require(
        descriptor >= 0 && write(descriptor, plain, plain.count) == plain.count, "no segment file")
      close(descriptor)
      try index.add(MappedSegment.map(path: file, name: name)) { _, _ in true }
    }
    var seeds: [[UInt8]] = []
    for table in index.list {
      if let bytes = table.fileBytes, bytes.starts(with: Array("VARVERUN".utf8)) {
        seeds.append(bytes)
      }
    }
    try require(!seeds.isEmpty, "merging made no run")
    return seeds
  }

  /// The digest that the header must have over itself, the covers and the shard rows, put into it.
  private static func withHeadDigest(_ bytes: [UInt8]) -> [UInt8] {
    guard bytes.count >= 128 else { return bytes }
    func u32(_ at: Int) -> Int {
      (0..<4).reduce(0) { $0 | Int(bytes[at + $1]) << (8 * $1) }
    }
    let shards = 64 << Int(min(bytes[10], 17))
    let packs = 128 + u32(12) * 40
    let shardRows = packs + u32(16) * 56 + u32(20) * 8
    guard shardRows + shards <= bytes.count else { return bytes }
    let covered =
      Array(bytes[..<96]) + bytes[128..<packs] + bytes[shardRows..<shardRows + shards]
    var bytes = bytes
    bytes.replaceSubrange(96..<128, with: SHA256.digest(covered).bytes)
    return bytes
  }
}
