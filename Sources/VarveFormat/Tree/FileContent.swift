/// A chunk as a file or a chunk-list node refers to it.
public struct ChunkReference: Hashable, Sendable {
  public let address: Digest
  /// Bytes of plaintext, 1 to 64 MiB.
  public let length: UInt32

  public init(address: Digest, length: UInt32) {
    self.address = address
    self.length = length
  }
}

/// A chunk-list node as a file refers to it.
public struct ChunkListReference: Hashable, Sendable {
  public let id: Digest
  /// Chunks that the node lists, 1 to 4,096.
  public let chunks: UInt32
  /// Bytes of file content that they make.
  public let byteCount: UInt64

  public init(id: Digest, chunks: UInt32, byteCount: UInt64) {
    self.id = id
    self.chunks = chunks
    self.byteCount = byteCount
  }
}

/// A run of a sparse file that has no data.
public struct Hole: Hashable, Sendable {
  /// Bytes from the start of the file.
  public let offset: UInt64
  public let length: UInt64

  public init(offset: UInt64, length: UInt64) {
    self.offset = offset
    self.length = length
  }

  public var end: UInt64 { offset &+ length }
}

/// What a file consists of (docs/format.md, section 9): its chunks, laid one after another into the
/// extents between its holes.
public struct FileContent: Hashable, Sendable {
  public enum Form: Hashable, Sendable {
    /// Up to 32 chunks.
    case chunks([ChunkReference])
    /// Chunk-list nodes of more than 32 chunks in all.
    case lists([ChunkListReference])
  }

  /// Bytes, holes included.
  public var size: UInt64
  public var form: Form
  /// Ascending; apart from each other by at least a byte.
  public var holes: [Hole]
  /// SHA-256 of all `size` bytes, holes as zeros. For an empty file it is not recorded and is `.zero`.
  public var digest: Digest

  public init(size: UInt64, form: Form, holes: [Hole], digest: Digest) {
    self.size = size
    self.form = form
    self.holes = holes
    self.digest = digest
  }

  public static let empty = FileContent(size: 0, form: .chunks([]), holes: [], digest: .zero)
}

/// What a directory's entry says of it.
public struct DirectoryContent: Hashable, Sendable {
  /// The directory's node.
  public var id: Digest
  /// The Merkle tree hash over its entries' commitments (section 9.1).
  public var proofRoot: Digest
  public var entryCount: UInt64

  public init(id: Digest, proofRoot: Digest, entryCount: UInt64) {
    self.id = id
    self.proofRoot = proofRoot
    self.entryCount = entryCount
  }
}
