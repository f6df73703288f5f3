// Who does a piece of maintenance, when many hosts may (docs/decisions/0012): the log decides.
//
//     claim    receipt `claim`, its scope the task's name, digest `claim` a random token: somebody is about to do it
//     task     receipt `forget` or `prune`, or a `check` entry: it was done, or, as a receipt says, failed; no claim before
//              it counts any more
//
// All of them count only by authors whose role can do the task: a writer cannot claim what it could not do.
//
// A host appends a claim only on top of a state in which the task is due and nobody else's claim counts; since an append
// is a compare-and-append, of any number of hosts one wins, and the others find its claim. A host that died after its claim
// does not keep the others waiting for ever: by their clocks, a claim counts for `lifetime`. Should it live after all,
// the task is done twice, which costs time and harms nothing: each task is safe beside itself.

import VarveCrypto
import VarveFormat
import VarveRepository

struct MaintenanceClaim {
  /// How long a claim counts, in seconds.
  static let lifetime: Int64 = 6 * 3600
  /// After a failure, until it is tried again.
  static let pause: Int64 = 1800
  /// How far ahead an end counts, in seconds: the clocks of hosts differ, some by a zone.
  static let believedAhead: Int64 = 86_400

  enum Standing: Equatable {
    case due
    case notDue
    /// Another host does it.
    case claimed
  }

  let task: MaintenanceTask
  let schedule: Schedule
  /// Whether only checks count that read data.
  var wantsData = false

  /// How it stands with the task in a state of the log.
  ///
  /// - Parameter own: tokens of claims of this host, whose processes have ended.
  func standing(in state: LogState, now: Timestamp, own: [Digest]) -> Standing {
    let ends = ends(in: state)
    if let last = ends.last, last.hasFailed, last.time <= now,
      now.seconds - last.time.seconds < Self.pause
    {
      return .notDue
    }
    // By a clock that was wrong it may have been done years from now.
    if let done = ends.last(where: { !$0.hasFailed }) {
      guard schedule.isDue(at: now, lastRun: done.time, ahead: Self.believedAhead) else {
        return .notDue
      }
    }
    let claim = state.credibleReceipts.last {
      $0.receipt.activity == .claim && $0.receipt.scope == task.rawValue
    }
    guard let claim, claim.entry > ends.last?.entry ?? 0 else { return .due }
    let age = now.seconds - claim.time.seconds
    let isOwn = claim.receipt.digests["claim"].map(own.contains) ?? false
    return isOwn || age >= Self.lifetime || age < -Self.lifetime ? .due : .claimed
  }

  /// One entry that says that the task was done, or failed.
  private struct End {
    let entry: UInt64
    let time: Timestamp
    let hasFailed: Bool
  }

  /// In the order of the log.
  private func ends(in state: LogState) -> [End] {
    let receipts = state.credibleReceipts.filter { $0.receipt.activity == task.activity }.map {
      End(entry: $0.entry, time: $0.time, hasFailed: $0.receipt.result == .failed)
    }
    guard task == .check else { return receipts }
    let checks = state.credibleChecks.filter {
      !wantsData || $0.result.scope.hasPrefix("read-data")
    }
    return (receipts + checks.map { End(entry: $0.entry, time: $0.time, hasFailed: false) })
      .sorted { $0.entry < $1.entry }
  }

  /// Appends a claim, if the task is due.
  ///
  /// - Parameters:
  ///   - own: as above.
  ///   - token: of the new claim; kept before it is appended.
  /// - Returns: how it stood; `due` when the claim is in the log now.
  func claim(
    in repository: UnlockedRepository, own: [Digest], token: Digest
  ) throws -> Standing {
    let now = WallClock.now()
    let receipt = LogStatement.Receipt(
      activity: .claim, result: .ok, started: now, counts: [:], digests: ["claim": token],
      scope: task.rawValue, snapshots: [])
    var standing = Standing.notDue
    try repository.log.refresh()
    _ = try repository.log.append { state in
      standing = self.standing(in: state, now: now, own: own)
      return standing == .due ? [.receipt(receipt)] : []
    }
    return standing
  }
}
