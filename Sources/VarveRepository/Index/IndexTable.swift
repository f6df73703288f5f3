internal import Synchronization
package import VarveFormat

/// One sorted table of the index, mapped: a segment, or a run that many were merged into.
///
/// What lies behind the header may be hostile or damaged: every number is checked when it is used.
package final class IndexTable: @unchecked Sendable {
  /// The segments whose rows are all here, ascending; of a run also such as are not live any more.
  let cover: [CoveredSegment]
  /// Those that were live when the table was opened.
  let liveCover: [CoveredSegment]
  package let rowCount: Int
  package let packCount: Int
  let blockCount: Int
  let packRows, blockRows: UnsafeRawPointer
  let packByteCount: Int
  let shardBits: Int
  let shards: UnsafeMutablePointer<IndexShard>
  let liveness: PackLiveness
  let content: Content
  /// Cleared when the table turns out to be damaged: it is then never merged.
  let isSound = Atomic<Bool>(true)

  /// What the table was opened from.
  enum Content: Sendable {
    case segment(MappedSegment)
    case run(RunFile)
  }

  /// - Parameter isLive: whether the log state has a pack of that name and size.
  init(_ segment: MappedSegment, isLive: @escaping PackLiveness.Question) {
    let view = segment.view
    content = .segment(segment)
    cover = segment.name.map { [CoveredSegment(name: $0, rowCount: UInt64(view.rowCount))] } ?? []
    liveCover = cover
    rowCount = view.rowCount
    packCount = view.packCount
    blockCount = view.blockCount
    packRows = view.packRows
    blockRows = view.blockRows
    packByteCount = IndexPack.byteCount
    shardBits = 0
    shards = .allocate(capacity: 1)
    shards.initialize(to: view.shard)
    liveness = PackLiveness(packCount: view.packCount, isLive: isLive)
  }

  package init(
    _ run: RunFile, isLiveSegment: (Digest) -> Bool, isLive: @escaping PackLiveness.Question
  ) {
    let header = run.header
    let base = UnsafeRawPointer(run.mapping.base)
    content = .run(run)
    cover = run.cover
    liveCover = run.cover.filter { isLiveSegment($0.name) }
    rowCount = header.rowCount
    packCount = header.packCount
    blockCount = header.blockCount
    packRows = base + header.packOffset
    blockRows = base + header.blockOffset
    packByteCount = RunHeader.packByteCount
    shardBits = header.shardBits
    shards = .allocate(capacity: run.shards.count)
    for (number, row) in run.shards.enumerated() {
      let fanOut = base + (row.offset + row.rowCount * IndexRow.byteCount)
      (shards + number).initialize(
        to: IndexShard(
          rows: base + row.offset, rowCount: row.rowCount, fanOut: fanOut,
          fanOutBits: header.fanOutBits, skippedBits: header.shardBits,
          filter: fanOut + header.fanOutByteCount, geometry: row.filter))
    }
    liveness = PackLiveness(packCount: header.packCount, isLive: isLive)
  }

  deinit { shards.deallocate() }

  package var shardCount: Int { 1 << shardBits }

  /// The table's file in the cache; nil when it is in memory only.
  var path: String? {
    switch content {
    case .segment(let segment): segment.path
    case .run(let run): run.path
    }
  }

  /// What the mapped file of a run has; nil for a segment.
  package var fileBytes: [UInt8]? {
    if case .run(let run) = content { Array(run.mapping.bytes) } else { nil }
  }

  var mapping: MappedBytes {
    switch content {
    case .segment(let segment): segment.mapping
    case .run(let run): run.mapping
    }
  }

  /// Bytes of the mapped file.
  var byteCount: Int { mapping.length }

  /// Whether more than half of the rows came from segments that are not live any more.
  var isWasteful: Bool {
    guard cover.count > liveCover.count else { return false }
    let live = liveCover.reduce(0) { $0 &+ $1.rowCount }
    return live < UInt64(rowCount) / 2
  }

  /// Where a live pack has the chunk, or nil.
  @inline(__always)
  package func location(of address: Digest) -> IndexLocation? {
    let number =
      shardBits == 0 ? 0 : Int(truncatingIfNeeded: address.prefix64 >> UInt64(64 - shardBits))
    let shard = shards + number
    guard let found = shard.pointee.find(address) else { return nil }
    return liveLocation(of: address, in: shard.pointee, from: found)
  }

  private func liveLocation(
    of address: Digest, in shard: IndexShard, from first: Int
  ) -> IndexLocation? {
    for index in first..<shard.rowCount {
      let row = shard.row(at: index)
      guard row.address == address else { return nil }
      if liveness.isLive(row.location.pack, of: self) { return row.location }
    }
    return nil
  }

  /// Whether some row of the chunk is in a live pack that `isKept` admits.
  func hasRow(of address: Digest, inPackWhere isKept: (Digest) -> Bool) -> Bool {
    let number =
      shardBits == 0 ? 0 : Int(truncatingIfNeeded: address.prefix64 >> UInt64(64 - shardBits))
    let shard = shards[number]
    guard let first = shard.find(address) else { return false }
    for index in first..<shard.rowCount {
      let row = shard.row(at: index)
      guard row.address == address else { return false }
      if liveness.isLive(row.location.pack, of: self),
        let pack = try? pack(at: Int(row.location.pack)), isKept(pack.name)
      {
        return true
      }
    }
    return false
  }

  /// - Throws: `.damaged` when there is no such pack or its row is not well-formed.
  package func pack(at index: Int) throws -> IndexPack { try packRow(index).pack }

  private func packRow(_ index: Int) throws -> (pack: IndexPack, firstBlock: UInt32) {
    guard index >= 0, index < packCount else { throw fail("there is no pack \(index)") }
    return try IndexPack.decode(packRows + index * packByteCount)
  }

  /// The number of the covered segment that lists the pack; a segment's packs have the one.
  func home(ofPack index: Int) -> UInt32 {
    guard packByteCount == RunHeader.packByteCount else { return 0 }
    let pointer = packRows + (index * packByteCount + IndexPack.byteCount)
    return UInt32(littleEndian: pointer.loadUnaligned(as: UInt32.self))
  }

  /// The block rows of a pack, by number.
  ///
  /// - Throws: `.damaged` when they do not lie among the block rows.
  func blocks(ofPack index: Int) throws -> Range<Int> {
    let first = Int(try packRow(index).firstBlock)
    let end = index + 1 < packCount ? Int(try packRow(index + 1).firstBlock) : blockCount
    guard first < end, end <= blockCount, end - first <= PackLimits.blocks else {
      throw fail("the blocks of pack \(index)")
    }
    return first..<end
  }

  /// Where a row's chunk lies; nil when the row is damaged.
  package func chunkLocation(_ location: IndexLocation) -> ChunkLocation? {
    guard let pack = try? pack(at: Int(location.pack)),
      let blocks = try? blocks(ofPack: Int(location.pack)), Int(location.block) < blocks.count,
      let block = try? IndexBlock.decode(
        blockRows + (blocks.lowerBound + Int(location.block)) * IndexBlock.byteCount)
    else { return nil }
    return ChunkLocation(
      pack: pack.name, packSize: pack.size, type: pack.type, offset: block.offset,
      storedLength: block.storedLength, block: location.block, slot: location.slot)
  }

  /// Whether the log state has the pack.
  package func isLive(pack index: Int) -> Bool { liveness.isLive(UInt32(index), of: self) }

  /// Calls `body` with every row, in the order of addresses.
  package func forEachRow(_ body: (IndexRow) throws -> Void) rethrows {
    for number in 0..<shardCount {
      let shard = shards[number]
      for index in 0..<shard.rowCount { try body(shard.row(at: index)) }
    }
  }

  func fail(_ what: String) -> VarveError {
    VarveError(.damaged, "an index table is damaged: \(what)")
  }
}
