// Which times retention goes by, besides the one that a snapshot's record claims.
//
// A record's time is whatever its author wrote. Rules are therefore asked several times: with the times claimed, and with those
// that follow from what is known; what any answer keeps is kept (DatedSnapshot.swift). So a clock that is wrong, or an author who
// lies, can make more be kept, never less, as far as the log's order, now or somebody who is trusted contradicts it.
//
// The time believed is the claim, unless it lies outside of what is known by more than the tolerance of time windows
// (VarveProof/Time); then the end of what is known next to it:
//
//     not before   what the snapshot's entry has seen: cosignatures and time stamps below its commit
//     not after    its entry's own time, the first cosignatures or time stamp over it, and now
//
// An owner's records that name an original (changes of tags, rewrites, copies) are as old as that: not before does not apply, and
// an original that the log has says, too, by when it was there.
//
// Entries contradict each other where clocks were ahead or behind: ClockDoubts.swift.

public import VarveFormat
import VarveProof
public import VarveRepository

struct BelievedTimes {
  private let log: Log
  private let state: LogState
  private let times: AttestedTimes
  private let now: Timestamp

  /// - Throws: what reading entries throws.
  init(_ log: Log, _ state: LogState, _ trust: TimeTrust, now: Timestamp) throws {
    self.log = log
    self.state = state
    self.now = now
    times = try log.attestedTimes(trust)
  }

  func time(of snapshot: LogState.Snapshot, claimed: Timestamp) -> Timestamp {
    let restates = isRestatement(snapshot)
    let known = TimeWindow(
      notBefore: restates ? nil : log.window(ofEntry: snapshot.entry, times).notBefore,
      notAfter: min(logged(snapshot), now))
    return known.admits(claimed) ? claimed : known.clamped(claimed)
  }

  /// All that is known of it, for rules to be asked.
  func dated(
    _ snapshot: LogState.Snapshot, claimed: Timestamp, tags: [String]
  ) -> DatedSnapshot {
    let logged = logged(snapshot)
    let end = original(of: snapshot).map { min(logged, self.logged($0)) } ?? logged
    // Entries have whole seconds.
    let isAfter = claimed.seconds > end.seconds
    return DatedSnapshot(
      entry: snapshot.entry, tags: tags, claimed: claimed,
      taken: isAfter ? TimeWindow(notAfter: end).clamped(claimed) : claimed,
      believed: time(of: snapshot, claimed: claimed), logged: logged)
  }

  /// When its entry was made: what its author's clock said, next to what is proved.
  func logged(_ snapshot: LogState.Snapshot) -> Timestamp {
    log.window(ofEntry: snapshot.entry, times).clamped(snapshot.time)
  }

  private func isRestatement(_ snapshot: LogState.Snapshot) -> Bool {
    snapshot.original != nil && state.authors[snapshot.author]?.role == .owner
  }

  /// What an owner's record restates, live or not, if this log has it.
  private func original(of snapshot: LogState.Snapshot) -> LogState.Snapshot? {
    guard isRestatement(snapshot), let original = snapshot.original else { return nil }
    return state.snapshots[original] ?? state.forgotten[original]?.snapshot
  }
}

extension UnlockedRepository {
  /// When a live snapshot was taken, as far as that is believed; nil when it is not live.
  ///
  /// - Throws: what reading entries throws.
  public func believedTime(
    of snapshot: Digest, claimed: Timestamp, trust: TimeTrust, now: Timestamp
  ) throws -> Timestamp? {
    let state = log.state
    guard let logged = state.snapshots[snapshot] else { return nil }
    return try BelievedTimes(log, state, trust, now: now).time(of: logged, claimed: claimed)
  }
}
