// Which times an audit believes.
//
// An entry is taken to be made at the moment next to its claim that its window allows (TimeWindow.swift). Claims that
// lie outside by more than the tolerance are broken links; so are claims that go back behind earlier entries', and claims of
// the future, for which no witness is needed.
//
// A snapshot states when it was taken. That is not after its entry, and not longer before it than the policy's
// `delay`; within these bounds it is believed, since backups take time. A record that takes the place of another one of
// the same source and time is as old as that, if the same commit forgets that one (a change of tags, a rewrite, a repair,
// the end of a backup that left partial snapshots). One beside it is judged as any other: who could date snapshots as
// there are some would push these out of the rules' places.

internal import VarveFormat
internal import VarveProof
internal import VarveRepository

struct TimeAudit {
  private let history: AuditHistory
  private let windows: TimeWindows
  /// When each entry is taken to be made.
  private let moments: [Int64]
  /// Whether no entry is taken to be older than one before it, by more than the tolerance.
  let isOrdered: Bool
  private var all: [AuditFinding] = []
  /// When each snapshot is taken to be taken; the zone is the record's.
  private(set) var taken: [Timestamp] = []
  /// Whether a snapshot is no new backup: an earlier complete one has the same time of the same source.
  private(set) var restates: [Bool] = []

  /// - Parameter delay: between a snapshot's time and its entry's; nil for any.
  init(
    _ history: AuditHistory, _ windows: TimeWindows, now: Timestamp, delay: RetentionDuration?
  ) {
    self.history = history
    self.windows = windows
    moments = history.entries.enumerated().map { index, entry in
      windows.isEmpty
        ? entry.time
        : windows.window(ofEntry: UInt64(index), base: entry.base)
          .clamped(Timestamp(seconds: entry.time)).seconds
    }
    isOrdered = Self.isOrdered(moments)
    judgeEntries(now)
    judgeSnapshots(delay)
  }

  private static func isOrdered(_ moments: [Int64]) -> Bool {
    var latest = Int64.min
    for moment in moments {
      guard latest <= moment + TimeWindow.tolerance else { return false }
      latest = max(latest, moment)
    }
    return true
  }

  /// When an entry is taken to be made.
  func moment(of entry: UInt64) -> Timestamp { Timestamp(seconds: moments[Int(entry)]) }

  func window(of entry: UInt64) -> TimeWindow {
    windows.window(ofEntry: entry, base: history.entries[Int(entry)].base)
  }

  /// From the first entry that is not before `from` to the last that is not after `to`.
  func period(from: Timestamp?, to: Timestamp) -> Range<UInt64> {
    let first = from.map { from in moments.firstIndex { $0 >= from.seconds } ?? moments.count } ?? 0
    let end = moments.lastIndex { $0 <= to.seconds }.map { $0 + 1 } ?? 0
    return UInt64(min(first, end))..<UInt64(end)
  }

  func findings(in period: Range<UInt64>) -> [AuditFinding] {
    all.filter { $0.entry.map(period.contains) ?? true }
  }

  private mutating func judgeEntries(_ now: Timestamp) {
    var latest: (entry: Int, time: Int64)?
    /// Entries that one wrong clock sets back are told of once.
    var told: Int?
    for (index, entry) in history.entries.enumerated() {
      let time = Timestamp(seconds: entry.time)
      if !windows.isEmpty {
        let window = windows.window(ofEntry: UInt64(index), base: entry.base)
        let clamped = window.clamped(time).seconds
        if clamped > time.seconds + TimeWindow.tolerance {
          report(
            index,
            "claims \(time.utcSeconds), but it has seen what was made at \(Timestamp(seconds: clamped).utcSeconds): it is back-dated"
          )
        } else if clamped < time.seconds - TimeWindow.tolerance {
          report(
            index,
            "claims \(time.utcSeconds), but was there at \(Timestamp(seconds: clamped).utcSeconds)")
        }
      }
      if time.seconds > now.seconds + TimeWindow.tolerance {
        report(index, "claims \(time.utcSeconds), which is in the future")
      }
      if let latest, entry.time < latest.time - TimeWindow.tolerance {
        if told != latest.entry {
          told = latest.entry
          report(
            index,
            "claims \(time.utcSeconds), but stands behind entry \(latest.entry) of "
              + "\(Timestamp(seconds: latest.time).utcSeconds): it is back-dated, or one of the clocks is wrong"
          )
        }
      }
      if latest.map({ entry.time > $0.time }) ?? true { latest = (index, entry.time) }
    }
  }

  /// What a snapshot claims.
  private struct Claim: Hashable {
    let source: Int32?
    let taken: Timestamp
  }

  private mutating func judgeSnapshots(_ delay: RetentionDuration?) {
    var complete: Set<Claim> = []
    taken.reserveCapacity(history.snapshots.count)
    restates.reserveCapacity(history.snapshots.count)
    for commit in history.commits {
      var forgotten = forgotten(in: commit)
      for case (_, .add(let place)) in commit {
        let snapshot = history.snapshots[Int(place)]
        guard let claimed = snapshot.taken else {
          taken.append(moment(of: snapshot.entry))
          restates.append(false)
          continue
        }
        let claim = Claim(source: snapshot.source, taken: claimed)
        restates.append(complete.contains(claim))
        if !snapshot.isPartial { complete.insert(claim) }
        if let replaced = Self.removeReplaced(by: snapshot, from: &forgotten[claim], history) {
          taken.append(taken[Int(replaced)])
        } else {
          taken.append(judge(snapshot, claimed, delay))
        }
      }
    }
  }

  /// The places of the snapshots of earlier commits that one forgets.
  private func forgotten(
    in commit: ArraySlice<(entry: UInt64, act: AuditHistory.Act)>
  ) -> [Claim: [Int32]] {
    var found: [Claim: [Int32]] = [:]
    for case (_, .forget(let places)) in commit {
      for place in places where Int(place) < taken.count {
        let snapshot = history.snapshots[Int(place)]
        guard let claimed = snapshot.taken else { continue }
        found[Claim(source: snapshot.source, taken: claimed), default: []].append(place)
      }
    }
    return found
  }

  /// Of those of the same claim the one with the same tree, or else any; each is replaced once.
  private static func removeReplaced(
    by snapshot: AuditHistory.Snapshot, from places: inout [Int32]?, _ history: AuditHistory
  ) -> Int32? {
    guard let known = places, !known.isEmpty else { return nil }
    let index = known.firstIndex { history.snapshots[Int($0)].tree == snapshot.tree } ?? 0
    return places?.remove(at: index)
  }

  /// When a snapshot is taken to be taken that replaces none.
  private mutating func judge(
    _ snapshot: AuditHistory.Snapshot, _ claim: Timestamp, _ delay: RetentionDuration?
  ) -> Timestamp {
    let logged = moment(of: snapshot.entry)
    let what =
      "logs the snapshot \(snapshot.id.hex.prefix(8)) at \(logged.utcSeconds), and dates it \(claim.utcSeconds)"
    if claim.seconds > logged.seconds + TimeWindow.tolerance {
      report(Int(snapshot.entry), what)
    }
    if let delay, claim.seconds < logged.going(back: delay).seconds - TimeWindow.tolerance {
      report(
        Int(snapshot.entry),
        what
          + ", more than \(delay) before: it is back-dated, a copy, or stands beside the snapshot that it was made from "
          + "(a line \"delay none\" allows them)")
    }
    return TimeWindow(notBefore: delay.map(logged.going), notAfter: logged).clamped(claim)
  }

  private mutating func report(_ entry: Int, _ message: String) {
    all.append(
      AuditFinding(
        .broken, .time, entry: UInt64(entry),
        "entry \(entry) (\(history.kind(of: UInt64(entry)))) \(message)"))
  }
}
