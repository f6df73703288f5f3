public import VarveFormat

/// Finds the files and directories that use given chunks and tree nodes, in one snapshot after another.
public final class ObjectFinder {
  private let chunks: HexPrefixes
  private let nodes: HexPrefixes
  private let exact: Set<Digest>
  private var barren = BarrenSubtrees(dependsOnPath: false)

  /// - Parameters:
  ///   - chunks: hexadecimal addresses of chunks, or the first digits of them.
  ///   - nodes: ids of directory nodes, of parts of directories and of chunk lists, likewise.
  ///   - exact: addresses of either kind, as `PackContents` gives them.
  /// - Throws: `.usage` for what is no id.
  public init(chunks: [String] = [], nodes: [String] = [], exact: Set<Digest> = []) throws {
    self.chunks = try HexPrefixes(chunks)
    self.nodes = try HexPrefixes(nodes)
    self.exact = exact
  }

  /// Searches one snapshot; subtrees in which an earlier search found nothing are not read again.
  ///
  /// - Parameter body: called with each use, depth first in the order of names. A file that uses a chunk
  ///   several times is named once for each.
  /// - Throws: `.damaged`, `.missing`, and what `body` throws.
  public func search(
    _ snapshot: Digest, _ root: DirectoryContent, from source: some ChunkSource,
    _ body: (FoundObject) throws -> Void
  ) throws {
    guard !barren.contains(root.id, at: []) else { return }
    var hits = 0
    func found(
      _ kind: FoundObject.Kind, _ id: Digest, _ path: [UInt8], _ parent: Digest? = nil
    ) throws {
      hits += 1
      try body(
        FoundObject(snapshot: snapshot, kind: kind, id: id, path: path, parent: parent))
    }
    if isNode(root.id) { try found(.tree, root.id, [UInt8(ascii: "/")]) }
    let walk = try TreeWalk(root, from: source)
    var hitsAtEntry = [0]
    while let step = try walk.next() {
      guard case .entry(let raw) = step else {
        if case .left(let id) = step, hitsAtEntry.popLast() == hits {
          barren.insert(id, at: walk.path)
        }
        continue
      }
      if let part = walk.newPart, isNode(part) {
        let directory = walk.path.dropLast(raw.name.count + 1)
        try found(.tree, part, directory.isEmpty ? [UInt8(ascii: "/")] : Array(directory))
      }
      switch try raw.type() {
      case .file:
        guard case .file(let content) = try raw.decode().content else { continue }
        try search(content, from: source) { kind, id in
          try found(kind, id, walk.path, kind == .blob ? walk.directory : nil)
        }
      case .directory:
        guard case .directory(let content) = try raw.decode().content else { continue }
        if barren.contains(content.id, at: walk.path) { continue }
        hitsAtEntry.append(hits)
        if isNode(content.id) { try found(.tree, content.id, walk.path) }
        try walk.enter(content)
      default: continue
      }
    }
  }

  private func search(
    _ content: FileContent, from source: some ChunkSource,
    _ found: (FoundObject.Kind, Digest) throws -> Void
  ) throws {
    switch content.form {
    case .chunks(let chunks):
      for chunk in chunks where isChunk(chunk.address) { try found(.blob, chunk.address) }
    case .lists(let lists):
      for list in lists {
        if isNode(list.id) { try found(.tree, list.id) }
        if barren.contains(list.id, at: []) { continue }
        let node = try source.withChunk(list.id) { try ChunkListNode(decoding: $0) }
        var isBarren = true
        for chunk in node.chunks where isChunk(chunk.address) {
          isBarren = false
          try found(.blob, chunk.address)
        }
        if isBarren { barren.insert(list.id, at: []) }
      }
    }
  }

  private func isChunk(_ id: Digest) -> Bool { chunks.contains(id) || exact.contains(id) }
  private func isNode(_ id: Digest) -> Bool { nodes.contains(id) || exact.contains(id) }
}
