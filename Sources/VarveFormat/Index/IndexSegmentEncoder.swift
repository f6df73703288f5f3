/// Lays sorted packs, blocks and rows out as the plaintext of an index segment.
enum IndexSegmentEncoder {
  /// - Parameters:
  ///   - packs: ascending by name.
  ///   - blocks: of each pack, in order.
  ///   - rows: strictly ascending by address, referring to `packs` by number.
  static func encode(packs: [IndexPack], blocks: [[IndexBlock]], rows: [IndexRow]) -> [UInt8] {
    let filter = BinaryFuseFilter(ascending: rows.lazy.map(\.address.prefix64))
    let layout = IndexSegmentLayout(
      packCount: packs.count, blockCount: blocks.reduce(0) { $0 + $1.count },
      rowCount: rows.count, fanOutBits: IndexSegmentLayout.fanOutBits(rowCount: rows.count),
      filter: filter?.geometry)
    return [UInt8](unsafeUninitializedCapacity: layout.end) { buffer, count in
      let out = UnsafeMutableRawBufferPointer(buffer)
      out.baseAddress!.initializeMemory(as: UInt8.self, repeating: 0, count: layout.rows)
      out.copyBytes(from: layout.encodeHeader())
      write(packs, blocks, layout, out.baseAddress!)
      if let filter {
        filter.fingerprints.withUnsafeBytes {
          (out.baseAddress! + layout.filterBytes).copyMemory(
            from: $0.baseAddress!, byteCount: $0.count)
        }
      }
      write(rows, layout, out.baseAddress!)
      count = layout.end
    }
  }

  private static func write(
    _ packs: [IndexPack], _ blocks: [[IndexBlock]], _ layout: IndexSegmentLayout,
    _ out: UnsafeMutableRawPointer
  ) {
    var row = out + layout.packs
    var place = out + layout.blocks
    var firstBlock = 0
    for (pack, list) in zip(packs, blocks) {
      pack.encode(firstBlock: UInt32(firstBlock), to: row)
      row += IndexPack.byteCount
      firstBlock += list.count
      for block in list {
        place.storeBytes(of: block.offset.littleEndian, as: UInt32.self)
        place.storeBytes(of: block.storedLength.littleEndian, toByteOffset: 4, as: UInt32.self)
        place += IndexBlock.byteCount
      }
    }
  }

  private static func write(
    _ rows: [IndexRow], _ layout: IndexSegmentLayout, _ out: UnsafeMutableRawPointer
  ) {
    let fanOut = out + layout.fanOut
    let bits = UInt64(layout.fanOutBits)
    var bucket = 0
    var place = out + layout.rows
    for (index, row) in rows.enumerated() {
      let own = bits == 0 ? 0 : Int(row.address.prefix64 >> (64 - bits))
      while bucket < own {
        bucket += 1
        fanOut.storeBytes(of: UInt32(index).littleEndian, toByteOffset: bucket * 4, as: UInt32.self)
      }
      row.store(to: place)
      place += IndexRow.byteCount
    }
    while bucket < 1 << layout.fanOutBits {
      bucket += 1
      fanOut.storeBytes(
        of: UInt32(rows.count).littleEndian, toByteOffset: bucket * 4, as: UInt32.self)
    }
  }
}
