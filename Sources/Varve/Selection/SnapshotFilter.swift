public import VarveFormat
public import VarveRepository

/// Which snapshots are meant, by what their records say.
public struct SnapshotFilter: Sendable {
  /// Any of these; empty for any host.
  public var hosts: [[UInt8]]
  /// Alternatives, of which one must be met: all its tags are there, byte by byte. An empty tag is met by a
  /// snapshot without tags. No alternatives: any tags.
  public var tagLists: [[String]]
  /// All of these must be among the paths saved.
  public var paths: [[UInt8]]
  /// All of these must be among the metadata.
  public var meta: [String: String]

  public init(
    hosts: [[UInt8]] = [], tagLists: [[String]] = [], paths: [[UInt8]] = [],
    meta: [String: String] = [:]
  ) {
    self.hosts = hosts
    self.tagLists = tagLists
    self.paths = paths
    self.meta = meta
  }

  /// Of backups of `paths`, which are made absolute as those of a backup are.
  ///
  /// - Throws: `.usage` for an empty path, `.io` when the working directory is not known.
  public init(
    hosts: [[UInt8]] = [], tagLists: [[String]] = [], backingUp paths: [[UInt8]]
  ) throws {
    self.init(
      hosts: hosts, tagLists: tagLists, paths: try paths.map(SourceIdentity.absolute))
  }

  public var isEmpty: Bool {
    hosts.isEmpty && tagLists.isEmpty && paths.isEmpty && meta.isEmpty
  }

  public func matches(_ record: SnapshotRecord) -> Bool { matches(SnapshotHeading(record)) }

  public func matches(_ record: SnapshotHeading) -> Bool {
    guard hosts.isEmpty || hosts.contains(record.host) else { return false }
    guard paths.allSatisfy(record.paths.contains) else { return false }
    guard meta.allSatisfy({ record.meta[$0] == $1 }) else { return false }
    return tagLists.isEmpty
      || tagLists.contains { tags in
        tags.allSatisfy { $0.isEmpty && record.tags.isEmpty || record.tags.hasSpelling($0) }
      }
  }

  /// Whether a snapshot of which nothing is known but its entry may be meant.
  ///
  /// - Parameter sources: what opaque ids stand for, as far as other snapshots tell.
  func mayMatch(
    _ snapshot: UnreadableSnapshot, _ ids: OpaqueIDs, _ sources: [Digest: SnapshotSource]
  ) -> Bool {
    guard let id = snapshot.source else { return true }
    if let source = sources[id] {
      guard hosts.isEmpty || hosts.contains(source.host),
        paths.allSatisfy(source.paths.contains)
      else { return false }
    }
    return tagLists.isEmpty
      || tagLists.contains { tags in
        tags.allSatisfy {
          $0.isEmpty && snapshot.tags.isEmpty || snapshot.tags.contains(ids.tag($0))
        }
      }
  }
}
