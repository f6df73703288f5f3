import Synchronization

/// How many bytes a repository may have, and has; an object counts as a block of the disk at least, so that objects of no bytes
/// do not fill it. What others put there behind the server's back is noticed when it starts
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

  /// What an object of that many bytes counts.
  static func charge(_ size: Int64) -> Int64 { max(size, 4096) }

  /// Counts an object in that is about to be stored.
  ///
  /// - Parameter kind: who may delete gets a sixteenth more: without writing, nobody can prune.
  /// - Returns: false when there is no room for it.
  func reserve(_ size: Int64, for kind: AccessKind) -> Bool {
    used.withLock { used in
      let room = kind == .full ? limit.addingReportingOverflow(limit / 16) : (limit, false)
      let (sum, overflow) = used.addingReportingOverflow(Self.charge(size))
      guard !overflow, sum <= (room.1 ? Int64.max : room.0) else { return false }
      used = sum
      return true
    }
  }

  /// Counts an object off that is not, or no longer, stored.
  func release(_ size: Int64) { used.withLock { $0 = max(0, $0 - Self.charge(size)) } }
}
