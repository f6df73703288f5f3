import Glibc
import Synchronization

/// A rate that transfers keep to together, however many they are.
///
/// Each transfer reserves its next bytes and waits until its turn: a line of reservations, one behind the other, without
/// bursts beyond what was reserved at once.
public final class TransferLimit: Sendable {
  public let bytesPerSecond: Int
  /// When what is reserved so far will have passed, in nanoseconds of the monotonic clock.
  private let line = Mutex<Int64>(0)

  /// - Parameter bytesPerSecond: at least 1.
  public init(bytesPerSecond: Int) { self.bytesPerSecond = max(1, bytesPerSecond) }

  /// Reserves bytes that are about to be sent, or were just received.
  ///
  /// - Returns: nanoseconds to wait before going on.
  public func reserve(_ byteCount: Int) -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    let now = Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    let cost = Int64(Double(byteCount) * 1e9 / Double(bytesPerSecond))
    return line.withLock { end in
      end = max(end, now) + cost
      return end - now
    }
  }
}
