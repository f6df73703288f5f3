import Varve
public import VarveFormat
public import VarveRepository

/// The complete snapshots of one source of a profile.
public struct SourceHistory {
  private let profile: Profile
  private let source: String
  /// In the order of the log.
  private let snapshots: [RepositoryFacts.Snapshot]
  private let bounds: TimeBounds
  private let now: Timestamp

  /// - Parameter now: no snapshot is younger; nil for this machine's clock.
  /// - Throws: what reading snapshot records throws; `.usage` when several hosts have made some and nothing says whose are
  ///   meant.
  /// - Complexity: O(snapshots of the repository).
  public init(
    profile: Profile, source: String, in repository: UnlockedRepository,
    now: Timestamp? = nil
  ) throws {
    self.profile = profile
    self.source = source
    let now = now ?? WallClock.now()
    self.now = now
    let state = repository.log.state
    bounds = TimeBounds(EntryTimes(state), now: now)
    let live = state.snapshotsInOrder
    let headings = try repository.snapshotHeadings(live.map(\.id))
    let owners = ProfileOwners([profile], headings)
    snapshots = zip(live, headings).map {
      RepositoryFacts.Snapshot(id: $0.id, entry: $0.entry, heading: $1)
    }.filter {
      $0.profile == profile.name && $0.source == source && !$0.heading.isPartial
        && owners.include($0.heading)
    }
    let hosts = Set(snapshots.map { ByteText.printable($0.heading.host) }).sorted()
    guard hosts.count < 2 else {
      throw VarveError(
        .usage,
        "\(hosts.joined(separator: " and ")) have made snapshots of \(profile.name)/\(source)",
        hint: "say in the profile with 'host' whose are meant")
    }
  }

  /// The newest by its own time, which counts as no later than it can be (`EntryTimes`).
  ///
  /// - Parameter limit: none younger; nil for all. A whole second is all of it, since that is what lists show.
  /// - Throws: `.notFound`.
  public func newest(notAfter limit: Timestamp? = nil) throws -> Digest {
    let newest = byTime.last { found in
      limit.map { Self.isWithin($0, found.time(at: now)) } ?? true
    }
    guard let newest else {
      throw VarveError(
        .notFound,
        "there is no snapshot of \(profile.name)/\(source)"
          + (profile.host.map { " on \(ByteText.printable($0))" } ?? "")
          + (snapshots.isEmpty ? "" : " that is old enough"),
        hint: "see what there is with 'varve snapshots'")
    }
    return newest.item.id
  }

  /// The oldest first. The log's order says something else: a change of tags, or a copy, of what is old has an entry of today.
  private var byTime: [Dated<RepositoryFacts.Snapshot>] {
    bounds.dated(snapshots) { ($0.entry, $0.heading.time) }
  }

  private static func isWithin(_ limit: Timestamp, _ time: Timestamp) -> Bool {
    limit.nanoseconds == 0 ? time.seconds <= limit.seconds : time <= limit
  }

  /// - Parameter name: `latest`, `latest~N`, by their times; an id or the beginning of one.
  /// - Throws: `.notFound`; `.usage` when it is none of these.
  public func snapshot(named name: String) throws -> Digest {
    switch try SnapshotSelector(parsing: Array(name.utf8)).name {
    case .latest(let back):
      guard back < snapshots.count else {
        throw VarveError(.notFound, "the source has no snapshot \(name)")
      }
      return byTime[snapshots.count - 1 - back].item.id
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
