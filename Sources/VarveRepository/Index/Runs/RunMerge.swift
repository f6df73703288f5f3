import VarveFormat

/// Merges tables into a run: one pass over packs, one over rows, all inputs read in order.
///
/// O(rows · log inputs). Memory does not grow with the rows: what `PackMerge` and `ShardWriter` say, about
/// 20 MB and 8 bytes a pack.
enum RunMerge {
  /// The segments that a run of these tables covers.
  static func cover(of inputs: [IndexTable]) -> [CoveredSegment] {
    var cover: [Digest: CoveredSegment] = [:]
    for table in inputs {
      for segment in table.liveCover { cover[segment.name] = segment }
    }
    return cover.values.sorted { $0.name < $1.name }
  }

  /// Writes the run.
  ///
  /// - Parameter inputs: at most 2^16 tables.
  /// - Returns: by pack of the run, whether it is live.
  /// - Throws: `DamagedTable`, naming the input; `.io`.
  static func write(_ inputs: [IndexTable], to file: CacheFile) throws -> [UInt8] {
    for table in inputs { try verify(table) }
    let cover = cover(of: inputs)
    let output = try RunOutput(file)
    try output.skip(RunHeader.byteCount + cover.count * RunHeader.coverByteCount)
    _ = try output.takeDigest()
    var packs = PackMerge(inputs, cover: cover)
    try packs.write(to: output)
    let tablesDigest = try output.takeDigest()

    let rowLimit = inputs.reduce(0) { $0 + $1.rowCount }
    let shardBits = RunHeader.shardBits(rowCount: rowLimit)
    try output.skip(RunHeader.shardByteCount << shardBits)
    let fanOutBits = IndexFanOut.bits(rowCount: rowLimit >> shardBits)
    var shards = ShardWriter(output, shardBits: shardBits, fanOutBits: fanOutBits)
    try mergeRows(inputs, packs.numbers, into: &shards)
    try shards.finish()

    var header = RunHeader(
      shardBits: shardBits, fanOutBits: fanOutBits, coverCount: cover.count,
      packCount: packs.packCount, blockCount: packs.blockCount, rowCount: shards.rowCount,
      length: output.offset, tablesDigest: tablesDigest)
    try writeHead(&header, cover, shards.shards, to: file)
    return packs.live
  }

  /// Everything of a table that is not verified while it is merged.
  private static func verify(_ table: IndexTable) throws {
    do {
      switch table.content {
      case .segment(let segment): try segment.view.validate()
      case .run(let run): try run.verifyTables()
      }
    } catch {
      throw DamagedTable(table, error)
    }
  }

  private static func mergeRows(
    _ inputs: [IndexTable], _ numbers: [[UInt32]], into shards: inout ShardWriter
  ) throws {
    var cursors = zip(inputs, numbers).map { RowCursor($0, numbers: $1) }
    var heap = MergeHeap()
    for input in cursors.indices {
      if let key = try naming(inputs[input], { try cursors[input].nextKey() }) {
        heap.insert(key, input: input)
      }
    }
    /// Takes the least row and puts its table back into the heap.
    func take(_ input: Int) throws -> IndexRow? {
      try naming(inputs[input]) {
        let row = try cursors[input].take()
        heap.advanceLeast(to: try cursors[input].nextKey())
        return row
      }
    }
    var group: [IndexRow] = []
    while let least = heap.least {
      let row = try take(least.input)
      guard heap.least?.key == least.key else {
        if let row { try shards.append(row) }
        continue
      }
      group.removeAll(keepingCapacity: true)
      if let row { group.append(row) }
      while let other = heap.least, other.key == least.key {
        if let row = try take(other.input) { group.append(row) }
      }
      group.sort()
      for (index, row) in group.enumerated()
      where index == 0 || row.address != group[index - 1].address
        || row.location.pack != group[index - 1].location.pack
      {
        try shards.append(row)
      }
    }
  }

  @inline(__always)
  private static func naming<T>(_ table: IndexTable, _ body: () throws -> T) throws -> T {
    do { return try body() } catch { throw DamagedTable(table, error) }
  }

  private static func writeHead(
    _ header: inout RunHeader, _ cover: [CoveredSegment], _ shards: [RunShardRow],
    to file: CacheFile
  ) throws {
    var covers = ByteWriter(reservingCapacity: cover.count * RunHeader.coverByteCount)
    for segment in cover {
      covers.digest(segment.name)
      covers.u64(segment.rowCount)
    }
    var rows = ByteWriter(reservingCapacity: shards.count * RunHeader.shardByteCount)
    for shard in shards { shard.encode(into: &rows) }
    try covers.bytes.withUnsafeBytes { covers in
      try rows.bytes.withUnsafeBytes { rows in
        header.headDigest = header.digest(ofHead: covers, rows)
        try file.write(rows, at: header.shardRowOffset)
        try file.write(covers, at: header.coverOffset)
      }
    }
    try header.encode().withUnsafeBytes { try file.write($0, at: 0) }
  }
}
