/// The last 16 bytes of a pack: they tell a reader who has only the pack where its trailer is
/// (docs/format.md, section 7).
///
/// ```
/// pack-footer := trailer-stored-length:u32 block-count:u32 "VARVEEND"
/// ```
public struct PackFooter: Equatable, Sendable {
  public static let byteCount = 16
  static let magic: StaticString = "VARVEEND"

  /// Bytes of the sealed trailer, tag included; it ends where the footer begins.
  public let trailerLength: UInt32
  public let blockCount: UInt32

  public init(trailerLength: UInt32, blockCount: UInt32) {
    self.trailerLength = trailerLength
    self.blockCount = blockCount
  }

  /// The 16 bytes.
  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: PackFooter.byteCount)
    writer.u32(trailerLength)
    writer.u32(blockCount)
    writer.ascii(PackFooter.magic)
    return writer.bytes
  }

  /// Reads a footer from the last 16 bytes of `bytes`, which may be longer.
  ///
  /// - Throws: `.damaged`.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes.suffix(PackFooter.byteCount)), "pack footer")
    trailerLength = try reader.u32()
    blockCount = try reader.u32()
    try reader.magic(PackFooter.magic)
    guard (1...PackLimits.blocks).contains(Int(blockCount)) else {
      throw reader.fail("\(blockCount) blocks")
    }
    let longest = PackLimits.trailerPayloadByteCount + PackLimits.sealOverhead
    guard (PackLimits.sealOverhead + 1...longest).contains(Int(trailerLength)) else {
      throw reader.fail("a trailer of \(trailerLength) bytes")
    }
  }
}
