import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

extension DrillPlan {
  /// The newest complete snapshots of the sources, and the challenge.
  ///
  /// - Throws: `.notFound` for a source that the profile does not have; what reading headings throws.
  init(
    _ repository: UnlockedRepository, _ profile: Profile, _ drill: Drill,
    _ options: DrillRun.Options, now: Timestamp
  ) throws {
    let known = profile.sources.map(\.name)
    let named = drill.sources.isEmpty ? known : drill.sources
    if let unknown = named.first(where: { !known.contains($0) }) {
      throw VarveError(
        .notFound,
        "the drill \(drill.name) is of a source \(unknown), which the profile does not have",
        hint: "its sources are \(known.joined(separator: ", "))")
    }
    // Directories first: what databases and commands have captured takes the place of copies that they have.
    let directories = Set(
      profile.sources.filter { if case .path = $0.origin { true } else { false } }.map(\.name))
    let ordered = named.filter(directories.contains) + named.filter { !directories.contains($0) }
    let state = repository.log.state
    let live = state.snapshotsInOrder
    let headings = try repository.snapshotHeadings(live.map(\.id))
    let snapshots = zip(live, headings).map {
      RepositoryFacts.Snapshot(id: $0.id, entry: $0.entry, heading: $1)
    }
    let newest = Self.newest(
      snapshots, of: profile, TimeBounds(EntryTimes(state), now: now))
    let makers = ordered.compactMap { newest[$0]?.item.heading.host }
    self.init(
      profile: profile.name, drill: drill,
      snapshots: try ordered.map {
        try Self.snapshot(newest[$0], of: $0, in: repository, trust: options.trust, now: now)
      },
      id: DrillIDs(try repository.keys.opaqueIDs(), [profile], headings)
        .id(drill.name, ofProfile: profile.name, restoring: makers.first),
      challenge: options.challenge ?? SecureRandom.digest(),
      isChallenged: options.challenge != nil, nonce: SecureRandom.digest())
  }

  private typealias Found = Dated<RepositoryFacts.Snapshot>

  /// The newest complete snapshot of each source, as its runs have marked them; none that claims to be of the future hides
  /// what came after it.
  private static func newest(
    _ snapshots: [RepositoryFacts.Snapshot], of profile: Profile, _ bounds: TimeBounds
  ) -> [String: Found] {
    let owners = ProfileOwners([profile], snapshots.lazy.map(\.heading))
    let own = snapshots.filter {
      $0.profile == profile.name && !$0.heading.isPartial && owners.include($0.heading)
    }
    var newest: [String: Found] = [:]
    for found in bounds.dated(own, { ($0.entry, $0.heading.time) }) {
      if let source = found.item.source { newest[source] = found }
    }
    return newest
  }

  private static func snapshot(
    _ found: Found?, of source: String, in repository: UnlockedRepository, trust: TimeTrust,
    now: Timestamp
  ) throws -> DrillPlan.Snapshot {
    guard let found else {
      return DrillPlan.Snapshot(source: source, id: nil, taken: nil, host: "", paths: [])
    }
    let (id, heading) = (found.item.id, found.item.heading)
    let taken = min(heading.time, found.time(at: now))
    let believed = try repository.believedTime(
      of: id, claimed: heading.time, trust: trust, now: now)
    return DrillPlan.Snapshot(
      source: source, id: id, taken: believed.map { min($0, taken) } ?? taken,
      host: ByteText.printable(heading.host), paths: heading.paths.map(ByteText.printable))
  }
}
