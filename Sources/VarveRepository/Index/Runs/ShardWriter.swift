import VarveFormat

/// Writes the shards of a run from rows that ascend.
///
/// Memory: the keys of one shard (8 bytes a row, at most 8 MiB), its filter while it is built (23 bytes a
/// key: 6 MB at 2^18), the fan-out (64 KiB) and the output's buffer.
struct ShardWriter {
  /// Keys after which a shard goes without a filter.
  private static let keyLimit = 1 << 20

  private let output: RunOutput
  private let shardBits: UInt64
  private let fanOutBits: UInt64
  private var fanOut: [UInt32]
  private var bucket = 0
  private var keys: [UInt64] = []
  private var rowsInShard = 0
  private var start: Int
  private(set) var rowCount = 0
  private(set) var shards: [RunShardRow] = []

  init(_ output: RunOutput, shardBits: Int, fanOutBits: Int) {
    self.output = output
    self.shardBits = UInt64(shardBits)
    self.fanOutBits = UInt64(fanOutBits)
    fanOut = [UInt32](repeating: 0, count: 1 << fanOutBits + 1)
    start = output.offset
    shards.reserveCapacity(1 << shardBits)
  }

  /// Adds a row; rows come in order.
  mutating func append(_ row: IndexRow) throws {
    let prefix = row.address.prefix64
    let own = shardBits == 0 ? 0 : Int(truncatingIfNeeded: prefix >> (64 - shardBits))
    while shards.count < own { try endShard() }
    let rest = prefix << shardBits
    let place = fanOutBits == 0 ? 0 : Int(truncatingIfNeeded: rest >> (64 - fanOutBits))
    while bucket < place {
      bucket += 1
      fanOut[bucket] = UInt32(truncatingIfNeeded: rowsInShard).littleEndian
    }
    if keys.count <= Self.keyLimit { keys.append(prefix) }
    row.store(to: try output.room(IndexRow.byteCount))
    rowsInShard += 1
  }

  /// Ends the last shards.
  mutating func finish() throws {
    while shards.count < 1 << Int(shardBits) { try endShard() }
  }

  private mutating func endShard() throws {
    guard rowsInShard <= UInt32.max else {
      throw VarveError(.damaged, "too many addresses of the index begin alike")
    }
    for index in (bucket + 1)..<max(fanOut.count, bucket + 1) {
      fanOut[index] = UInt32(rowsInShard).littleEndian
    }
    try fanOut.withUnsafeBytes { try output.append($0) }
    var geometry: BinaryFuseFilter.Geometry?
    if keys.count <= Self.keyLimit,
      let filter = keys.withUnsafeBufferPointer({ BinaryFuseFilter.build($0) })
    {
      geometry = filter.geometry
      try filter.fingerprints.withUnsafeBytes { try output.append($0) }
    }
    try output.pad()
    shards.append(
      RunShardRow(
        offset: start, rowCount: rowsInShard, filter: geometry, digest: try output.takeDigest()))
    start = output.offset
    rowCount += rowsInShard
    rowsInShard = 0
    bucket = 0
    fanOut[0] = 0
    keys.removeAll(keepingCapacity: true)
  }
}
