public import VarveFormat

/// A path that matches what was looked for.
public struct FoundPath: Sendable {
  public let snapshot: Digest
  /// From the snapshot's root, with a leading slash.
  public let path: [UInt8]
  public let entry: TreeEntry
}

/// A use of a chunk or tree node that was looked for.
public struct FoundObject: Sendable, Equatable {
  public enum Kind: String, Sendable {
    /// Content of a file.
    case blob
    /// A node of a directory, or a file's list of chunks.
    case tree
  }

  public let snapshot: Digest
  public let kind: Kind
  public let id: Digest
  /// Of the file or directory that uses it; `/` for the root.
  public let path: [UInt8]
  /// For a blob, the node of the directory in which the file is.
  public let parent: Digest?
}
