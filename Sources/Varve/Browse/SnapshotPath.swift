public import VarveFormat

/// A place in a snapshot: its components from the root.
///
/// Read from text or bytes with `/` between components; empty ones, `.`, and a leading slash do not
/// matter, `..` takes the component before it away.
public struct SnapshotPath: Hashable, Sendable {
  public let components: [[UInt8]]

  public static let root = SnapshotPath(components: [])

  public init(components: [[UInt8]]) { self.components = components }

  public init(_ text: some Collection<UInt8>) {
    let slash = UInt8(ascii: "/")
    let clean = CleanPath.clean([slash] + Array(text))
    components = clean.split(separator: slash).map(Array.init)
  }

  public var isRoot: Bool { components.isEmpty }

  /// `/` and the components joined by `/`; for the root `/`.
  public var bytes: [UInt8] {
    var out: [UInt8] = []
    for component in components {
      out.append(UInt8(ascii: "/"))
      out.append(contentsOf: component)
    }
    return out.isEmpty ? [UInt8(ascii: "/")] : out
  }

  /// Whether this is `other` or lies below it.
  public func lies(in other: SnapshotPath) -> Bool {
    components.starts(with: other.components)
  }
}

extension SnapshotPath: CustomStringConvertible {
  /// For people: bytes that are no text are escaped.
  public var description: String { EscapedBytes.text(bytes) }
}

extension SnapshotRecord {
  /// The root directory in the terms of an entry.
  public var rootDirectory: DirectoryContent {
    DirectoryContent(id: tree.id, proofRoot: tree.root, entryCount: tree.entries)
  }
}
