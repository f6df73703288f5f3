/// What a pack's chunks are (docs/format.md, section 7). The two never share a pack, so that all trees
/// can be read without touching file content.
public enum PackType: UInt8, Hashable, Sendable {
  /// Runs of file content.
  case data = 1
  /// Tree nodes and link tables.
  case tree = 2
}

/// The bounds of section 7; writers keep within them and readers refuse what is not.
public enum PackLimits {
  /// The largest pack, in bytes.
  public static let packByteCount = 1 << 31
  /// The most blocks in a pack.
  public static let blocks = 65_535
  /// The most chunks in a pack; 2^20 of them make a trailer of at most 37 MiB.
  public static let slots = 1 << 20
  /// The most chunks in a block.
  public static let slotsPerBlock = 65_535
  /// The longest chunk, in bytes.
  public static let slotByteCount = 64 << 20
  /// The longest payload of a block, table and slots, in bytes.
  public static let blockPayloadByteCount = 65 << 20
  /// The longest payload of a trailer, in bytes.
  public static let trailerPayloadByteCount = 40 << 20
  /// The codec byte and the AEAD tag that a sealed frame adds to its body.
  public static let sealOverhead = 1 + 16
  /// The longest sealed block, in bytes: a payload that is stored raw.
  public static let storedBlockByteCount = blockPayloadByteCount + sealOverhead
}

/// How the body of a frame is coded: its first byte (docs/format.md, section 7).
public enum FrameCodec: UInt8, Hashable, Sendable {
  /// The body is the payload.
  case raw = 0
  /// The body is one zstd frame, whose header has the payload's length.
  case zstd = 1
}
