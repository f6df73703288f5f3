import AsyncHTTPClient
import NIOCore
import Synchronization
import VarveFormat

/// Ends a request in which no byte has come or gone for too long, whatever it hangs at.
///
/// The timers of async-http-client do not: the one for writing stops for as long as the connection takes nothing more, and
/// the one for reading goes on while a rate that the user has set makes the next read wait.
final class IdleWatch: Sendable {
  private struct Timer {
    var scheduled: Scheduled<Void>?
    var isEnded = false
  }

  private let limit: TimeAmount
  private let failure: VarveError
  /// When a byte last came or went, or will have waited for its turn: nanoseconds of NIO's clock.
  private let moved: Atomic<UInt64>
  private let timer = Mutex(Timer())

  /// - Parameter failure: what the request fails with.
  init(seconds: Int64, failure: VarveError) {
    limit = .seconds(seconds)
    self.failure = failure
    moved = Atomic(NIODeadline.now().uptimeNanoseconds)
  }

  /// Bytes have come or gone.
  ///
  /// - Parameter pause: nanoseconds from now on in which none are asked for.
  func touch(pause: Int64 = 0) {
    moved.store((.now() + .nanoseconds(pause)).uptimeNanoseconds, ordering: .relaxed)
  }

  /// Begins to look after a request, until `end`.
  func begin<Response: Sendable>(_ task: HTTPClient.Task<Response>) {
    let expiry = NIODeadline.uptimeNanoseconds(moved.load(ordering: .relaxed)) + limit
    timer.withLock { timer in
      guard !timer.isEnded else { return }
      timer.scheduled = task.eventLoop.scheduleTask(deadline: expiry) {
        let expiry = NIODeadline.uptimeNanoseconds(self.moved.load(ordering: .relaxed)) + self.limit
        guard expiry <= .now() else { return self.begin(task) }
        task.fail(reason: self.failure)
      }
    }
  }

  func end() {
    let scheduled = timer.withLock { timer in
      timer.isEnded = true
      defer { timer.scheduled = nil }
      return timer.scheduled
    }
    scheduled?.cancel()
  }
}
