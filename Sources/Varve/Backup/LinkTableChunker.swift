internal import VarveChunking
internal import VarveFormat

/// Stores the link tables of snapshots, cut by the repository's own sizes, whatever a backup uses for its files.
struct LinkTableChunker {
  private let chunker: Chunker

  init(_ chunker: Chunker) { self.chunker = chunker }

  /// Stores a table.
  ///
  /// - Returns: the addresses of its chunks, in order; none for no groups.
  func store(_ groups: [[[UInt8]]], by worker: BackupWorker) throws -> [Digest] {
    guard !groups.isEmpty else { return [] }
    let bytes = LinkTable(groups: groups).encode()
    var ids: [Digest] = []
    try bytes.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        let length = chunker.cut(rest)
        ids.append(try worker.store(node: UnsafeRawBufferPointer(rebasing: rest[..<length])))
        start += length
      }
    }
    return ids
  }
}
