import Synchronization
internal import VarveFormat

/// One directory on its way through a rewrite: read by one thread, its subdirectories by any, encoded by the thread
/// that completes the last of them.
///
/// 96 bytes and the name for each subdirectory, 40 for each entry that is dropped or replaced, and nothing for others.
final class RewriteJob: @unchecked Sendable {
  struct Child {
    /// Which of the directory's entries it is.
    let ordinal: UInt64
    let name: Range<Int>
    /// As it was, and once it is done as it is to be.
    var content: DirectoryContent
    var isChanged = false
  }

  struct Change {
    let ordinal: UInt64
    /// The body in `bodies` that takes the entry's place; nil when it is dropped.
    let body: Range<Int>?
  }

  let parent: RewriteJob?
  /// Which of the parent's children this is.
  let place: Int
  let content: DirectoryContent
  /// Components joined by `/`, each with one before it; empty for the root.
  let path: [UInt8]
  /// Levels from the root, which has 1.
  let depth: Int
  /// What the result is remembered by.
  let key: Digest

  /// Plain memory: once the directory has been read, several threads write to elements of their own.
  private(set) var children = UnsafeMutableBufferPointer<Child>(start: nil, count: 0)
  var names: [UInt8] = []
  /// Ascending by ordinal.
  var changes: [Change] = []
  var bodies: [UInt8] = []
  /// Nodes that could not be read: passed over again when the directory is written.
  var missedNodes: Set<Digest> = []
  /// Of what is kept.
  let counts = Mutex(TreeCounts())
  /// Reading counts one, and each child.
  let pending = Atomic<Int>(1)

  init(
    parent: RewriteJob?, place: Int, _ content: DirectoryContent, path: [UInt8], key: Digest
  ) {
    self.parent = parent
    self.place = place
    self.content = content
    self.path = path
    self.key = key
    depth = (parent?.depth ?? 0) + 1
  }

  deinit { children.deallocate() }

  func setChildren(_ list: [Child]) {
    let memory = UnsafeMutableBufferPointer<Child>.allocate(capacity: list.count)
    _ = memory.initialize(from: list)
    children.deallocate()
    children = memory
  }

  /// A child's path.
  func path(of child: Child) -> [UInt8] {
    var result = path
    result.append(UInt8(ascii: "/"))
    result.append(contentsOf: names[child.name])
    return result
  }

  /// For people and edits: `/` for the root.
  var shownPath: [UInt8] { path.isEmpty ? [UInt8(ascii: "/")] : path }
}
