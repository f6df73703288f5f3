/// What binds a sealed block to its place (docs/format.md, section 7).
///
/// ```
/// nonce(o) := bytes(8) of zero, u32(o)
/// aad(o)   := "varve v1 block" RID type:u8 u32(o)
/// ```
/// A content key serves one pack only, so an ordinal never repeats under it. The buffers are made once
/// and only the ordinal changes, so that sealing a block allocates nothing.
public struct BlockBinding: Sendable {
  public static let nonceByteCount = 12
  /// The ordinal of the trailer.
  public static let trailerOrdinal: UInt32 = 0xffff_ffff

  public private(set) var nonce: [UInt8]
  public private(set) var associatedData: [UInt8]

  public init(repository: Digest, type: PackType) {
    var writer = ByteWriter(reservingCapacity: 51)
    writer.ascii("varve v1 block")
    writer.digest(repository)
    writer.u8(type.rawValue)
    writer.u32(0)
    associatedData = writer.bytes
    nonce = [UInt8](repeating: 0, count: BlockBinding.nonceByteCount)
  }

  /// Makes `nonce` and `associatedData` those of the block with this ordinal.
  public mutating func select(_ ordinal: UInt32) {
    nonce.withUnsafeMutableBytes {
      $0.storeBytes(of: ordinal.littleEndian, toByteOffset: 8, as: UInt32.self)
    }
    associatedData.withUnsafeMutableBytes {
      $0.storeBytes(of: ordinal.littleEndian, toByteOffset: $0.count - 4, as: UInt32.self)
    }
  }
}
