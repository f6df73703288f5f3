/// The first 128 bytes of a pack (docs/format.md, section 7).
///
/// ```
/// pack-header := "VARVEPAK" version:u16(1) type:u8(1 data | 2 tree) reserved:u8(0) epoch:u32(0)
///                encapsulation:bytes(32) wrapped-key:bytes(48) commitment:bytes(32)
/// ```
/// The first 16 bytes are the additional data under which the content key is wrapped.
public struct PackHeader: Equatable, Sendable {
  public static let byteCount = 128
  public static let version: UInt16 = 1
  public static let encapsulationByteCount = 32
  public static let wrappedKeyByteCount = 48

  static let magic: StaticString = "VARVEPAK"

  public let type: PackType
  /// HPKE's encapsulated key, 32 bytes.
  public let encapsulation: [UInt8]
  /// The content key as HPKE sealed it, 48 bytes.
  public let wrappedKey: [UInt8]
  /// Commits to the content key, so that no second key opens the pack to something else.
  public let commitment: Digest

  /// - Precondition: `encapsulation` has 32 bytes and `wrappedKey` 48.
  public init(
    type: PackType, encapsulation: [UInt8], wrappedKey: [UInt8], commitment: Digest
  ) {
    precondition(encapsulation.count == PackHeader.encapsulationByteCount)
    precondition(wrappedKey.count == PackHeader.wrappedKeyByteCount)
    self.type = type
    self.encapsulation = encapsulation
    self.wrappedKey = wrappedKey
    self.commitment = commitment
  }

  /// The first 16 bytes of a header: what is known before the key is wrapped.
  public static func associatedData(for type: PackType) -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: 16)
    writer.ascii(magic)
    writer.u16(version)
    writer.u8(type.rawValue)
    writer.u8(0)
    writer.u32(0)
    return writer.bytes
  }

  /// The 128 bytes.
  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: PackHeader.byteCount)
    writer.raw(PackHeader.associatedData(for: type))
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
    try reader.version(PackHeader.version)
    guard let type = PackType(rawValue: try reader.u8()) else {
      throw reader.fail("an unknown pack type")
    }
    guard try reader.u8() == 0 else { throw reader.fail("a reserved byte is not zero") }
    guard try reader.u32() == 0 else {
      throw VarveError.newerFormat("the pack has a key epoch")
    }
    self.type = type
    encapsulation = Array(try reader.slice(PackHeader.encapsulationByteCount))
    wrappedKey = Array(try reader.slice(PackHeader.wrappedKeyByteCount))
    commitment = try reader.digest()
  }
}
