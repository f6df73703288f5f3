internal import VarveFormat
internal import VarveRepository

/// What becomes of an entry.
enum EntryDecision {
  case keep
  /// The entry, and of a directory all below it, is left out.
  case drop
  /// Another entry of the same name takes its place; only of what is no directory.
  case replace(TreeEntry)
}

/// What is done to a tree, entry by entry. Asked by several threads, for each entry once; of a directory that is met again,
/// at the same path unless paths do not matter, never again.
protocol TreeEdit: Sendable {
  /// Whether the answers depend on paths.
  var dependsOnPaths: Bool { get }

  /// Decides about an entry.
  ///
  /// - Parameters:
  ///   - path: `/` and components joined by `/`; borrowed, as the entry is.
  ///   - worker: the thread's own reader and writer, also for storing what a replacement refers to.
  func decide(
    _ entry: RawTreeEntry, at path: UnsafeRawBufferPointer, by worker: RewriteWorker
  ) throws -> EntryDecision

  /// Called when a directory, or a part of a huge one, cannot be read. When this returns, the directory is
  /// written without the entries that it has there.
  ///
  /// - Parameter path: the directory's; `/` for the root.
  func missed(_ directory: DirectoryContent, at path: [UInt8], _ error: VarveError) throws
}

extension TreeEdit {
  func missed(_ directory: DirectoryContent, at path: [UInt8], _ error: VarveError) throws {
    throw error
  }
}

/// What a tree has.
struct TreeCounts: Hashable, Sendable {
  /// Regular files, and their bytes, holes included.
  var files: UInt64 = 0
  var bytes: UInt64 = 0
  /// Without the root.
  var directories: UInt64 = 0

  mutating func add(_ other: TreeCounts) {
    files &+= other.files
    bytes &+= other.bytes
    directories &+= other.directories
  }
}

/// What became of a tree, or of a directory and all below it.
struct RewrittenTree: Hashable, Sendable {
  var content: DirectoryContent
  var counts: TreeCounts
}
