import VarveStorage

/// So many requests at a time; further ones wait, and go on in the order in which they came.
final class RequestTurns: @unchecked Sendable {
  private let condition = Condition()
  private let count: UInt64
  /// Requests that have come, and those that have ended.
  private var arrived: UInt64 = 0
  private var ended: UInt64 = 0

  init(count: Int) { self.count = UInt64(max(1, count)) }

  /// Runs `body` when it is its turn; blocks until then.
  func take<Result>(_ body: () throws -> Result) rethrows -> Result {
    condition.locked {
      let ticket = arrived
      arrived += 1
      while ticket >= ended + count { condition.wait() }
    }
    defer {
      condition.locked {
        ended += 1
        // The one whose turn it is now is some one of those who wait.
        condition.broadcast()
      }
    }
    return try body()
  }
}
