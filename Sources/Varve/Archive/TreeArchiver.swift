import VarveFormat

/// Turns a subtree into members of a tar archive.
final class TreeArchiver {
  private let tar: TarStream
  private let source: any ChunkSource
  private let links: LinkLookup
  /// Bytes of `base` and the slash behind it at the front of each path.
  private let prefixLength: Int
  private let base: SnapshotPath
  /// By link group, the name under which its file is in the archive.
  private var archived: [Int: [UInt8]] = [:]

  init(
    _ tar: TarStream, base: SnapshotPath, links: LinkLookup, source: any ChunkSource
  ) throws {
    self.tar = tar
    self.base = base
    self.links = links
    self.source = source
    prefixLength = base.isRoot ? 1 : base.bytes.count + 1
  }

  /// Writes the archive.
  ///
  /// - Parameters:
  ///   - entry: of `path`; nil for the root.
  ///   - root: the snapshot's.
  func write(_ entry: TreeEntry?, at path: SnapshotPath, root: DirectoryContent) throws {
    if let entry, path != base { try append(entry, at: path.bytes) }
    var directory: DirectoryContent? = entry == nil ? root : nil
    if case .directory(let content)? = entry?.content { directory = content }
    if let directory {
      let walk = try TreeWalk(directory, at: path.isRoot ? [] : path.bytes, from: source)
      while let step = try walk.next() {
        guard case .entry(let raw) = step else { continue }
        let entry = try raw.decode()
        try append(entry, at: walk.path)
        if case .directory(let content) = entry.content { try walk.enter(content) }
      }
    }
    try tar.finish()
  }

  private func append(_ entry: TreeEntry, at path: [UInt8]) throws {
    var member = TarMember(entry, path: Array(path.dropFirst(prefixLength)))
    if entry.attributes.isHardLinked, let group = links.group(of: path.dropFirst()) {
      if let first = archived[group] {
        member.kind = .hardLink(path: first)
        return try tar.append(member)
      }
      archived[group] = member.path
    }
    guard case .file(let content) = entry.content else { return try tar.append(member) }
    try tar.append(member, content)
  }
}
