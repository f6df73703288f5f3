public import VarveFormat
public import VarveRepository

/// Holds snapshots, which then cannot be forgotten, and releases them.
public struct HoldChange {
  private let repository: UnlockedRepository

  public init(_ repository: UnlockedRepository) { self.repository = repository }

  /// Holds `snapshots`. What is held as long or longer already is left.
  ///
  /// - Returns: those that are held by new entries.
  /// - Throws: `.notFound` for one that is not live; `.usage` for an end that has passed; `.forbidden` for
  ///   a reader.
  public func add(
    to snapshots: [Digest], term: LogStatement.Hold.Term, reason: String
  ) throws -> [Digest] {
    try repository.require(.owner, .writer, to: "hold snapshots")
    if case .until(let end) = term, end <= WallClock.now() {
      throw VarveError(
        .usage, "a hold until \(end.utcSeconds) would have ended already",
        hint: "give a time to come")
    }
    let snapshots = snapshots.withoutRepeats()
    var held: [Digest] = []
    try repository.log.append { state in
      try requireLive(snapshots, state)
      held = snapshots.filter { state.holds[$0].map { $0.term < term } ?? true }
      return parts(of: held).map {
        .hold(LogStatement.Hold(snapshots: $0, term: term, reason: reason))
      }
    }
    return held
  }

  /// Releases `snapshots`, all or none of them.
  ///
  /// - Throws: `.notFound` for one that is not held; `.refused` for a permanent hold; `.forbidden` for other
  ///   roles than the owner.
  public func remove(from snapshots: [Digest], reason: String) throws {
    try repository.require(.owner, to: "release snapshots")
    let snapshots = snapshots.withoutRepeats()
    try repository.log.append { state in
      let now = WallClock.now()
      for id in snapshots {
        guard let hold = state.hold(on: id, at: now) else {
          throw VarveError(
            .notFound, "the snapshot \(id.hex.prefix(8)) is not held",
            hint: "see 'varve hold list'")
        }
        guard hold.term != .permanent else {
          throw VarveError(
            .refused, "the hold on the snapshot \(id.hex.prefix(8)) is permanent",
            hint: "log entry \(hold.entry) says so; nobody can take it back")
        }
      }
      return parts(of: snapshots).map {
        .release(LogStatement.Release(snapshots: $0, reason: reason))
      }
    }
  }

  private func requireLive(_ snapshots: [Digest], _ state: LogState) throws {
    for id in snapshots where state.snapshots[id] == nil {
      throw VarveError(
        .notFound, "the snapshot \(id.hex.prefix(8)) was forgotten meanwhile",
        hint: "list the snapshots again")
    }
  }

  /// As many as fit into an entry.
  private func parts(of snapshots: [Digest]) -> [[Digest]] {
    let limit = LogStatement.Forgetting.limit
    return stride(from: 0, to: snapshots.count, by: limit).map {
      Array(snapshots[$0..<min($0 + limit, snapshots.count)])
    }
  }
}
