import Varve
public import VarveFormat
public import VarveRepository

/// The complete snapshots of one source of a profile, in the order of the log, which is that of their making.
public struct SourceHistory {
  private let profile: String
  private let source: String
  private let snapshots: [(id: Digest, heading: SnapshotHeading)]

  /// - Throws: what reading snapshot records throws.
  /// - Complexity: O(snapshots of the repository).
  public init(profile: String, source: String, in repository: UnlockedRepository) throws {
    self.profile = profile
    self.source = source
    let live = repository.log.state.snapshotsInOrder.map(\.id)
    snapshots = zip(live, try repository.snapshotHeadings(live)).filter { _, heading in
      heading.meta["profile"] == profile && heading.meta["source"] == source && !heading.isPartial
    }.map { ($0, $1) }
  }

  /// The newest by its own time.
  ///
  /// - Parameter limit: none younger; nil for all.
  /// - Throws: `.notFound`.
  public func newest(notAfter limit: Timestamp? = nil) throws -> Digest {
    var newest: (id: Digest, heading: SnapshotHeading)?
    // Of two of the same time, the later in the log.
    for found in snapshots where limit.map({ found.heading.time <= $0 }) ?? true {
      if newest.map({ found.heading.time >= $0.heading.time }) ?? true { newest = found }
    }
    guard let newest else {
      throw VarveError(
        .notFound,
        "there is no snapshot of \(profile)/\(source)"
          + (snapshots.isEmpty ? "" : " that is old enough"),
        hint: "see what there is with 'varve snapshots'")
    }
    return newest.id
  }

  /// - Parameter name: `latest`, `latest~N`, an id or the beginning of one.
  /// - Throws: `.notFound`; `.usage` when it is none of these.
  public func snapshot(named name: String) throws -> Digest {
    switch try SnapshotSelector(parsing: Array(name.utf8)).name {
    case .latest(let back):
      guard back < snapshots.count else {
        throw VarveError(.notFound, "the source has no snapshot \(name)")
      }
      return snapshots[snapshots.count - 1 - back].id
    case .id(let prefix):
      let matches = snapshots.filter { $0.id.hex.hasPrefix(prefix) }
      guard matches.count == 1 else {
        throw VarveError(
          .notFound, "\(matches.count) snapshots of the source have an id that begins so")
      }
      return matches[0].id
    }
  }
}
