public import VarveFormat
public import VarveRepository

/// What a policy is for: one host's backups of one set of paths.
public struct SnapshotSource: Hashable, Sendable {
  public let host: [UInt8]
  /// Ascending, each once.
  public let paths: [[UInt8]]

  public init(host: [UInt8], paths: [[UInt8]]) {
    self.host = host
    self.paths = Set(paths).sorted { $0.lexicographicallyPrecedes($1) }
  }

  public init(_ heading: SnapshotHeading) { self.init(host: heading.host, paths: heading.paths) }

  /// As a backup of `paths` on this machine records it.
  ///
  /// - Parameter host: nil for this machine.
  /// - Throws: `.usage` for an empty path, `.io` when the working directory is not known.
  public init(backingUp paths: [[UInt8]], host: [UInt8]? = nil) throws {
    self.init(
      host: host ?? MachineName.bytes(), paths: try paths.map(SourceIdentity.absolute))
  }

  /// The id under which the log knows it.
  public func id(_ ids: OpaqueIDs) -> Digest { ids.source(host: host, paths: paths) }
}

/// By which of host, paths and tags snapshots are put into groups.
public struct SnapshotGrouping: Hashable, Sendable {
  /// What the snapshots of a group have in common; nil where they need not.
  public struct Key: Sendable {
    public var host: [UInt8]?
    public var paths: [[UInt8]]?
    public var tags: [String]?
  }

  public static let source = SnapshotGrouping(host: true, paths: true, tags: false)

  public var host, paths, tags: Bool

  public init(host: Bool, paths: Bool, tags: Bool) {
    self.host = host
    self.paths = paths
    self.tags = tags
  }

  public func key(_ heading: SnapshotHeading) -> Key {
    Key(
      host: host ? heading.host : nil,
      paths: paths ? heading.paths.sorted { $0.lexicographicallyPrecedes($1) } : nil,
      tags: tags
        ? heading.tags.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } : nil)
  }
}

extension SnapshotGrouping.Key: Hashable {
  /// Tags byte by byte.
  public static func == (a: Self, b: Self) -> Bool {
    guard a.host == b.host, a.paths == b.paths, (a.tags == nil) == (b.tags == nil) else {
      return false
    }
    return (a.tags ?? []).isSpelled(as: b.tags ?? [])
  }

  public func hash(into hasher: inout Hasher) {
    hasher.combine(host)
    hasher.combine(paths)
    hasher.combine(tags == nil)
    (tags ?? []).hashSpelling(into: &hasher)
  }
}
