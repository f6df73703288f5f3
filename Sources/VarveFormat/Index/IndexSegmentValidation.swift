extension IndexSegmentView {
  /// Checks everything that opening does not: the order of packs and rows, that every block lies in its
  /// pack without gaps, every reference, the fan-out, the padding, and that the filter knows every row.
  ///
  /// - Throws: `.damaged`. O(packs + blocks + rows).
  public func validate() throws {
    try validatePacks()
    try validateFanOut()
    try validatePadding()
    try validateRows()
  }

  private func validatePacks() throws {
    var previous: Digest?
    var nextBlock = 0
    for index in 0..<packCount {
      let pack = try pack(at: index)
      if let previous, pack.name <= previous { throw fail("its packs do not ascend") }
      previous = pack.name
      let blocks = try blocks(ofPack: index)
      guard blocks.lowerBound == nextBlock else { throw fail("the blocks of pack \(index)") }
      nextBlock = blocks.upperBound
      var offset = PackHeader.byteCount
      for number in blocks {
        let block = try block(at: number)
        guard Int(block.offset) == offset else { throw fail("a gap before block \(number)") }
        offset += Int(block.storedLength)
      }
      guard UInt64(offset + PackFooter.byteCount) < pack.size else {
        throw fail("the blocks of pack \(index) do not fit into it")
      }
    }
    guard nextBlock == blockCount else { throw fail("it has blocks without a pack") }
  }

  private func validateFanOut() throws {
    let buckets = 1 << layout.fanOutBits
    guard fanOut(0) == 0, fanOut(buckets) == rowCount else { throw fail("its fan-out") }
    for bucket in 0..<buckets where fanOut(bucket) > fanOut(bucket + 1) {
      throw fail("its fan-out")
    }
  }

  private func validatePadding() throws {
    let fanOutEnd = layout.fanOut + (1 << layout.fanOutBits + 1) * 4
    let filterEnd = layout.filterBytes + Int(layout.filter?.byteCount ?? 0)
    for offset in Array(fanOutEnd..<layout.filterBytes) + Array(filterEnd..<layout.rows)
    where base.load(fromByteOffset: offset, as: UInt8.self) != 0 {
      throw fail("its padding is not zero")
    }
  }

  private func validateRows() throws {
    let shift = UInt64(64 - layout.fanOutBits)
    var previous: Digest?
    for index in 0..<rowCount {
      let row = row(at: index)
      if let previous, row.address <= previous { throw fail("its rows do not ascend") }
      previous = row.address
      let blocks = try blocks(ofPack: Int(row.location.pack))
      guard Int(row.location.block) < blocks.count,
        Int(row.location.slot) < PackLimits.slotsPerBlock
      else { throw fail("row \(index) names no block") }
      let bucket = shift == 64 ? 0 : Int(row.address.prefix64 >> shift)
      guard fanOut(bucket) <= index, index < fanOut(bucket + 1) else { throw fail("its fan-out") }
      if let filter = layout.filter,
        !BinaryFuseFilter.mayContain(row.address.prefix64, filter, base + layout.filterBytes)
      {
        throw fail("its filter lacks row \(index)")
      }
    }
  }
}
