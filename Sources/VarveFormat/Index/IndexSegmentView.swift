/// A look-up table over the plaintext of an index segment, usually a mapped file
/// (docs/format.md, section 8). Nothing is copied; a look-up allocates nothing.
///
/// The view borrows its bytes: the mapping must outlive it. Opening checks the header and that all
/// sections lie within the bytes, in constant time; everything behind the header may be hostile and is
/// checked when it is used, and all at once by `validate()`.
///
/// A look-up asks the filter (a miss ends there 255 times of 256), takes the bucket from the fan-out
/// and guesses the place in it from the next bits of the address, since addresses are uniform.
public struct IndexSegmentView: @unchecked Sendable {
  let layout: IndexSegmentLayout
  let base: UnsafeRawPointer

  /// - Parameter bytes: the whole plaintext; borrowed, and never written while the view is used.
  /// - Throws: `.damaged`, or `.unsupportedFormat` for an unknown version.
  public init(_ bytes: UnsafeRawBufferPointer) throws {
    layout = try IndexSegmentLayout(decoding: bytes)
    base = bytes.baseAddress!
  }

  public var rowCount: Int { layout.rowCount }
  public var packCount: Int { layout.packCount }
  public var blockCount: Int { layout.blockCount }

  /// Where the chunk lies, or nil when this segment does not have it. Neither the pack's number nor the
  /// block's is checked; `pack(at:)` and `block(_:)` do that.
  public func lookup(_ address: Digest) -> IndexLocation? {
    let shard = shard
    guard let index = shard.find(address) else { return nil }
    return shard.row(at: index).location
  }

  /// All rows, with what finds them.
  package var shard: IndexShard {
    IndexShard(
      rows: base + layout.rows, rowCount: layout.rowCount, fanOut: base + layout.fanOut,
      fanOutBits: layout.fanOutBits, skippedBits: 0, filter: base + layout.filterBytes,
      geometry: layout.filter)
  }

  /// Where the pack rows begin.
  package var packRows: UnsafeRawPointer { base + layout.packs }
  /// Where the block rows begin.
  package var blockRows: UnsafeRawPointer { base + layout.blocks }

  /// The row with number `index` in ascending order of addresses.
  ///
  /// - Precondition: `0 ..< rowCount` contains `index`.
  public func row(at index: Int) -> IndexRow {
    precondition(index >= 0 && index < layout.rowCount)
    return IndexRow(loading: base + (layout.rows + index * IndexRow.byteCount))
  }

  /// - Throws: `.damaged` when there is no such pack or its row is not well-formed.
  public func pack(at index: Int) throws -> IndexPack {
    guard index >= 0, index < layout.packCount else { throw fail("there is no pack \(index)") }
    return try IndexPack.decode(base + (layout.packs + index * IndexPack.byteCount)).pack
  }

  /// The pack's blocks, as numbers of block rows.
  ///
  /// - Throws: `.damaged` when there is no such pack or its blocks do not lie among the block rows.
  public func blocks(ofPack index: Int) throws -> Range<Int> {
    guard index >= 0, index < layout.packCount else { throw fail("there is no pack \(index)") }
    let first = firstBlock(index)
    let end = index + 1 < layout.packCount ? firstBlock(index + 1) : layout.blockCount
    guard first < end, end <= layout.blockCount, end - first <= PackLimits.blocks else {
      throw fail("the blocks of pack \(index)")
    }
    return first..<end
  }

  /// The block of a location: where it lies in its pack.
  ///
  /// - Throws: `.damaged` when the pack or the block does not exist, or the block does not lie within it.
  public func block(_ location: IndexLocation) throws -> IndexBlock {
    let blocks = try blocks(ofPack: Int(location.pack))
    guard Int(location.block) < blocks.count else { throw fail("there is no such block") }
    return try block(at: blocks.lowerBound + Int(location.block))
  }

  /// The block row with number `index`.
  ///
  /// - Throws: `.damaged` when there is no such row or it is out of bounds.
  public func block(at index: Int) throws -> IndexBlock {
    guard index >= 0, index < layout.blockCount else { throw fail("there is no block \(index)") }
    return try IndexBlock.decode(base + (layout.blocks + index * IndexBlock.byteCount))
  }

  func firstBlock(_ pack: Int) -> Int {
    let pointer = base + (layout.packs + pack * IndexPack.byteCount)
    return Int(UInt32(littleEndian: pointer.loadUnaligned(fromByteOffset: 40, as: UInt32.self)))
  }

  @inline(__always)
  func fanOut(_ bucket: Int) -> Int {
    let pointer = base + (layout.fanOut + bucket * 4)
    return Int(UInt32(littleEndian: pointer.loadUnaligned(as: UInt32.self)))
  }

  func fail(_ what: String) -> VarveError {
    VarveError(.damaged, "index segment is damaged: \(what)")
  }
}
