/// Where a chunk lies, as the row of an index segment says it (docs/format.md, section 8).
///
/// `pack` is the number of a pack row of the same segment; `block` and `slot` count from 0.
public struct IndexLocation: Hashable, Comparable, Sendable {
  public let pack: UInt32
  public let block: UInt16
  public let slot: UInt16

  @inlinable
  public init(pack: UInt32, block: UInt16, slot: UInt16) {
    self.pack = pack
    self.block = block
    self.slot = slot
  }

  @inlinable
  public static func < (a: IndexLocation, b: IndexLocation) -> Bool {
    if a.pack != b.pack { return a.pack < b.pack }
    if a.block != b.block { return a.block < b.block }
    return a.slot < b.slot
  }
}

/// A chunk's address and where it lies: 40 bytes stored, 40 in memory.
public struct IndexRow: Hashable, Sendable {
  public static let byteCount = 40

  public let address: Digest
  public let location: IndexLocation

  @inlinable
  public init(address: Digest, location: IndexLocation) {
    self.address = address
    self.location = location
  }

  /// Reads the 40 bytes of a row at `pointer`, which need not be aligned.
  @inlinable
  public init(loading pointer: UnsafeRawPointer) {
    self.init(
      address: Digest(loading: pointer),
      location: IndexLocation(
        pack: UInt32(littleEndian: pointer.loadUnaligned(fromByteOffset: 32, as: UInt32.self)),
        block: UInt16(littleEndian: pointer.loadUnaligned(fromByteOffset: 36, as: UInt16.self)),
        slot: UInt16(littleEndian: pointer.loadUnaligned(fromByteOffset: 38, as: UInt16.self))))
  }

  /// Writes the 40 bytes of the row at `pointer`, which need not be aligned.
  @inlinable
  public func store(to pointer: UnsafeMutableRawPointer) {
    address.store(to: pointer)
    pointer.storeBytes(of: location.pack.littleEndian, toByteOffset: 32, as: UInt32.self)
    pointer.storeBytes(of: location.block.littleEndian, toByteOffset: 36, as: UInt16.self)
    pointer.storeBytes(of: location.slot.littleEndian, toByteOffset: 38, as: UInt16.self)
  }
}

extension IndexRow: Comparable {
  /// By address, then by location.
  @inlinable
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

  /// Reads a pack row of 48 bytes, and the number of the pack's first block.
  ///
  /// - Throws: `.damaged` when it is not well-formed.
  package static func decode(
    _ pointer: UnsafeRawPointer
  ) throws -> (pack: IndexPack, firstBlock: UInt32) {
    let rest = UInt32(littleEndian: pointer.loadUnaligned(fromByteOffset: 44, as: UInt32.self))
    guard rest <= 0xff, let type = PackType(rawValue: UInt8(rest)) else {
      throw VarveError(.damaged, "index segment is damaged: an unknown pack type")
    }
    let size = UInt64(littleEndian: pointer.loadUnaligned(fromByteOffset: 32, as: UInt64.self))
    guard size <= PackLimits.packByteCount else {
      throw VarveError(.damaged, "index segment is damaged: a pack of \(size) bytes")
    }
    let first = UInt32(littleEndian: pointer.loadUnaligned(fromByteOffset: 40, as: UInt32.self))
    return (IndexPack(name: Digest(loading: pointer), size: size, type: type), first)
  }

  /// Writes the pack row of 48 bytes.
  package func encode(firstBlock: UInt32, to pointer: UnsafeMutableRawPointer) {
    name.store(to: pointer)
    pointer.storeBytes(of: size.littleEndian, toByteOffset: 32, as: UInt64.self)
    pointer.storeBytes(of: firstBlock.littleEndian, toByteOffset: 40, as: UInt32.self)
    pointer.storeBytes(of: UInt32(type.rawValue).littleEndian, toByteOffset: 44, as: UInt32.self)
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

  /// Reads a block row of 8 bytes.
  ///
  /// - Throws: `.damaged` when the block cannot lie in a pack.
  package static func decode(_ pointer: UnsafeRawPointer) throws -> IndexBlock {
    let block = IndexBlock(
      offset: UInt32(littleEndian: pointer.loadUnaligned(as: UInt32.self)),
      storedLength: UInt32(littleEndian: pointer.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
    guard block.offset >= PackHeader.byteCount, block.storedLength > PackLimits.sealOverhead,
      block.storedLength <= PackLimits.storedBlockByteCount,
      Int(block.offset) + Int(block.storedLength) <= PackLimits.packByteCount
    else { throw VarveError(.damaged, "index segment is damaged: a block lies nowhere") }
    return block
  }
}
