// Which time retention goes by, besides the one that a snapshot's record claims.
//
// A record's time is whatever its author wrote. Rules are therefore asked twice: with the times claimed, and with the times
// believed; what either keeps is kept. So a clock that is wrong, or an author who lies, can make more be kept, never less.
//
// The time believed is the claim, unless it lies outside of what is known by more than the tolerance of time windows
// (VarveProof/Time); then the end of what is known next to it:
//
//     not before   what the snapshot's entry has seen: cosignatures and time stamps below its commit
//     not after    its entry's own time, the first cosignatures or time stamp over it, and now
//
// An owner's records that name an original (changes of tags, rewrites, copies) are as old as that: not before does not apply.

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
    let window = log.window(ofEntry: snapshot.entry, times)
    let logged = min(window.clamped(snapshot.time), now)
    let restates =
      snapshot.original != nil && state.authors[snapshot.author]?.role == .owner
    let known = TimeWindow(notBefore: restates ? nil : window.notBefore, notAfter: logged)
    return known.admits(claimed) ? claimed : known.clamped(claimed)
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
