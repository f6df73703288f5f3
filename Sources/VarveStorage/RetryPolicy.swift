// How often and when something is tried again that failed because a store was unavailable.
//
//     pause before attempt n + 1     uniformly between 0 and min(longest, first * 2^(n-1))     ("full jitter")
//     given up                       when the next pause would end after `limit`, counted from the first failure
//
// Source: Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015: of the rules compared there the one with the
// least work for the store.

import Glibc
public import VarveFormat

/// When to try again.
public struct RetryPolicy: Sendable {
  /// Seconds.
  public var limit: Double
  public var firstPause: Double
  public var longestPause: Double
  /// Throws when waiting is to end; asked ten times a second.
  public var check: @Sendable () throws -> Void
  /// Told of each failure that is followed by another attempt, with the pause in seconds.
  public var onRetry: @Sendable (VarveError, Double) -> Void

  /// - Parameter limit: seconds after which it is given up, counted from the first failure.
  public init(
    limit: Double = 900, firstPause: Double = 0.5, longestPause: Double = 30,
    check: @escaping @Sendable () throws -> Void = {},
    onRetry: @escaping @Sendable (VarveError, Double) -> Void = { _, _ in }
  ) {
    self.limit = limit
    self.firstPause = firstPause
    self.longestPause = longestPause
    self.check = check
    self.onRetry = onRetry
  }

  /// The cause of an error about what has been tried again and again: nobody above tries it once more.
  struct GivenUp: Error, CustomStringConvertible {
    let seconds: Int
    var description: String { "given up after \(seconds) s" }
  }

  /// Runs `body` until it does not throw `VarveError.Code.unavailable` any more, or it is given up. Blocks its thread.
  ///
  /// - Throws: what `body` throws, and what `check` does.
  public func run<Result>(_ body: () throws -> Result) throws -> Result {
    var firstFailure: Double?
    var ceiling = firstPause
    while true {
      do {
        return try body()
      } catch let error as VarveError where error.code == .unavailable && !(error.cause is GivenUp)
      {
        let now = Self.monotonicSeconds()
        let start = firstFailure ?? now
        firstFailure = start
        let pause = Double.random(in: 0...max(ceiling, 0))
        ceiling = min(ceiling * 2, longestPause)
        guard now + pause - start < limit else {
          throw VarveError(
            .unavailable, error.cause.map { "\(error.message): \($0)" } ?? error.message,
            hint: "once the store answers, run the same command again to go on",
            cause: GivenUp(seconds: Int(now - start)))
        }
        onRetry(error, pause)
        try wait(until: now + pause)
      }
    }
  }

  private func wait(until end: Double) throws {
    while true {
      try check()
      let left = end - Self.monotonicSeconds()
      guard left > 0 else { return }
      usleep(UInt32(min(left, 0.1) * 1_000_000))
    }
  }

  private static func monotonicSeconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
