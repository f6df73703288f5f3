// Sources that a repository takes for one.
//
// The log knows a source by its host and path (docs/format.md, section 4.3), the output of a command by `/file-name`, and so
// the policy by which its snapshots are forgotten. Two sources of one such place have one policy: what one of them would
// keep, the other's newer snapshots take the place of.
//
//     collide(a, b) := same host, same place, a repository in common, and
//                      (a or b has a retention | a or b is the output of a command)
//
// Without a retention a path may be captured by several profiles: it is the same tree.

import Varve
import VarveFormat
import VarveRepository

extension ConfigurationBuilder {
  private struct Claim {
    let profile: String
    let source: Source
    let position: SourcePosition

    var isCommand: Bool { if case .command = source.origin { true } else { false } }

    func collides(with other: Claim) -> Bool {
      guard profile != other.profile || source.name != other.source.name else { return false }
      return source.retention != nil || other.source.retention != nil || isCommand
        || other.isCommand
    }
  }

  private struct Place: Hashable {
    let location: String
    let source: SnapshotSource
  }

  /// Says which sources collide; of each that does, with the first before it.
  mutating func refuseCollisions(_ roots: [YAMLNode]) {
    var claims: [Place: [Claim]] = [:]
    for entry in roots.flatMap({ $0["profiles"]?.entries ?? [] }) {
      // One that is defined again has been refused already.
      guard place("profile", entry.key) == entry.position,
        let profile = configuration.profiles[entry.key]
      else { continue }
      for (source, position) in zip(profile.sources, sourcePositions[entry.key] ?? []) {
        let claim = Claim(profile: entry.key, source: source, position: position)
        guard let place = try? source.place(on: profile.host) else { continue }
        var first: (claim: Claim, repository: String)?
        for repository in profile.repositories {
          let key = Place(location: self.location(of: repository), source: place)
          if first == nil, let other = claims[key]?.first(where: claim.collides) {
            first = (other, repository)
          }
          claims[key, default: []].append(claim)
        }
        if let first {
          wrong(position, text(claim, first.claim, place, repository: first.repository))
        }
      }
    }
  }

  private func text(
    _ claim: Claim, _ other: Claim, _ place: SnapshotSource, repository: String
  ) -> String {
    let path = place.paths.map { ByteText.printable($0) }.joined(separator: ", ")
    let remedy =
      claim.isCommand || other.isCommand
      ? "give one another 'file-name'" : "keep one of the two, with both retentions"
    return
      "the sources '\(claim.source.name)' of profile '\(claim.profile)' and '\(other.source.name)' of profile "
      + "'\(other.profile)' (\(other.position)) are both \(path) of the host "
      + "'\(ByteText.printable(place.host))' in the repository '\(repository)', so each one's retention would "
      + "forget the other's snapshots; \(remedy)"
  }

  /// Two names may be of one repository.
  private func location(of repository: String) -> String {
    let location = configuration.repositories[repository]?.location ?? repository
    guard StorageOpening.isDirectory(location) else { return location }
    let path = location.hasPrefix("local:") ? String(location.dropFirst(6)) : location
    return String(decoding: CleanPath.clean(Array(path.utf8)), as: UTF8.self)
  }
}
