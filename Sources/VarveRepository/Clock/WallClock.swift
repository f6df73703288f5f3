import Glibc
package import Synchronization
package import VarveFormat

/// How far the clocks of what runs on a thread are off: for tests, in which each client has clocks of its own.
package final class ClockShift: Sendable {
  /// Nil, but for a simulated client. Threads that it starts do not inherit it.
  @TaskLocal package static var current: ClockShift?

  /// Seconds that the date is ahead.
  package let date: Int64
  /// Nanoseconds that were never waited for.
  package let elapsed = Atomic<UInt64>(0)

  package init(date: Int64) { self.date = date }
}

/// This machine's idea of the date: for records that people read, never for safety
/// (docs/design.md, invariant I5).
package enum WallClock {
  /// The present moment with this machine's offset from UTC.
  package static func now() -> Timestamp {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return local(
      seconds: Int64(time.tv_sec) + (ClockShift.current?.date ?? 0),
      nanoseconds: UInt32(time.tv_nsec))
  }

  /// That moment with the offset that this machine's zone has then.
  package static func local(seconds: Int64, nanoseconds: UInt32 = 0) -> Timestamp {
    var clock = time_t(seconds)
    var fields = tm()
    guard localtime_r(&clock, &fields) != nil else {
      return Timestamp(seconds: seconds, nanoseconds: nanoseconds)
    }
    // RFC 3339 has no seconds in an offset; historical zones do.
    let offset = Int32(fields.tm_gmtoff / 60 * 60)
    return Timestamp(seconds: seconds, nanoseconds: nanoseconds, offset: offset)
  }

  /// The moment at which this machine's zone shows `civil`; of two such moments, the one that the
  /// C library prefers.
  package static func local(_ civil: CivilTime, nanoseconds: UInt32 = 0) -> Timestamp {
    var fields = tm()
    fields.tm_year = Int32(civil.year - 1900)
    fields.tm_mon = Int32(civil.month - 1)
    fields.tm_mday = Int32(civil.day)
    fields.tm_hour = Int32(civil.hour)
    fields.tm_min = Int32(civil.minute)
    fields.tm_sec = Int32(civil.second)
    fields.tm_isdst = -1
    return local(seconds: Int64(mktime(&fields)), nanoseconds: nanoseconds)
  }
}

/// A clock that never jumps, for durations.
package enum MonotonicClock {
  /// Nanoseconds since an arbitrary moment.
  package static var nanoseconds: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    return now &+ (ClockShift.current?.elapsed.load(ordering: .relaxed) ?? 0)
  }
}
