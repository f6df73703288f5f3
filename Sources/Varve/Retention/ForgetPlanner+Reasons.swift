// Why snapshots are kept: by the times that they may be of (DatedSnapshot.swift), where their backup has not come to its end, and
// where those after them have nothing.

import VarveFormat
import VarveProof
import VarveRepository

extension ForgetPlanner {
  /// What rules say of complete snapshots, newest first; partial ones do not count.
  func reasons(_ rules: RetentionRules, _ members: [Candidate]) -> [[RetentionReason]] {
    let complete = members.filter { !$0.heading.isPartial }
    var decided = complete.map(dated).reasons(rules, now: now)
    if sparesLastFilled {
      for place in Self.lastFilled(complete.map(\.heading)) where decided[place].isEmpty {
        decided[place] = [.lastFilled]
      }
    }
    var left = decided[...]
    return members.map { $0.heading.isPartial ? unfinished($0) : left.popFirst() ?? [] }
  }

  /// Rules that count would put snapshots of an empty directory in the place of all that it had.
  ///
  /// - Parameter newestFirst: complete snapshots.
  private static func lastFilled(_ newestFirst: [SnapshotHeading]) -> [Int] {
    guard let newest = newestFirst.first else { return [] }
    return [\SnapshotHeading.files, \.bytes].filter { newest[keyPath: $0] == 0 }.compactMap {
      count in newestFirst.firstIndex { $0[keyPath: count] > 0 }
    }
  }

  private func dated(_ candidate: Candidate) -> DatedSnapshot {
    let (time, tags) = (candidate.heading.time, candidate.heading.tags)
    guard let logged = state.snapshots[candidate.id] else {
      return DatedSnapshot(
        entry: 0, tags: tags, claimed: time, taken: time, believed: time, logged: time)
    }
    return times.dated(logged, claimed: time, tags: tags)
  }

  /// A partial snapshot is what the next backup goes on from, until there is a complete one that is not older.
  func unfinished(_ member: Candidate) -> [RetentionReason] {
    let others = besidePartial[SnapshotSource(member.heading)] ?? []
    let partial = dated(member)
    return others.contains { isSurely(dated($0), notOlderThan: partial) } ? [] : [.unfinished]
  }

  /// The time of one that stands before it in the log, and claims to be later, says nothing.
  private func isSurely(_ complete: DatedSnapshot, notOlderThan partial: DatedSnapshot) -> Bool {
    guard complete.taken >= partial.claimed else { return false }
    return complete.entry > partial.entry
      || !TimeWindow(notAfter: partial.logged).isAfter(complete.logged)
  }

  static func besidePartial(_ candidates: [Candidate]) -> [SnapshotSource: [Candidate]] {
    let readable = candidates.filter(\.isReadable)
    let sources = Set(readable.filter(\.heading.isPartial).map { SnapshotSource($0.heading) })
    guard !sources.isEmpty else { return [:] }
    let complete = readable.filter {
      !$0.heading.isPartial && sources.contains(SnapshotSource($0.heading))
    }
    return Dictionary(grouping: complete) { SnapshotSource($0.heading) }
  }
}
