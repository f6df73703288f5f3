import VarveCrypto
import VarveFormat

/// A run: the rows of many index segments, merged into one file of the local cache.
///
/// A run can be deleted at any time; it is made again from the segments. No other program reads it, so its
/// format may change: a version that is not known is as good as no file.
///
/// ```
/// run       := header cover* pack-row* block-row* shard-row* shard*
/// header    := "VARVERUN" version:u16(1) shard-bits:u8 fan-out-bits:u8 cover-count:u32 pack-count:u32
///              block-count:u32 row-count:u64 length:u64 reserved:bytes(24)
///              tables-digest:digest head-digest:digest                                  (128 bytes)
/// cover     := segment:digest row-count:u64                                             (40 bytes)
/// pack-row  := pack-row of a segment (48 bytes) home:u32 reserved:u32                   (56 bytes)
/// block-row := offset:u32 stored-length:u32                                             (8 bytes)
/// shard-row := offset:u64 row-count:u32 filter-segment-length:u32 filter-segment-count:u32 reserved:u32
///              filter-seed:u64 shard-digest:digest                                      (64 bytes)
/// shard     := row* fan-out filter, zero bytes up to a multiple of 8
/// ```
/// Rows, fan-out and filter are those of an index segment (docs/format.md, section 8), with these differences.
/// - Addresses are divided by their leading `shard-bits` into 2^shard-bits shards of about 2^17 to 2^18 rows, each
///   with a fan-out (of the bits that follow) and a filter of its own: filters are built in cache, and a merge
///   holds one shard's keys, however long the run is. A shard of more than 2^20 rows (somebody chose addresses)
///   has no filter.
/// - Rows ascend by address, then pack: a chunk that lies in several packs has a row for each, because any of
///   the packs may cease to be live. Packs ascend by name; two segments that describe one pack differently give
///   two pack rows.
///
/// `cover` names the segments, ascending, all of whose rows are in the run. `home` is the number of the covered
/// segment that lists the pack: 2^32-1 when none does, 2^32-2 when several do. A merge leaves out segments that
/// are not live, and packs that are neither live nor listed by a covered segment.
///
/// Digests are SHA-256. `head-digest` covers the header before it, the covers and the shard rows: all that opening
/// trusts, verified then. `tables-digest` covers pack and block rows, `shard-digest` a shard; a merge verifies them,
/// and so does `check`, so that damage is not handed on.
///
/// Bytes a row: 40, of the filter 1.13, of the fan-out 0.25 to 0.5.
struct RunHeader: Equatable {
  static let byteCount = 128
  static let coverByteCount = 40
  static let packByteCount = 56
  static let shardByteCount = 64
  static let shardBitsLimit = 16
  static let noHome = UInt32.max
  static let severalHomes = UInt32.max - 1
  private static let magic: StaticString = "VARVERUN"
  private static let version: UInt16 = 1
  /// Bytes of the header that `head-digest` covers.
  static let digestedByteCount = 96

  var shardBits: Int
  var fanOutBits: Int
  var coverCount: Int
  var packCount: Int
  var blockCount: Int
  var rowCount: Int
  var length: Int
  var tablesDigest: Digest
  var headDigest: Digest

  var coverOffset: Int { Self.byteCount }
  var packOffset: Int { coverOffset + coverCount * Self.coverByteCount }
  var blockOffset: Int { packOffset + packCount * Self.packByteCount }
  var shardRowOffset: Int { blockOffset + blockCount * IndexBlock.byteCount }
  var shardOffset: Int { shardRowOffset + Self.shardByteCount << shardBits }
  var fanOutByteCount: Int { (1 << fanOutBits + 1) * 4 }

  /// The bits that give about 2^17 to 2^18 rows to a shard.
  static func shardBits(rowCount: Int) -> Int {
    guard rowCount > 1 << 18 else { return 0 }
    return min(Int.bitWidth - (rowCount - 1).leadingZeroBitCount - 18, shardBitsLimit)
  }

  init(
    shardBits: Int, fanOutBits: Int, coverCount: Int, packCount: Int, blockCount: Int,
    rowCount: Int, length: Int, tablesDigest: Digest, headDigest: Digest = .zero
  ) {
    self.shardBits = shardBits
    self.fanOutBits = fanOutBits
    self.coverCount = coverCount
    self.packCount = packCount
    self.blockCount = blockCount
    self.rowCount = rowCount
    self.length = length
    self.tablesDigest = tablesDigest
    self.headDigest = headDigest
  }

  func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: Self.byteCount)
    writer.ascii(Self.magic)
    writer.u16(Self.version)
    writer.u8(UInt8(shardBits))
    writer.u8(UInt8(fanOutBits))
    writer.u32(UInt32(coverCount))
    writer.u32(UInt32(packCount))
    writer.u32(UInt32(blockCount))
    writer.u64(UInt64(rowCount))
    writer.u64(UInt64(length))
    for _ in 0..<3 { writer.u64(0) }
    writer.digest(tablesDigest)
    writer.digest(headDigest)
    return writer.bytes
  }

  /// Reads the header of a run of `bytes.count` bytes; all sections before the shards then lie within it.
  ///
  /// - Throws: `.damaged`, or `.unsupportedFormat`.
  init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(bytes, "index run")
    try reader.magic(Self.magic)
    try reader.version(Self.version)
    let shardBits = Int(try reader.u8())
    let fanOutBits = Int(try reader.u8())
    let covers = Int(try reader.u32())
    let packs = Int(try reader.u32())
    let blocks = Int(try reader.u32())
    let rows = try reader.u64()
    let length = try reader.u64()
    for _ in 0..<3 where try reader.u64() != 0 {
      throw reader.fail("a reserved field is not zero")
    }
    guard shardBits <= Self.shardBitsLimit, fanOutBits <= 24, rows < 1 << 40,
      length == UInt64(bytes.count)
    else { throw reader.fail("a count is too large") }
    let tables = try reader.digest()
    self.init(
      shardBits: shardBits, fanOutBits: fanOutBits, coverCount: covers, packCount: packs,
      blockCount: blocks, rowCount: Int(rows), length: bytes.count, tablesDigest: tables,
      headDigest: try reader.digest())
    guard shardOffset <= bytes.count else { throw reader.fail("it is too short") }
  }

  /// What `head-digest` must be.
  func digest(ofHeadIn bytes: UnsafeRawBufferPointer) -> Digest {
    digest(
      ofHead: UnsafeRawBufferPointer(rebasing: bytes[coverOffset..<packOffset]),
      UnsafeRawBufferPointer(rebasing: bytes[shardRowOffset..<shardOffset]))
  }

  func digest(ofHead covers: UnsafeRawBufferPointer, _ shards: UnsafeRawBufferPointer) -> Digest {
    let stream = SHA256Stream()
    encode().withUnsafeBytes {
      stream.update(UnsafeRawBufferPointer(rebasing: $0[..<Self.digestedByteCount]))
    }
    stream.update(covers)
    stream.update(shards)
    return stream.finish()
  }
}

/// A segment whose rows are all in a table.
struct CoveredSegment: Hashable, Sendable {
  let name: Digest
  let rowCount: UInt64
}

/// A shard's place in its run.
struct RunShardRow {
  var offset: Int
  var rowCount: Int
  var filter: BinaryFuseFilter.Geometry?
  var digest: Digest

  /// Bytes of the shard.
  func byteCount(fanOutByteCount: Int) -> Int {
    (rowCount * IndexRow.byteCount + fanOutByteCount + Int(filter?.byteCount ?? 0) + 7) & ~7
  }

  func encode(into writer: inout ByteWriter) {
    writer.u64(UInt64(offset))
    writer.u32(UInt32(rowCount))
    writer.u32(filter?.segmentLength ?? 0)
    writer.u32(filter?.segmentCount ?? 0)
    writer.u32(0)
    writer.u64(filter?.seed ?? 0)
    writer.digest(digest)
  }

  /// - Throws: `.damaged` when the shard does not begin at `start` or its filter's size is wrong.
  init(decoding reader: inout ByteReader, at start: Int) throws {
    let offset = try reader.u64()
    rowCount = Int(try reader.u32())
    let segmentLength = try reader.u32()
    let segmentCount = try reader.u32()
    _ = try reader.u32()
    let seed = try reader.u64()
    digest = try reader.digest()
    guard offset == UInt64(start) else { throw reader.fail("a gap between shards") }
    self.offset = start
    if segmentLength > 0 {
      let geometry = BinaryFuseFilter.Geometry(
        seed: seed, segmentLength: segmentLength, segmentCount: segmentCount)
      guard geometry.isValid else { throw reader.fail("the filter's size is wrong") }
      filter = geometry
    }
  }

  init(offset: Int, rowCount: Int, filter: BinaryFuseFilter.Geometry?, digest: Digest) {
    self.offset = offset
    self.rowCount = rowCount
    self.filter = filter
    self.digest = digest
  }
}
