public import VarveFormat

/// Finds single entries in a tree; reads one node a level, and of huge directories one part.
public enum TreeLookup {
  /// The entry at `path`, or nil for the root, which has none.
  ///
  /// - Throws: `.notFound` when a component is not there or is no directory; `.damaged` and `.missing`
  ///   when nodes are.
  public static func entry(
    at path: SnapshotPath, below root: DirectoryContent, from source: some ChunkSource
  ) throws -> TreeEntry? {
    var directory = root
    var found: TreeEntry?
    for (depth, name) in path.components.enumerated() {
      if let found {
        guard case .directory(let content) = found.content else {
          throw VarveError(
            .notFound, "\(prefix(of: path, depth)) is no directory",
            hint: "see what the snapshot has with 'varve ls'")
        }
        directory = content
      }
      found = try entry(named: name, in: directory, from: source)
      guard found != nil else {
        let absent = prefix(of: path, depth + 1)
        throw VarveError(
          .notFound, "the snapshot has no \(path)",
          hint: absent == path
            ? "see what it has with 'varve ls'"
            : "it has no \(absent) either; see what it has with 'varve ls'")
      }
    }
    return found
  }

  /// The directory at `path`.
  ///
  /// - Throws: `.notFound` when it is not there or is no directory; `.damaged` and `.missing`.
  public static func directory(
    at path: SnapshotPath, below root: DirectoryContent, from source: some ChunkSource
  ) throws -> DirectoryContent {
    guard let entry = try entry(at: path, below: root, from: source) else { return root }
    guard case .directory(let content) = entry.content else {
      throw VarveError(.notFound, "\(path) is no directory")
    }
    return content
  }

  private static func prefix(of path: SnapshotPath, _ count: Int) -> SnapshotPath {
    SnapshotPath(components: Array(path.components.prefix(count)))
  }

  private static func entry(
    named name: [UInt8], in directory: DirectoryContent, from source: some ChunkSource
  ) throws -> TreeEntry? {
    let cursor = try DirectoryCursor(directory, from: source)
    return try name.withUnsafeBytes { name in
      try cursor.seek(name)
      guard let entry = try cursor.peek(), entry.name.elementsEqual(name) else { return nil }
      return try entry.decode()
    }
  }
}
