import Varve
import VarveFormat
import VarveRepository

/// Parts with old snapshots of the sources that a run has saved.
///
/// The policy of a source that has rules in the operator's file is put in force where another one is; then what it does not
/// keep is forgotten. A writer can do the first only where it keeps at least as much as before, and the second never: an
/// owner's run, or maintenance, does it. Of a source that could not be saved nothing is forgotten, nor of one that may not be what it was
/// (`RunTarget.doubtful`): good snapshots must not go for what an unmounted disk has.
///
/// The log knows a policy by host and path. Others may have saved the same path, by hand or by a profile of another file; so
/// the rules here choose among the snapshots that this profile has made of this source on this host, as their metadata says,
/// and never take one that this run has made.
struct RunRetention {
  private let profile: Profile
  private let surroundings: RunSurroundings

  init(_ profile: Profile, _ surroundings: RunSurroundings) {
    self.profile = profile
    self.surroundings = surroundings
  }

  /// What goes wrong makes the run incomplete: snapshots were saved, but more are kept than should be.
  ///
  /// - Throws: `.interrupted`.
  func apply(to target: RunTarget) throws {
    guard let repository = target.repository, let opening = target.opening else { return }
    let saved = Set(target.record.sources.filter { $0.snapshot != nil }.map(\.source))
    let made = Set(target.record.sources.compactMap(\.snapshot))
    for source in profile.sources where saved.contains(source.name) {
      do {
        let isDoubtful = target.doubtful.contains(source.name)
        try apply(source, sparing: isDoubtful ? nil : made, repository, opening)
      } catch let error as VarveError where error.code == .interrupted {
        throw error
      } catch {
        let text = "retention of \(source.name): \((error as? VarveError)?.message ?? "\(error)")"
        target.add(message: text)
        target.raise(to: .incomplete)
        surroundings.warn("\(profile.name): \(text)")
      }
    }
  }

  /// - Parameter made: what is not forgotten in any case; nil when nothing is to be.
  private func apply(
    _ source: Source, sparing made: Set<Digest>?, _ repository: UnlockedRepository,
    _ opening: RepositoryOpening
  ) throws {
    let place = try source.place(on: profile.host)
    if let rules = source.retention, !rules.isEmpty {
      let change = try PolicyChange(repository)
      _ = try change.set(try change.policy(rules), for: place)
    }
    let state = repository.log.state
    guard repository.role == .owner,
      state.policy(forSource: place.id(try repository.keys.opaqueIDs())) != nil
    else { return }
    guard let made else {
      return surroundings.note("\(profile.name), \(source.name): nothing is forgotten in this run")
    }
    let own = SnapshotFilter(
      hosts: [place.host], paths: place.paths,
      meta: ["profile": profile.name, "source": source.name])
    let plan = try Forget(repository, trust: try opening.timeTrust()).run(
      ForgetRequest(
        .policiesOfFiltered, filter: own, spared: made, sparesLastFilled: !source.mayBeEmpty),
      cancellation: surroundings.cancellation)
    let count = plan.removed.count
    if count > 0 {
      surroundings.note(
        "\(profile.name), \(source.name): \(HumanText.count(count, "snapshot")) forgotten")
    }
  }
}

extension Source {
  /// What the log knows it by: its policy is that of all that is saved from this path on this host.
  ///
  /// - Parameter host: what the profile says; nil for this machine.
  /// - Throws: `.usage` for an empty path.
  func place(on host: String?) throws -> SnapshotSource {
    let path: String =
      switch origin {
      case .path(let path), .sqlite(let path): path
      case .command(_, let fileName): "/" + fileName
      }
    return try SnapshotSource(
      backingUp: [Array(path.utf8)], host: host.map { Array($0.utf8) })
  }
}
