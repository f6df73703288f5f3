public import VarveFormat

/// Lists a snapshot's entries, depth first in the order of names: what `varve ls` shows.
public struct Listing: Sendable {
  /// The directories to list; empty for the whole tree.
  public var directories: [SnapshotPath]
  /// Also list what lies below the directories in them. Without `directories` it always does.
  public var isRecursive: Bool

  public init(directories: [SnapshotPath] = [], isRecursive: Bool = false) {
    self.directories = directories
    self.isRecursive = isRecursive
  }

  /// Calls `body` with each path and entry, the named directories' own entries included.
  ///
  /// - Parameters:
  ///   - root: where the listing begins.
  ///   - path: of `root` in the snapshot; paths given to `body` begin with it.
  /// - Throws: `.notFound` when none of `directories` is there; `.damaged`, `.missing`, and what `body`
  ///   throws. Memory is flat.
  public func forEach(
    below root: DirectoryContent, at path: SnapshotPath = .root, from source: some ChunkSource,
    _ body: (_ path: [UInt8], _ entry: TreeEntry) throws -> Void
  ) throws {
    let walk = try TreeWalk(root, at: path.isRoot ? [] : path.bytes, from: source)
    var found = directories.isEmpty || directories.contains { path.lies(in: $0) }
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      let place = Place(walk.path, directories, isRecursive)
      guard place.isListed || place.leadsOn else { continue }
      let entry = try raw.decode()
      if place.isListed {
        found = true
        try body(walk.path, entry)
      }
      if place.leadsOn, case .directory(let content) = entry.content { try walk.enter(content) }
    }
    guard found else {
      throw VarveError(
        .notFound, "the snapshot has no \(directories.map(\.description).joined(separator: ", "))",
        hint: "see what it has with 'varve ls'")
    }
  }

  /// How a path stands to the directories asked for.
  private struct Place {
    var isListed = false
    var leadsOn = false

    init(_ path: [UInt8], _ directories: [SnapshotPath], _ isRecursive: Bool) {
      if directories.isEmpty {
        isListed = true
        leadsOn = true
      }
      guard !directories.isEmpty else { return }
      let path = SnapshotPath(components: path.split(separator: UInt8(ascii: "/")).map(Array.init))
      for directory in directories {
        if path.lies(in: directory) {
          isListed = true
          leadsOn = leadsOn || isRecursive
        }
        if directory.lies(in: path) { leadsOn = true }
      }
    }
  }
}
