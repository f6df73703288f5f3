internal import VarveChunking
internal import VarveCrypto
internal import VarveFormat
internal import VarveRepository

/// Stores the link tables of snapshots, cut by the repository's own sizes, whatever a backup uses for its files.
struct LinkTableChunker {
  private let chunker: Chunker

  init(_ chunker: Chunker) { self.chunker = chunker }

  /// - Throws: `.forbidden` for a reader.
  init(of repository: UnlockedRepository) throws {
    self.init(try Chunker(repository, sizes: repository.config.chunkSizes))
  }

  /// Stores a table.
  ///
  /// - Parameter store: stores a node and gives its address.
  /// - Returns: the addresses of its chunks, in order; none for no groups.
  func store(_ groups: [[[UInt8]]], by store: TreeNodeWriter.Store) throws -> [Digest] {
    guard !groups.isEmpty else { return [] }
    let bytes = LinkTable(groups: groups).encode()
    var ids: [Digest] = []
    try bytes.withUnsafeBytes { bytes in
      var start = 0
      while start < bytes.count {
        let rest = UnsafeRawBufferPointer(rebasing: bytes[start...])
        let length = chunker.cut(rest)
        ids.append(try store(UnsafeRawBufferPointer(rebasing: rest[..<length])))
        start += length
      }
    }
    return ids
  }
}

extension Chunker {
  /// The repository's chunker, for chunks of such sizes.
  ///
  /// - Throws: `.forbidden` for a reader.
  init(_ repository: UnlockedRepository, sizes: RepositoryConfig.ChunkSizes) throws {
    self.init(
      parameters: try ChunkerParameters(min: sizes.min, target: sizes.target, max: sizes.max),
      table: GearTable(
        words: GearKeySchedule.words(chunkerKey: try repository.keys.chunkerKey())))
  }
}
