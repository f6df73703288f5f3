/// The first 64 bytes of a stored index segment (docs/format.md, section 8).
///
/// ```
/// segment-object := segment-header sealed-frame*
/// segment-header := "VARVEIDX" version:u16(1) reserved:u16(0) frame-log2:u32(20) plain-length:u64
///                   salt:bytes(32) reserved:bytes(8)
/// ```
/// Frame *i* is an AEAD over the *i*-th 2^20 bytes of the plaintext, the whole header being its
/// additional data: a client can open it in pieces straight into its mapped cache.
public struct IndexSegmentHeader: Equatable, Sendable {
  public static let byteCount = 64
  public static let version: UInt16 = 1
  public static let frameByteCount = 1 << 20
  public static let tagByteCount = 16
  public static let saltByteCount = 32
  /// The longest plaintext: 2^32 rows and as many blocks, generously.
  public static let plainLengthLimit: UInt64 = 1 << 40

  static let magic: StaticString = "VARVEIDX"
  static let frameLog2: UInt32 = 20

  /// Bytes of plaintext.
  public let plainLength: UInt64
  /// 32 random bytes that make this segment's key its own.
  public let salt: [UInt8]

  /// - Precondition: `salt` has 32 bytes.
  public init(plainLength: UInt64, salt: [UInt8]) {
    precondition(salt.count == IndexSegmentHeader.saltByteCount)
    self.plainLength = plainLength
    self.salt = salt
  }

  /// Frames that the plaintext takes.
  public var frameCount: UInt64 {
    (plainLength + UInt64(IndexSegmentHeader.frameByteCount) - 1)
      / UInt64(IndexSegmentHeader.frameByteCount)
  }

  /// Bytes of the whole object.
  public var objectByteCount: UInt64 {
    UInt64(IndexSegmentHeader.byteCount) + plainLength
      + frameCount * UInt64(IndexSegmentHeader.tagByteCount)
  }

  /// The 64 bytes.
  public func encode() -> [UInt8] {
    var writer = ByteWriter(reservingCapacity: IndexSegmentHeader.byteCount)
    writer.ascii(IndexSegmentHeader.magic)
    writer.u16(IndexSegmentHeader.version)
    writer.u16(0)
    writer.u32(IndexSegmentHeader.frameLog2)
    writer.u64(plainLength)
    writer.raw(salt)
    writer.u64(0)
    return writer.bytes
  }

  /// Reads the header from the first 64 bytes of `bytes`, which may be longer.
  ///
  /// - Throws: `.damaged`, or `.unsupportedFormat` for a version this program does not know.
  public init(decoding bytes: UnsafeRawBufferPointer) throws {
    var reader = ByteReader(
      UnsafeRawBufferPointer(rebasing: bytes.prefix(IndexSegmentHeader.byteCount)),
      "index segment header")
    try reader.magic(IndexSegmentHeader.magic)
    try reader.version(IndexSegmentHeader.version)
    guard try reader.u16() == 0 else { throw reader.fail("a reserved field is not zero") }
    guard try reader.u32() == IndexSegmentHeader.frameLog2 else {
      throw reader.fail("an unknown frame size")
    }
    plainLength = try reader.u64()
    guard (1...IndexSegmentHeader.plainLengthLimit).contains(plainLength) else {
      throw reader.fail("a plaintext of \(plainLength) bytes")
    }
    salt = Array(try reader.slice(IndexSegmentHeader.saltByteCount))
    guard try reader.u64() == 0 else { throw reader.fail("a reserved field is not zero") }
  }
}
