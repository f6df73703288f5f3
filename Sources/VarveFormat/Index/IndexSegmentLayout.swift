/// How index tables are laid out.
package enum IndexFanOut {
  /// The bits that give 8 to 16 rows to a bucket, at 4 bytes a bucket.
  package static func bits(rowCount: Int) -> Int {
    IndexSegmentLayout.fanOutBits(rowCount: rowCount)
  }
}

/// Where the sections of an index segment's plaintext lie (docs/format.md, section 8).
///
/// ```
/// segment-plain := plain-header pack-row* block-row* fan-out filter rows
/// plain-header  := "VARVESEG" version:u16(1) fan-out-bits:u16 pack-count:u32 row-count:u64
///                  block-count:u64 filter-seed:u64 filter-segment-length:u32
///                  filter-segment-count:u32 filter-length:u64 reserved:u64
/// ```
/// A row takes 40 bytes, its share of the fan-out at most half a byte and of the filter 1.13: 10^8 rows
/// are 4.2 GB mapped, of which a look-up touches three cache lines of the filter, one of the fan-out and
/// one or two of the rows.
struct IndexSegmentLayout: Equatable, Sendable {
  static let headerByteCount = 64
  static let magic: StaticString = "VARVESEG"
  static let version: UInt16 = 1
  static let fanOutBitsLimit = 24
  static let countLimit: UInt64 = 1 << 32 - 1

  let packCount: Int
  let blockCount: Int
  let rowCount: Int
  let fanOutBits: Int
  let filter: BinaryFuseFilter.Geometry?

  /// The offsets of the sections and the end, in bytes from the plaintext's start.
  let packs, blocks, fanOut, filterBytes, rows, end: Int

  init(
    packCount: Int, blockCount: Int, rowCount: Int, fanOutBits: Int,
    filter: BinaryFuseFilter.Geometry?
  ) {
    self.packCount = packCount
    self.blockCount = blockCount
    self.rowCount = rowCount
    self.fanOutBits = fanOutBits
    self.filter = filter
    packs = IndexSegmentLayout.headerByteCount
    blocks = packs + packCount * IndexPack.byteCount
    fanOut = blocks + blockCount * IndexBlock.byteCount
    filterBytes = fanOut + ((1 << fanOutBits + 1) * 4 + 7) & ~7
    rows = filterBytes + (Int(filter?.byteCount ?? 0) + 7) & ~7
    end = rows + rowCount * IndexRow.byteCount
  }

  /// The fan-out that gives 8 to 16 rows to a bucket, at 4 bytes a bucket.
  static func fanOutBits(rowCount: Int) -> Int {
    let log2 = Int.bitWidth - max(rowCount, 1).leadingZeroBitCount
    return min(max(log2 - 4, 0), fanOutBitsLimit)
  }

  /// Reads the header; every section then lies within `bytes`. O(1).
  ///
  /// - Throws: `.damaged`, or `.unsupportedFormat` for an unknown version.
  init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(bytes, "index segment")
    try reader.magic(IndexSegmentLayout.magic)
    try reader.version(IndexSegmentLayout.version)
    let fanOutBits = Int(try reader.u16())
    let packCount = UInt64(try reader.u32())
    let rowCount = try reader.u64()
    let blockCount = try reader.u64()
    let seed = try reader.u64()
    let segmentLength = try reader.u32()
    let segmentCount = try reader.u32()
    let filterLength = try reader.u64()
    guard try reader.u64() == 0 else { throw reader.fail("a reserved field is not zero") }
    guard fanOutBits <= IndexSegmentLayout.fanOutBitsLimit,
      rowCount <= IndexSegmentLayout.countLimit, blockCount <= IndexSegmentLayout.countLimit
    else { throw reader.fail("a count is too large") }
    var filter: BinaryFuseFilter.Geometry?
    if filterLength > 0 {
      let geometry = BinaryFuseFilter.Geometry(
        seed: seed, segmentLength: segmentLength, segmentCount: segmentCount)
      guard geometry.isValid, geometry.byteCount == filterLength else {
        throw reader.fail("the filter's size is wrong")
      }
      filter = geometry
    } else if seed != 0 || segmentLength != 0 || segmentCount != 0 {
      throw reader.fail("the filter's size is wrong")
    }
    self.init(
      packCount: Int(packCount), blockCount: Int(blockCount), rowCount: Int(rowCount),
      fanOutBits: fanOutBits, filter: filter)
    guard end == bytes.count else { throw reader.fail("its length is not \(end)") }
  }

  func encodeHeader() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: IndexSegmentLayout.headerByteCount)
    writer.ascii(IndexSegmentLayout.magic)
    writer.u16(IndexSegmentLayout.version)
    writer.u16(UInt16(fanOutBits))
    writer.u32(UInt32(packCount))
    writer.u64(UInt64(rowCount))
    writer.u64(UInt64(blockCount))
    writer.u64(filter?.seed ?? 0)
    writer.u32(filter?.segmentLength ?? 0)
    writer.u32(filter?.segmentCount ?? 0)
    writer.u64(filter?.byteCount ?? 0)
    writer.u64(0)
    return writer.bytes
  }
}
