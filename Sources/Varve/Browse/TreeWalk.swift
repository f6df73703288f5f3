package import VarveFormat

/// Walks a tree depth first, in the order of names, one step at a time.
///
/// Directories are entered only where the caller says so. Memory is flat whatever the tree: a stack
/// of cursors, at most 4,096, of which the outer ones give their nodes back once all hold more than
/// 16 MiB.
package final class TreeWalk {
  package enum Step {
    /// The next entry; `path` names it. Borrowed until the next call.
    case entry(RawTreeEntry)
    /// All of the directory `path` has been seen.
    case left(Digest)
  }

  private static let memoryLimit = 16 << 20

  private struct Level {
    let cursor: DirectoryCursor
    let pathLength: Int
  }

  private let source: any ChunkSource
  private let memory = NodeMemory()
  private var levels: [Level] = []
  private var isAtEntry = false
  /// The current entry's path from the tree's root: `/` and components joined by `/`.
  package private(set) var path: [UInt8]

  /// - Parameters:
  ///   - root: the directory whose entries come first.
  ///   - path: its own path, empty for the tree's root.
  /// - Throws: `.damaged` when its node is.
  package init(
    _ root: DirectoryContent, at path: [UInt8] = [], from source: any ChunkSource
  ) throws {
    self.source = source
    self.path = path
    try push(root)
  }

  /// Levels of directories entered and not left.
  package var depth: Int { levels.count }

  /// Bytes of tree nodes held now.
  package var heldBytes: Int { memory.byteCount }

  /// The directory in which the current entry lies.
  package var directory: Digest? { levels.last?.cursor.id }

  /// The part of that directory that the current entry begins, if that has parts.
  package var newPart: Digest? {
    guard let cursor = levels.last?.cursor, cursor.isAtPartStart else { return nil }
    return cursor.part
  }

  /// The next step; nil at the end.
  ///
  /// - Throws: `.damaged` and `.missing`, naming the object.
  package func next() throws -> Step? {
    guard let level = levels.last else { return nil }
    if isAtEntry {
      level.cursor.advance()
      isAtEntry = false
    }
    path.removeSubrange(level.pathLength...)
    guard let entry = try level.cursor.peek() else {
      levels.removeLast()
      return .left(level.cursor.id)
    }
    path.append(UInt8(ascii: "/"))
    path.append(contentsOf: entry.name)
    isAtEntry = true
    return .entry(entry)
  }

  /// Goes into the directory that is the current entry; its entries come next.
  ///
  /// - Throws: `.damaged` when its node is, or when the tree is too deep.
  package func enter(_ directory: DirectoryContent) throws {
    guard isAtEntry else { return }
    isAtEntry = false
    levels.last?.cursor.advance()
    try push(directory)
  }

  private func push(_ directory: DirectoryContent) throws {
    guard levels.count < TreeLimits.depth else {
      throw VarveError(.damaged, "the tree is deeper than \(TreeLimits.depth) directories")
    }
    let cursor = try DirectoryCursor(directory, from: source, memory: memory)
    levels.append(Level(cursor: cursor, pathLength: path.count))
    guard memory.byteCount > Self.memoryLimit else { return }
    for outer in levels.dropLast() where memory.byteCount > Self.memoryLimit / 2 {
      outer.cursor.release()
    }
  }
}
