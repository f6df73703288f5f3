import VarveFormat
internal import VarveRepository

/// Holds copies that were there already where their originals are held, or held for longer.
struct CopyHolds {
  /// Snapshots that one commit can hold, each by an entry of its own.
  private static let commitLimit = 255

  private let copy: Copy

  /// A hold that is in force at the source.
  private struct Wanted {
    let origin: Digest
    let isPartial: Bool
    let hold: LogState.Hold
  }

  /// A copy, and what is to hold it.
  private struct Missing {
    let snapshot: Digest
    let hold: LogState.Hold
  }

  init(_ copy: Copy) { self.copy = copy }

  /// Appends the holds of those that `report` says were there already, and says which.
  ///
  /// - Throws: what appending throws.
  func extend(_ report: inout CopyReport) throws {
    let wanted = wanted(report.present)
    for start in stride(from: 0, to: wanted.count, by: Self.commitLimit) {
      let part = Array(wanted[start..<min(start + Self.commitLimit, wanted.count)])
      var missing: [Missing] = []
      if copy.options.dryRun {
        missing = self.missing(part, in: copy.target.log.state)
      } else {
        try copy.target.log.append { state in
          missing = self.missing(part, in: state)
          return bodies(missing)
        }
      }
      report.held += missing.map(\.snapshot)
    }
  }

  private func wanted(_ present: [Digest]) -> [Wanted] {
    let source = copy.source.log.state
    let now = WallClock.now()
    return present.compactMap { id in
      guard let row = source.snapshots[id], let hold = source.hold(on: id, at: now) else {
        return nil
      }
      return Wanted(
        origin: CopyOrigins.origin(of: row, in: source), isPartial: row.isPartial, hold: hold)
    }
  }

  /// Of each that no copy is held for as long, the first copy.
  private func missing(_ wanted: [Wanted], in target: LogState) -> [Missing] {
    let now = WallClock.now()
    var copies: [Digest: [LogState.Snapshot]] = [:]
    for row in target.snapshotsInOrder {
      for origin in Set([row.id, row.original ?? row.id]) {
        copies[origin, default: []].append(row)
      }
    }
    return wanted.compactMap { wanted in
      let copies = (copies[wanted.origin] ?? []).filter { $0.isPartial == wanted.isPartial }
      let isHeld = copies.contains { row in
        target.hold(on: row.id, at: now).map { $0.term >= wanted.hold.term } ?? false
      }
      guard !isHeld, wanted.hold.isInForce(at: now), let first = copies.first else { return nil }
      return Missing(snapshot: first.id, hold: wanted.hold)
    }
  }

  /// One for each term and reason.
  private func bodies(_ missing: [Missing]) -> [LogStatement.Body] {
    struct Key: Hashable {
      let term: LogStatement.Hold.Term
      let reason: String
    }
    var snapshots: [Key: [Digest]] = [:]
    var keys: [Key] = []
    for missing in missing {
      let key = Key(term: missing.hold.term, reason: missing.hold.reason)
      if snapshots[key] == nil { keys.append(key) }
      snapshots[key, default: []].append(missing.snapshot)
    }
    let limit = LogStatement.Forgetting.limit
    return keys.flatMap { key -> [LogStatement.Body] in
      let held = (snapshots[key] ?? []).withoutRepeats()
      return stride(from: 0, to: held.count, by: limit).map { start -> LogStatement.Body in
        .hold(
          LogStatement.Hold(
            snapshots: Array(held[start..<min(start + limit, held.count)]), term: key.term,
            reason: key.reason))
      }
    }
  }
}
