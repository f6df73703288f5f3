internal import VarveFormat

/// The slots of one decoded block, in a buffer that is used again for the next block.
package final class DecodedBlock {
  var sealed: ReusableBuffer
  var frame: ReusableBuffer
  let decompressor: BlockDecompressor
  private var payload = UnsafeRawBufferPointer(start: nil, count: 0)
  private var ranges: [BlockPayload.SlotRange] = []

  package init() throws {
    sealed = try ReusableBuffer(capacity: 2 << 20)
    frame = try ReusableBuffer(capacity: 2 << 20)
    decompressor = try BlockDecompressor()
  }

  package var slotCount: Int { ranges.count }

  /// The bytes of a slot; valid until the next block is decoded here.
  ///
  /// - Throws: `.damaged` when the block has no such slot.
  package func slot(_ index: Int) throws -> UnsafeRawBufferPointer {
    guard ranges.indices.contains(index) else {
      throw VarveError(.damaged, "a block has \(ranges.count) slots, not one numbered \(index)")
    }
    return UnsafeRawBufferPointer(rebasing: payload[ranges[index].range])
  }

  /// Opens a sealed block.
  ///
  /// - Throws: `.damaged` for anything that is not the block sealed there.
  func decode(
    _ sealedBytes: UnsafeRawBufferPointer, ordinal: UInt32, cipher: BlockCipher
  ) throws {
    ranges.removeAll(keepingCapacity: true)
    payload = try payload(of: sealedBytes, ordinal: ordinal, cipher: cipher)
    try BlockPayload.parse(payload, into: &ranges)
  }

  /// The payload of a sealed block, valid until this object is used again.
  ///
  /// - Throws: `.damaged` for anything that is not the block sealed there.
  func payload(
    of sealedBytes: UnsafeRawBufferPointer, ordinal: UInt32, cipher: BlockCipher
  ) throws -> UnsafeRawBufferPointer {
    let length = sealedBytes.count - BlockCipher.tagLength
    guard length > 0 else { throw VarveError(.damaged, "a block is too short to be one") }
    if frame.capacity < length { frame = try ReusableBuffer(capacity: length) }
    let opened = UnsafeMutableRawBufferPointer(start: frame.base, count: length)
    try cipher.open(sealedBytes, ordinal: ordinal, into: opened)
    return try decompressor.payload(of: UnsafeRawBufferPointer(opened))
  }
}
