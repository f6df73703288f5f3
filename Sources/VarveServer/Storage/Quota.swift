import Synchronization

/// How many bytes a repository may have, and has. What others put there behind the server's back is noticed when it starts
/// again.
final class Quota: Sendable {
  let limit: Int64
  private let used: Mutex<Int64>
  /// Held while an object gets its name or is removed, so that what goes is counted off once.
  let naming = Mutex(())

  init(limit: Int64, used: Int64) {
    self.limit = limit
    self.used = Mutex(used)
  }

  var usedBytes: Int64 { used.withLock { $0 } }

  /// Counts bytes in that are about to be stored.
  ///
  /// - Parameter kind: who may delete gets a sixteenth more: without writing, nobody can prune.
  /// - Returns: false when there is no room for them.
  func reserve(_ count: Int64, for kind: AccessKind) -> Bool {
    used.withLock { used in
      let room = kind == .full ? limit.addingReportingOverflow(limit / 16) : (limit, false)
      let (sum, overflow) = used.addingReportingOverflow(count)
      guard !overflow, sum <= (room.1 ? Int64.max : room.0) else { return false }
      used = sum
      return true
    }
  }

  /// Counts bytes off that are not, or no longer, stored.
  func release(_ count: Int64) { used.withLock { $0 = max(0, $0 - count) } }
}
