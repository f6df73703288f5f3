/// Something of a snapshot that cannot be read, and what becomes of it.
public struct UnreadableEntry: Sendable, Hashable {
  public enum Kind: Sendable, Hashable {
    case file
    /// A directory of which nothing is known but its own entry.
    case directory
    /// So many entries of a huge directory, whose names are not known.
    case entries(UInt64)
  }

  /// From the snapshot's root, without a slash at its beginning; of the root itself empty.
  public var path: [UInt8]
  public let kind: Kind
  /// The name of the empty file or directory that takes its place; nil when it is left out.
  public let mark: [UInt8]?

  /// The same, seen from the directory above.
  func below(_ name: [UInt8]) -> UnreadableEntry {
    var entry = self
    entry.path = path.isEmpty ? name : name + [UInt8(ascii: "/")] + path
    return entry
  }
}

/// Why a directory, a file or a link table cannot be read: nothing live has it, or it is not what it should be.
struct Unreadable: Error {}
