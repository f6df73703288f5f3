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
    let live = repository.liveSnapshots
    let headings = try repository.snapshotHeadings(live)
    let newest = Self.newest(zip(live, headings), of: profile)
    let makers = ordered.compactMap { newest[$0]?.heading.host }
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

  private typealias Found = (id: Digest, heading: SnapshotHeading)

  /// The newest complete snapshot of each source, as its runs have marked them.
  private static func newest(
    _ snapshots: some Sequence<(Digest, SnapshotHeading)>, of profile: Profile
  ) -> [String: Found] {
    var newest: [String: Found] = [:]
    let owners = ProfileOwners([profile], snapshots.lazy.map(\.1))
    for (id, heading) in snapshots {
      guard !heading.isPartial, heading.meta["profile"] == profile.name, owners.include(heading),
        let source = heading.meta["source"]
      else { continue }
      if let other = newest[source], other.heading.time > heading.time { continue }
      newest[source] = (id, heading)
    }
    return newest
  }

  private static func snapshot(
    _ found: Found?, of source: String, in repository: UnlockedRepository, trust: TimeTrust,
    now: Timestamp
  ) throws -> DrillPlan.Snapshot {
    guard let (id, heading) = found else {
      return DrillPlan.Snapshot(source: source, id: nil, taken: nil, host: "", paths: [])
    }
    let believed = try repository.believedTime(
      of: id, claimed: heading.time, trust: trust, now: now)
    return DrillPlan.Snapshot(
      source: source, id: id, taken: believed.map { min($0, heading.time) } ?? heading.time,
      host: ByteText.printable(heading.host), paths: heading.paths.map(ByteText.printable))
  }
}
