import Varve
public import VarveFormat
public import VarveRepository

/// The complete snapshots of one source of a profile, in the order of the log, which is that of their making.
public struct SourceHistory {
  private let profile: Profile
  private let source: String
  private let snapshots: [(id: Digest, heading: SnapshotHeading)]

  /// - Throws: what reading snapshot records throws; `.usage` when several hosts have made some and nothing says whose are
  ///   meant.
  /// - Complexity: O(snapshots of the repository).
  public init(profile: Profile, source: String, in repository: UnlockedRepository) throws {
    self.profile = profile
    self.source = source
    let live = repository.log.state.snapshotsInOrder.map(\.id)
    let headings = try repository.snapshotHeadings(live)
    let owners = ProfileOwners([profile], headings)
    snapshots = zip(live, headings).filter { _, heading in
      heading.meta["profile"] == profile.name && heading.meta["source"] == source
        && !heading.isPartial && owners.include(heading)
    }.map { ($0, $1) }
    let hosts = Set(snapshots.map { ByteText.printable($0.heading.host) }).sorted()
    guard hosts.count < 2 else {
      throw VarveError(
        .usage,
        "\(hosts.joined(separator: " and ")) have made snapshots of \(profile.name)/\(source)",
        hint: "say in the profile with 'host' whose are meant")
    }
  }

  /// The newest by its own time.
  ///
  /// - Parameter limit: none younger; nil for all. A whole second is all of it, since that is what lists show.
  /// - Throws: `.notFound`.
  public func newest(notAfter limit: Timestamp? = nil) throws -> Digest {
    var newest: (id: Digest, heading: SnapshotHeading)?
    // Of two of the same time, the later in the log.
    for found in snapshots where limit.map({ Self.isWithin($0, found.heading.time) }) ?? true {
      if newest.map({ found.heading.time >= $0.heading.time }) ?? true { newest = found }
    }
    guard let newest else {
      throw VarveError(
        .notFound,
        "there is no snapshot of \(profile.name)/\(source)"
          + (profile.host.map { " on \(ByteText.printable($0))" } ?? "")
          + (snapshots.isEmpty ? "" : " that is old enough"),
        hint: "see what there is with 'varve snapshots'")
    }
    return newest.id
  }

  private static func isWithin(_ limit: Timestamp, _ time: Timestamp) -> Bool {
    limit.nanoseconds == 0 ? time.seconds <= limit.seconds : time <= limit
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
