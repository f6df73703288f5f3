/// The beginning of a stored snapshot record (docs/format.md, section 10); the sealed record follows.
///
/// ```
/// snapshot-object := "VARVESNP" version:u16(1) reserved:u16(0) epoch:u32(0) encapsulation:bytes(32) sealed
/// ```
/// The first 16 bytes are the additional data under which the record is sealed.
public struct SnapshotObject: Equatable, Sendable {
  /// Bytes before the sealed record.
  public static let headerByteCount = 48
  public static let encapsulationByteCount = 32
  public static let version: UInt16 = 1

  static let magic: StaticString = "VARVESNP"

  /// HPKE's encapsulated key, 32 bytes.
  public let encapsulation: [UInt8]
  /// The record as HPKE sealed it, tag included.
  public let sealed: [UInt8]

  /// - Precondition: `encapsulation` has 32 bytes.
  public init(encapsulation: [UInt8], sealed: [UInt8]) {
    precondition(encapsulation.count == SnapshotObject.encapsulationByteCount)
    self.encapsulation = encapsulation
    self.sealed = sealed
  }

  /// The first 16 bytes, the same in every record of this version.
  public static var associatedData: [UInt8] {
    var writer = ByteWriter(reservingCapacity: 16)
    writer.ascii(magic)
    writer.u16(version)
    writer.u16(0)
    writer.u32(0)
    return writer.bytes
  }

  /// The object's bytes; its SHA-256 is the snapshot's id.
  public func encode() -> [UInt8] {
    SnapshotObject.associatedData + encapsulation + sealed
  }

  /// - Throws: `.damaged`, or `.unsupportedFormat` for a version this program does not know.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(bytes, "snapshot record")
    try reader.magic(SnapshotObject.magic)
    try reader.version(SnapshotObject.version)
    guard try reader.u16() == 0 else { throw reader.fail("a reserved field is not zero") }
    guard try reader.u32() == 0 else {
      throw VarveError.newerFormat("the snapshot record has a key epoch")
    }
    encapsulation = Array(try reader.slice(SnapshotObject.encapsulationByteCount))
    guard (17...SnapshotRecord.byteLimit + 16).contains(reader.remaining) else {
      throw reader.fail("a record of \(reader.remaining) bytes")
    }
    sealed = Array(try reader.slice(reader.remaining))
  }
}
