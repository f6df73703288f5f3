// Token buckets (as in RFC 2697): each key has a bucket of `burst` requests that fills with `perSecond` a second; a
// request takes one, or waits until there is one. At most `bucketLimit` buckets are kept: full ones go first, since a
// bucket that is not there counts as full.

import Glibc
import Synchronization

/// How many requests somebody may make.
final class RateLimit: Sendable {
  private struct Bucket {
    var level: Double
    var time: Double
  }

  private static let bucketLimit = 10_000

  private let perSecond: Double
  private let burst: Double
  private let buckets = Mutex<[String: Bucket]>([:])

  /// - Parameter perSecond: above 0.
  init(perSecond: Double, burst: Double) {
    self.perSecond = perSecond
    self.burst = max(1, burst)
  }

  /// Takes one request.
  ///
  /// - Returns: nil when it may be made, else after how many whole seconds.
  func wait(for key: String, now: Double = MonotonicTime.seconds) -> Int? {
    buckets.withLock { buckets in
      if buckets.count >= Self.bucketLimit, buckets[key] == nil {
        buckets = buckets.filter { level($0.value, now) < burst }
        // All in use: whoever comes new waits for those.
        guard buckets.count < Self.bucketLimit else { return 1 }
      }
      var bucket = buckets[key] ?? Bucket(level: burst, time: now)
      bucket.level = level(bucket, now)
      bucket.time = now
      defer { buckets[key] = bucket }
      guard bucket.level >= 1 else {
        return max(1, Int(((1 - bucket.level) / perSecond).rounded(.up)))
      }
      bucket.level -= 1
      return nil
    }
  }

  private func level(_ bucket: Bucket, _ now: Double) -> Double {
    min(burst, bucket.level + max(0, now - bucket.time) * perSecond)
  }
}

enum MonotonicTime {
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
