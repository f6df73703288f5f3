package import VarveFormat
package import VarveRepository
package import VarveStorage

/// What a restore reads: a directory of a snapshot, and the repository's chunks.
package struct RestoreSource: Sendable {
  /// The directory whose entries go into the target.
  package let root: DirectoryContent
  /// Groups of paths, relative to `root`, that are names of one file.
  package let links: [[[UInt8]]]
  package let index: ChunkIndex
  package let storage: any StorageBackend
  /// Where tree packs are read.
  private let trees: any StorageBackend
  package let keyring: PackKeyring

  package init(
    root: DirectoryContent, links: [[[UInt8]]], index: ChunkIndex, storage: any StorageBackend,
    trees: (any StorageBackend)? = nil, keyring: PackKeyring
  ) {
    self.root = root
    self.links = links
    self.index = index
    self.storage = storage
    self.trees = trees ?? storage
    self.keyring = keyring
  }

  /// The directory at `path` of a snapshot.
  ///
  /// - Throws: `.notFound` when it is not there or is no directory; `.damaged`, `.missing`;
  ///   `.forbidden` for a role that cannot read content.
  init(_ repository: IndexedRepository, _ record: SnapshotRecord, path: [[UInt8]]) throws {
    let reader = try repository.makeReader()
    let path = SnapshotPath(components: path)
    self.init(
      root: try TreeLookup.directory(at: path, below: record.rootDirectory, from: reader),
      links: try RestoreSource.links(of: record, below: path.components, reader),
      index: repository.index, storage: repository.storage,
      trees: repository.unlocked.metadata, keyring: try repository.requireKeyring())
  }

  func makeReader() -> ChunkReader {
    ChunkReader(index: index, storage: storage, trees: trees, keyring: keyring)
  }

  func makeBlockReader() -> BlockReader { BlockReader(storage: storage, keyring: keyring) }

  /// The link table's groups, with those paths of each that lie below `path`, relative to it.
  private static func links(
    of record: SnapshotRecord, below path: [[UInt8]], _ reader: ChunkReader
  ) throws -> [[[UInt8]]] {
    if record.links.isEmpty { return [] }
    var bytes: [UInt8] = []
    for id in record.links {
      try reader.withChunk(id) { bytes.append(contentsOf: $0) }
      guard bytes.count <= LinkTable.byteLimit else {
        throw VarveError(.damaged, "link table is damaged: it is too long")
      }
    }
    let groups = try bytes.withUnsafeBytes { try LinkTable(decoding: $0) }.groups
    if path.isEmpty { return groups }
    let prefix = Array(path.joined(separator: [UInt8(ascii: "/")])) + [UInt8(ascii: "/")]
    return groups.compactMap { group in
      let inside = group.filter { $0.starts(with: prefix) }.map { Array($0[prefix.count...]) }
      return inside.count > 1 ? inside : nil
    }
  }
}
