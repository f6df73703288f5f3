/// The bounds of section 9; writers keep within them and readers refuse what is not.
public enum TreeLimits {
  /// The longest tree node, in bytes: a node is a chunk.
  public static let nodeByteCount = PackLimits.slotByteCount
  /// The longest body of an entry, in bytes.
  public static let entryByteCount = 32 << 20
  public static let nameByteCount = 4_096
  /// The longest user or group name, in bytes.
  public static let accountByteCount = 256
  public static let extendedAttributes = 4_096
  public static let extendedAttributeNameByteCount = 255
  public static let extendedAttributeValueByteCount = 64 << 10
  public static let linkTargetByteCount = 65_535
  /// The most levels of directories, the root counted.
  public static let depth = 4_096
  /// The largest file, in bytes.
  public static let fileByteCount = UInt64(Int64.max)
  /// The most chunks that an entry lists itself; more go into chunk-list nodes.
  public static let inlineChunks = 32
  /// The most chunks in a chunk-list node.
  public static let chunksPerList = 4_096
}
