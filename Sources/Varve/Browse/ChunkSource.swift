public import VarveFormat
public import VarveRepository

/// Where chunks and tree nodes come from by address; what it gives is verified. One per thread.
public protocol ChunkSource: AnyObject {
  /// Gives `body` the bytes of the chunk or node `id`, valid during the call only.
  ///
  /// - Throws: `.missing` or `.damaged`, naming the object, and what `body` throws.
  func withChunk<T>(_ id: Digest, _ body: (UnsafeRawBufferPointer) throws -> T) throws -> T
}

extension ChunkReader: ChunkSource {}
