import VarveFormat
import VarveRepository

/// What goes along with a walk.
protocol RestoreWalkVisitor: AnyObject {
  /// A directory comes up; false to pass over all that is in it.
  ///
  /// - Parameter isSelected: whether the patterns name the directory itself, not only what may be below.
  func enter(_ directory: RestoreDirectory, isSelected: Bool) throws -> Bool
  /// A name in the directory, selected or not, in order; called before `visit`.
  func meet(_ name: UnsafeRawBufferPointer)
  /// A selected entry that is no directory. The number is the same in every walk.
  func visit(_ entry: TreeEntry, number: Int, in directory: RestoreDirectory) throws
  /// All entries of the directory have been visited.
  ///
  /// - Parameter isComplete: false when some of its entries could not be read.
  func leave(_ directory: RestoreDirectory, isComplete: Bool) throws
  /// A hold on the directory goes.
  func release(_ directory: RestoreDirectory)
  func failed(_ path: [UInt8], _ error: any Error)
}

/// Goes through the selected part of a snapshot's tree: all files of a directory, then its
/// subdirectories one after another.
///
/// Directories that wait are kept encoded, some 150 bytes each; one directory's node is held at a time.
struct RestoreWalk {
  private struct Waiting {
    let parent: RestoreDirectory
    let body: [UInt8]
    let isSelected: Bool
  }

  let session: RestoreSession
  let reader: ChunkReader
  private var waiting: [Waiting] = []
  private var visited = 0

  init(_ session: RestoreSession) {
    self.session = session
    reader = session.source.makeReader()
  }

  /// Walks everything below `root`, and gives up the root's first hold.
  ///
  /// - Throws: `.interrupted`, and what the visitor throws; what is damaged goes to `failed`.
  mutating func run(_ root: RestoreDirectory, _ visitor: some RestoreWalkVisitor) throws {
    try scan(root, session.source.root, isSelected: true, visitor)
    while let next = waiting.popLast() {
      let entry = try next.body.withUnsafeBytes { try TreeEntry(body: $0) }
      let directory = RestoreDirectory(parent: next.parent, entry: entry)
      if case .directory(let content) = entry.content {
        try scan(directory, content, isSelected: next.isSelected, visitor)
      }
    }
  }

  private mutating func scan(
    _ directory: RestoreDirectory, _ content: DirectoryContent, isSelected: Bool,
    _ visitor: some RestoreWalkVisitor
  ) throws {
    try session.cancellation.check()
    if try visitor.enter(directory, isSelected: isSelected) {
      let firstWaiting = waiting.count
      let isComplete = try readEntries(of: directory, content, visitor)
      waiting[firstWaiting...].reverse()
      try visitor.leave(directory, isComplete: isComplete)
    }
    visitor.release(directory)
  }

  private mutating func readEntries(
    of directory: RestoreDirectory, _ content: DirectoryContent,
    _ visitor: some RestoreWalkVisitor
  ) throws -> Bool {
    guard directory.depth < TreeLimits.depth else {
      visitor.failed(directory.path(), VarveError(.damaged, "the tree is too deep to be one"))
      return false
    }
    var path = [UInt8(ascii: "/")]
    if !session.filter.takesEverything, directory.parent != nil {
      path += directory.path() + [UInt8(ascii: "/")]
    }
    let pathLength = path.count
    var stop: (any Error)?
    do {
      let reader = reader
      try DirectoryReader.forEachEntry(
        of: content.id, entryCount: content.entryCount, fetch: reader.chunk
      ) { raw in
        do {
          visitor.meet(raw.name)
          path.removeSubrange(pathLength...)
          path.append(contentsOf: raw.name)
          try take(raw, in: directory, path, visitor)
        } catch {
          stop = error
          throw error
        }
      }
    } catch {
      if let stop { throw stop }
      visitor.failed(directory.path(), error)
      return false
    }
    return true
  }

  private mutating func take(
    _ raw: RawTreeEntry, in directory: RestoreDirectory, _ path: [UInt8],
    _ visitor: some RestoreWalkVisitor
  ) throws {
    var decision = PathFilter.Decision(isSelected: true, looksBelow: true)
    if !session.filter.takesEverything {
      decision = path.withUnsafeBytes { session.filter.decision($0) }
      if !decision.isSelected, !decision.looksBelow { return }
    }
    let entry: TreeEntry
    do { entry = try raw.decode() } catch {
      visitor.failed(directory.path(of: Array(raw.name)), error)
      return
    }
    if entry.type == .directory {
      directory.hold()
      waiting.append(
        Waiting(parent: directory, body: Array(raw.body), isSelected: decision.isSelected))
    } else if decision.isSelected {
      try session.cancellation.check()
      visited += 1
      try visitor.visit(entry, number: visited - 1, in: directory)
    }
  }
}
