/// How the keys of a pack's blocks follow from its content key (docs/format.md, section 7).
public enum PackVersion: UInt16, Sendable, CaseIterable {
  /// One key for all of them. Read, not written any more.
  case oneKey = 1
  /// Each block has its own, so that it can be given away without the others.
  case blockKeys = 2

  /// That of new packs.
  public static let newest = blockKeys
}

/// The first 128 bytes of a pack (docs/format.md, section 7).
///
/// ```
/// pack-header := "VARVEPAK" version:u16(1 | 2) type:u8(1 data | 2 tree) reserved:u8(0) epoch:u32(0)
///                encapsulation:bytes(32) wrapped-key:bytes(48) commitment:bytes(32)
/// ```
/// The first 16 bytes are the additional data under which the content key is wrapped.
public struct PackHeader: Equatable, Sendable {
  public static let byteCount = 128
  public static let encapsulationByteCount = 32
  public static let wrappedKeyByteCount = 48

  static let magic: StaticString = "VARVEPAK"

  public let version: PackVersion
  public let type: PackType
  /// HPKE's encapsulated key, 32 bytes.
  public let encapsulation: [UInt8]
  /// The content key as HPKE sealed it, 48 bytes.
  public let wrappedKey: [UInt8]
  /// Commits to the content key, so that no second key opens the pack to something else.
  public let commitment: Digest

  /// - Precondition: `encapsulation` has 32 bytes and `wrappedKey` 48.
  public init(
    version: PackVersion = .newest, type: PackType, encapsulation: [UInt8], wrappedKey: [UInt8],
    commitment: Digest
  ) {
    precondition(encapsulation.count == PackHeader.encapsulationByteCount)
    precondition(wrappedKey.count == PackHeader.wrappedKeyByteCount)
    self.version = version
    self.type = type
    self.encapsulation = encapsulation
    self.wrappedKey = wrappedKey
    self.commitment = commitment
  }

  /// The first 16 bytes of a header: what is known before the key is wrapped.
  public static func associatedData(
    for type: PackType, version: PackVersion = .newest
  ) -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 16)
    writer.ascii(magic)
    writer.u16(version.rawValue)
    writer.u8(type.rawValue)
    writer.u8(0)
    writer.u32(0)
    return writer.bytes
  }

  /// The 128 bytes.
  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: PackHeader.byteCount)
    writer.raw(PackHeader.associatedData(for: type, version: version))
    writer.raw(encapsulation)
    writer.raw(wrappedKey)
    writer.digest(commitment)
    return writer.bytes
  }

  /// Reads a header from the first 128 bytes of `bytes`, which may be longer.
  ///
  /// - Throws: `.damaged`, or `.unsupportedFormat` for a version this program does not know.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes.prefix(PackHeader.byteCount)), "pack header")
    try reader.magic(PackHeader.magic)
    let number = try reader.u16()
    guard let version = PackVersion(rawValue: number) else {
      throw VarveError.newerFormat("the pack header has version \(number)")
    }
    guard let type = PackType(rawValue: try reader.u8()) else {
      throw reader.fail("an unknown pack type")
    }
    guard try reader.u8() == 0 else { throw reader.fail("a reserved byte is not zero") }
    guard try reader.u32() == 0 else {
      throw VarveError.newerFormat("the pack has a key epoch")
    }
    self.version = version
    self.type = type
    encapsulation = Array(try reader.slice(PackHeader.encapsulationByteCount))
    wrappedKey = Array(try reader.slice(PackHeader.wrappedKeyByteCount))
    commitment = try reader.digest()
  }
}
