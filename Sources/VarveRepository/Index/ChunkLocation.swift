public import VarveFormat

/// Where a chunk lies.
public struct ChunkLocation: Sendable {
  /// The pack's name.
  public let pack: Digest
  public let packSize: UInt64
  public let type: PackType
  /// The sealed block's place in the pack, in bytes.
  public let offset: UInt32
  public let storedLength: UInt32
  /// The block's ordinal in the pack.
  public let block: UInt16
  /// The chunk's place in the block.
  public let slot: UInt16

  package init(
    pack: Digest, packSize: UInt64, type: PackType, offset: UInt32, storedLength: UInt32,
    block: UInt16, slot: UInt16
  ) {
    self.pack = pack
    self.packSize = packSize
    self.type = type
    self.offset = offset
    self.storedLength = storedLength
    self.block = block
    self.slot = slot
  }
}
