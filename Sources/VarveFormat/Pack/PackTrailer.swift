/// The chunk table that ends a pack: an index can be rebuilt from packs alone (docs/format.md,
/// section 7).
///
/// ```
/// trailer payload := block-count:uvarint
///                    ( stored-length:uvarint slot-count:uvarint (address:digest length:uvarint)* )*
/// ```
/// Blocks follow one another without gaps from offset 128. Two flat arrays rather than one array a
/// block: a pack of 20,000 small files costs 40 bytes a file and two allocations.
public struct PackTrailer: Equatable, Sendable {
  public struct Block: Equatable, Sendable {
    /// Bytes of the sealed block, tag included.
    public let storedLength: UInt32
    /// Where the block's slots begin in `slots`.
    public let firstSlot: UInt32
    public let slotCount: UInt32

    public var slots: Range<Int> { Int(firstSlot)..<Int(firstSlot) + Int(slotCount) }
  }

  public struct Slot: Equatable, Sendable {
    public let address: Digest
    /// Bytes of plaintext.
    public let length: UInt32

    public init(address: Digest, length: UInt32) {
      self.address = address
      self.length = length
    }
  }

  public private(set) var blocks: [Block] = []
  public private(set) var slots: [Slot] = []

  public init() {}

  /// Adds a slot to the block that the next `endBlock` closes.
  public mutating func append(_ slot: Slot) { slots.append(slot) }

  /// Makes a block of the slots added since the last one; there must be at least one.
  ///
  /// - Parameter storedLength: bytes of the sealed block, tag included.
  public mutating func endBlock(storedLength: UInt32) {
    let first = blocks.last?.slots.upperBound ?? 0
    precondition(slots.count > first)
    blocks.append(
      Block(
        storedLength: storedLength, firstSlot: UInt32(first),
        slotCount: UInt32(slots.count - first)))
  }

  public mutating func removeAll(keepingCapacity: Bool) {
    blocks.removeAll(keepingCapacity: keepingCapacity)
    slots.removeAll(keepingCapacity: keepingCapacity)
  }

  /// Bytes of all sealed blocks.
  public var storedByteCount: UInt64 { blocks.reduce(0) { $0 + UInt64($1.storedLength) } }

  /// The payload, before compression and sealing. O(slots).
  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 3 + blocks.count * 8 + slots.count * 36)
    writer.uvarint(blocks.count)
    for block in blocks {
      writer.uvarint(UInt64(block.storedLength))
      writer.uvarint(UInt64(block.slotCount))
      for slot in slots[block.slots] {
        writer.digest(slot.address)
        writer.uvarint(UInt64(slot.length))
      }
    }
    return writer.bytes
  }

  /// - Throws: `.damaged` when a bound of section 7 is passed or bytes are left over.
  public init(decoding payload: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(payload, "pack trailer")
    let blockCount = try reader.count(limit: PackLimits.blocks)
    guard blockCount > 0 else { throw reader.fail("there are no blocks") }
    blocks.reserveCapacity(min(blockCount, reader.remaining / 35))
    var packByteCount =
      PackHeader.byteCount + PackLimits.sealOverhead + 1 + PackFooter.byteCount
    for _ in 0..<blockCount {
      let storedLength = try reader.count(limit: PackLimits.storedBlockByteCount)
      guard storedLength > PackLimits.sealOverhead else {
        throw reader.fail("a block is too short")
      }
      // Offsets in an index are 32 bits: nothing may count beyond a pack, whatever file it came from.
      packByteCount += storedLength
      guard packByteCount <= PackLimits.packByteCount else {
        throw reader.fail("its blocks are longer than a pack")
      }
      let slotCount = try reader.count(limit: PackLimits.slotsPerBlock)
      guard slotCount > 0 else { throw reader.fail("a block has no slots") }
      guard slots.count + slotCount <= PackLimits.slots else { throw reader.fail("too many slots") }
      for _ in 0..<slotCount {
        let address = try reader.digest()
        let length = try reader.count(limit: PackLimits.slotByteCount)
        guard length > 0 else { throw reader.fail("a slot is empty") }
        slots.append(Slot(address: address, length: UInt32(length)))
      }
      endBlock(storedLength: UInt32(storedLength))
    }
    try reader.requireEnd()
  }

  /// Requires that header, blocks, trailer and footer fill the pack exactly.
  ///
  /// - Throws: `.damaged`.
  public func requireFits(footer: PackFooter, packSize: UInt64) throws {
    let expected =
      UInt64(PackHeader.byteCount) + storedByteCount + UInt64(footer.trailerLength)
      + UInt64(PackFooter.byteCount)
    guard footer.blockCount == blocks.count, expected == packSize else {
      throw VarveError(.damaged, "pack trailer is damaged: its blocks do not fill the pack")
    }
  }
}
