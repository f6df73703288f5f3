/// Where a chunk lies, as the row of an index segment says it (docs/format.md, section 8).
///
/// `pack` is the number of a pack row of the same segment; `block` and `slot` count from 0.
public struct IndexLocation: Hashable, Comparable, Sendable {
  public let pack: UInt32
  public let block: UInt16
  public let slot: UInt16

  public init(pack: UInt32, block: UInt16, slot: UInt16) {
    self.pack = pack
    self.block = block
    self.slot = slot
  }

  public static func < (a: IndexLocation, b: IndexLocation) -> Bool {
    (a.pack, a.block, a.slot) < (b.pack, b.block, b.slot)
  }
}

/// A chunk's address and where it lies: 40 bytes stored, 40 in memory.
public struct IndexRow: Hashable, Sendable {
  public static let byteCount = 40

  public let address: Digest
  public let location: IndexLocation

  public init(address: Digest, location: IndexLocation) {
    self.address = address
    self.location = location
  }
}

extension IndexRow: Comparable {
  /// By address, then by location.
  public static func < (a: IndexRow, b: IndexRow) -> Bool {
    if a.address != b.address { return a.address < b.address }
    return a.location < b.location
  }
}

/// A pack as an index segment lists it.
public struct IndexPack: Hashable, Sendable {
  public static let byteCount = 48

  public let name: Digest
  /// Bytes of the whole object.
  public let size: UInt64
  public let type: PackType

  public init(name: Digest, size: UInt64, type: PackType) {
    self.name = name
    self.size = size
    self.type = type
  }
}

/// A sealed block's place in its pack.
public struct IndexBlock: Hashable, Sendable {
  public static let byteCount = 8

  /// Bytes from the start of the pack.
  public let offset: UInt32
  /// Bytes of the sealed block, tag included.
  public let storedLength: UInt32

  public init(offset: UInt32, storedLength: UInt32) {
    self.offset = offset
    self.storedLength = storedLength
  }
}
