import Glibc
import VarveOperations

/// Calls a closure at an interval on a thread of its own until `stop()`.
final class Ticker {
  private final class Work: Sendable {
    let descriptor: Int32
    let milliseconds: Int32
    let body: @Sendable () -> Void

    init(descriptor: Int32, milliseconds: Int32, body: @escaping @Sendable () -> Void) {
      self.descriptor = descriptor
      self.milliseconds = milliseconds
      self.body = body
    }

    /// Until the other end of the pipe is closed.
    func run() {
      var wait = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
      while true {
        let count = poll(&wait, 1, milliseconds)
        if count == 0 {
          body()
        } else if count > 0 || errno != EINTR {
          return
        }
      }
    }
  }

  private var thread: pthread_t?
  private let pipe: Pipe?

  /// - Parameter seconds: between calls; the first comes after one interval.
  init(every seconds: Double, _ body: @escaping @Sendable () -> Void) {
    pipe = try? Pipe()
    guard let pipe else { return }
    let milliseconds = Int32(min(max(seconds * 1000, 10), 86_400_000))
    let work = Work(descriptor: pipe.reading, milliseconds: milliseconds, body: body)
    let context = Unmanaged.passRetained(work).toOpaque()
    var started = pthread_t()
    let status = pthread_create(
      &started, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().run()
        return nil
      }, context)
    if status == 0 {
      thread = started
    } else {
      Unmanaged<Work>.fromOpaque(context).release()
    }
  }

  /// Returns when no call is under way and none will come. To be called once.
  func stop() {
    guard let pipe else { return }
    close(pipe.writing)
    if let thread { pthread_join(thread, nil) }
    close(pipe.reading)
  }
}
