import Varve
package import VarveRepository

/// Whose snapshots are a profile's, where several hosts have profiles of one name in one repository.
///
///     owner := the host that the profile says | this machine, if it has made some of them | everybody
package struct ProfileOwners {
  private var hosts: [String: [UInt8]] = [:]

  /// - Parameter headings: of all snapshots of the repository.
  /// - Complexity: O(profiles + headings).
  package init(
    _ profiles: some Sequence<Profile>, _ headings: some Sequence<SnapshotHeading>,
    machine: [UInt8] = MachineName.bytes()
  ) {
    for profile in profiles { hosts[profile.name] = profile.host.map { Array($0.utf8) } }
    for heading in headings where heading.host == machine {
      if let profile = heading.meta["profile"], hosts[profile] == nil { hosts[profile] = machine }
    }
  }

  /// Nil for everybody.
  func owner(ofProfile profile: String) -> [UInt8]? { hosts[profile] }

  /// Whether the owner of its profile has made it.
  package func include(_ heading: SnapshotHeading) -> Bool {
    guard let profile = heading.meta["profile"], let host = hosts[profile] else { return true }
    return heading.host == host
  }
}
