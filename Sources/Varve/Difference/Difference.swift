public import VarveFormat

/// What differs between two trees; subtrees and parts of huge directories that are equal by id are
/// never read, so the cost is that of what changed.
public struct Difference: Sendable {
  /// One path that differs.
  public struct Change: Sendable, Equatable {
    public struct Kind: OptionSet, Sendable, Hashable {
      public let rawValue: UInt8
      public init(rawValue: UInt8) { self.rawValue = rawValue }

      public static let added = Kind(rawValue: 1)
      public static let removed = Kind(rawValue: 2)
      /// Another type: a file became a link, say.
      public static let type = Kind(rawValue: 4)
      /// Other content: of a file, another link target, another device.
      public static let content = Kind(rawValue: 8)
      /// The content of a file differs although all its metadata is the same.
      public static let suspicious = Kind(rawValue: 16)
      /// Other metadata; reported only when asked for.
      public static let metadata = Kind(rawValue: 32)
    }

    /// From the trees' root, with a leading slash.
    public var path: [UInt8]
    public var kind: Kind
    /// Whether it is a directory in the second tree, or in the first when it was removed.
    public var isDirectory: Bool

    public init(path: [UInt8], kind: Kind, isDirectory: Bool) {
      self.path = path
      self.kind = kind
      self.isDirectory = isDirectory
    }

    /// restic's letters: `+`, `-`, `T`, `M`, `?`, `U`, in that order.
    public var modifier: String {
      var text = ""
      for (kind, letter) in [
        (Kind.added, "+"), (.removed, "-"), (.type, "T"), (.content, "M"), (.suspicious, "?"),
        (.metadata, "U"),
      ] where self.kind.contains(kind) {
        text += letter
      }
      return text
    }
  }

  /// What one side has that the other has not.
  public struct Totals: Sendable, Equatable {
    public var files: UInt64 = 0
    public var directories: UInt64 = 0
    /// Links, FIFOs and devices.
    public var others: UInt64 = 0
    /// Chunks of file content that only this side refers to, as far as the trees differ.
    public var dataChunks: UInt64 = 0
    /// Tree nodes, likewise.
    public var treeChunks: UInt64 = 0
    /// Bytes of those chunks and nodes before compression.
    public var bytes: UInt64 = 0

    public init() {}
  }

  public struct Report: Sendable, Equatable {
    /// Regular files with other content.
    public var changedFiles: UInt64 = 0
    public var added = Totals()
    public var removed = Totals()

    public init() {}
  }

  /// Report paths of which only metadata differs, too.
  public var includesMetadata: Bool

  public init(includesMetadata: Bool = false) { self.includesMetadata = includesMetadata }

  /// Compares two trees.
  ///
  /// - Parameters:
  ///   - first, second: the directories to compare; a path starts at them.
  ///   - body: called with each difference, depth first in the order of names.
  /// - Throws: `.damaged`, `.missing`, and what `body` throws. Memory grows with the chunks of what
  ///   differs, about 60 bytes each.
  public func compare(
    _ first: DirectoryContent, with second: DirectoryContent, from source: some ChunkSource,
    _ body: (Change) throws -> Void
  ) throws -> Report {
    guard first.id != second.id else { return Report() }
    let comparison = try TreeComparison(
      first, second, from: source, includesMetadata: includesMetadata)
    return try withoutActuallyEscaping(body) { try comparison.run($0) }
  }
}
