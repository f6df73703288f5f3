package import VarveFormat

extension FileContent {
  /// Calls `body` with each chunk in order, and `list` with each chunk-list node and its length before
  /// its chunks. Holds one list at a time.
  ///
  /// - Throws: `.damaged` and `.missing`, and what the closures throw.
  package func forEachChunk(
    from source: any ChunkSource,
    list: (ChunkListReference, Int) throws -> Void = { _, _ in },
    _ body: (ChunkReference) throws -> Void
  ) throws {
    switch form {
    case .chunks(let chunks):
      for chunk in chunks { try body(chunk) }
    case .lists(let lists):
      for (index, reference) in lists.enumerated() {
        let (node, length) = try source.withChunk(reference.id) { bytes in
          (
            try ChunkListNode(
              decoding: bytes, as: reference, isLast: index == lists.count - 1),
            bytes.count
          )
        }
        try list(reference, length)
        for chunk in node.chunks { try body(chunk) }
      }
    }
  }
}
