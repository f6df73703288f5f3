internal import VarveFormat

/// What opening blocks needs beside a place for each of them. One per thread.
package final class BlockDecoder {
  /// A longest chunk of the default sizes and what a block adds to it: one block in twenty is longer than 2 MiB, and a buffer
  /// that came and went with each of them would be fresh memory each time. What is never touched costs nothing, and
  /// memory for even longer blocks is kept only until the next one.
  static let usualLength = (8 << 20) + (64 << 10)

  fileprivate let decompressor: BlockDecompressor
  /// A block that was opened and not decompressed yet.
  fileprivate var frame: ReusableBuffer
  var sealed: ReusableBuffer

  package init() throws {
    decompressor = try BlockDecompressor()
    frame = try ReusableBuffer(capacity: Self.usualLength)
    sealed = try ReusableBuffer(capacity: Self.usualLength)
  }
}

/// The slots of one decoded block, in a buffer that is used again for the next block, or in an arena.
package final class DecodedBlock {
  let decoder: BlockDecoder
  private let arena: BlockArena?
  /// Nil where payloads go into an arena.
  private var buffer: ReusableBuffer?
  private var payload = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The frame of the block that was opened last; valid until its decoder opens another one.
  private(set) var frame = UnsafeRawBufferPointer(start: nil, count: 0)
  private var ranges: [BlockPayload.SlotRange] = []

  package init() throws {
    decoder = try BlockDecoder()
    arena = nil
    buffer = try ReusableBuffer(capacity: BlockDecoder.usualLength)
  }

  /// A block whose payloads go into `arena`, and are valid as long as what is there.
  init(decoder: BlockDecoder, arena: BlockArena) {
    self.decoder = decoder
    self.arena = arena
    buffer = nil
  }

  package var slotCount: Int { ranges.count }
  /// All that the frame decodes to.
  var wholePayload: UnsafeRawBufferPointer { payload }

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
    decoder.frame = try decoder.frame.fitted(to: length, usually: BlockDecoder.usualLength)
    let opened = UnsafeMutableRawBufferPointer(start: decoder.frame.base, count: length)
    try cipher.open(sealedBytes, ordinal: ordinal, into: opened)
    let frame = UnsafeRawBufferPointer(opened)
    self.frame = frame
    let decompressor = decoder.decompressor
    let count = try decompressor.payloadLength(of: frame)
    if let arena {
      let place = try arena.take(count)
      try decompressor.decode(frame, into: place)
      return UnsafeRawBufferPointer(place)
    }
    var own = try buffer ?? ReusableBuffer(capacity: BlockDecoder.usualLength)
    defer { buffer = own }
    if decompressor.isRaw(frame) {
      // It stays where it is, and the decoder goes on with the other buffer.
      swap(&decoder.frame, &own)
      return UnsafeRawBufferPointer(rebasing: frame.dropFirst())
    }
    own = try own.fitted(to: count, usually: BlockDecoder.usualLength)
    let place = UnsafeMutableRawBufferPointer(start: own.base, count: count)
    try decompressor.decode(frame, into: place)
    return UnsafeRawBufferPointer(place)
  }
}
