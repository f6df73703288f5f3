import Varve
package import VarveFormat
package import VarveRepository

/// The ids of drills in the log (docs/format.md, section 4.3): of a profile, on the host whose snapshots they restore.
///
///     host of a drill that runs   the owner of the profile's snapshots | who made those it restores | this machine
///     hosts of a drill to find    the owner | everybody who made some, and this machine
package struct DrillIDs {
  private let ids: OpaqueIDs
  private let owners: ProfileOwners
  private let machine: [UInt8]
  /// Who has made snapshots of each profile.
  private var makers: [String: Set<[UInt8]>] = [:]

  /// - Parameter headings: of all snapshots of the repository; none where records cannot be opened.
  /// - Complexity: O(profiles + headings).
  package init(
    _ ids: OpaqueIDs, _ profiles: some Sequence<Profile>,
    _ headings: some Sequence<SnapshotHeading>, machine: [UInt8] = MachineName.bytes()
  ) {
    self.ids = ids
    self.machine = machine
    owners = ProfileOwners(profiles, headings, machine: machine)
    for heading in headings {
      if let profile = heading.meta["profile"] { makers[profile, default: []].insert(heading.host) }
    }
  }

  /// Of a drill that runs.
  ///
  /// - Parameter restoring: who made the snapshots that it restores.
  func id(_ drill: String, ofProfile profile: String, restoring host: [UInt8]?) -> Digest {
    ids.drill(
      drill, ofProfile: profile, host: owners.owner(ofProfile: profile) ?? host ?? machine)
  }

  /// Those that a drill of the profile may have had.
  package func all(_ drill: String, ofProfile profile: String) -> [Digest] {
    let hosts =
      owners.owner(ofProfile: profile).map { [$0] } ?? makers[profile, default: []].union([machine])
    return hosts.map { ids.drill(drill, ofProfile: profile, host: $0) }
  }
}
