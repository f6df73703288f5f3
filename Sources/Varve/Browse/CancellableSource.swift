public import VarveFormat
public import VarveRepository

/// A source that stops reading once the user has asked to stop: whoever walks a tree through it can be
/// interrupted between any two nodes.
public final class CancellableSource: ChunkSource {
  private let base: any ChunkSource
  private let cancellation: CancellationFlag

  public init(_ base: any ChunkSource, _ cancellation: CancellationFlag) {
    self.base = base
    self.cancellation = cancellation
  }

  /// - Throws: `.interrupted`, and as the source below.
  public func withChunk<T>(
    _ id: Digest, _ body: (UnsafeRawBufferPointer) throws -> T
  ) throws -> T {
    try cancellation.check()
    return try base.withChunk(id, body)
  }
}
