import Varve
import VarveFormat
import VarveRepository

/// Parts with old snapshots of the sources that a run has saved.
///
/// The policy of a source that has rules in the operator's file is put in force where another one is; then what it does not
/// keep is forgotten. A writer can do the first only where it keeps at least as much as before, and the second never: an
/// owner's run, or maintenance, does it. Of a source that could not be saved nothing is forgotten.
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
    for source in profile.sources where saved.contains(source.name) {
      do {
        try apply(source, repository, opening)
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

  private func apply(
    _ source: Source, _ repository: UnlockedRepository, _ opening: RepositoryOpening
  ) throws {
    let place = try place(of: source)
    if let rules = source.retention, !rules.isEmpty {
      let change = try PolicyChange(repository)
      _ = try change.set(try change.policy(rules), for: place)
    }
    let state = repository.log.state
    guard repository.role == .owner,
      state.policy(forSource: place.id(try repository.keys.opaqueIDs())) != nil
    else { return }
    let plan = try Forget(repository, trust: try opening.timeTrust()).run(
      ForgetRequest(
        .policies, filter: SnapshotFilter(hosts: [place.host], paths: place.paths)),
      cancellation: surroundings.cancellation)
    let count = plan.removed.count
    if count > 0 {
      surroundings.note(
        "\(profile.name), \(source.name): \(HumanText.count(count, "snapshot")) forgotten")
    }
  }

  /// What the log knows the source by.
  private func place(of source: Source) throws -> SnapshotSource {
    let path: String =
      switch source.origin {
      case .path(let path), .sqlite(let path): path
      case .command(_, let fileName): "/" + fileName
      }
    return try SnapshotSource(
      backingUp: [Array(path.utf8)], host: profile.host.map { Array($0.utf8) })
  }
}
