import Glibc
import Synchronization

/// Threads of our own for blocking work; Swift's cooperative pool never blocks on a file.
package enum WorkerThreads {
  /// Cores that this process may use.
  package static var processorCount: Int { max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN)))) }

  /// Runs `body(0)` … `body(count - 1)`, each on a thread of its own, and waits for all of them.
  ///
  /// - Parameter count: threads to run, at least 1; with 1 the caller's own thread is used.
  /// - Throws: the error of the worker that failed first. The others are expected to notice
  ///   through shared state (a closed queue, a cancellation flag) and to return.
  package static func run(
    count: Int, _ body: @escaping @Sendable (_ worker: Int) throws -> Void
  ) throws {
    if count <= 1 { return try body(0) }
    let failure = FirstFailure()
    var threads: [pthread_t] = []
    for worker in 0..<count {
      let start = ThreadStart {
        do { try body(worker) } catch { failure.record(error) }
      }
      var thread = pthread_t()
      let context = Unmanaged.passRetained(start).toOpaque()
      let status = pthread_create(&thread, nil, runThread, context)
      if status == 0 {
        threads.append(thread)
      } else {
        // No thread to be had: the work is done here, later but correctly.
        Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().body()
      }
    }
    for thread in threads { pthread_join(thread, nil) }
    if let error = failure.error { throw error }
  }
}

extension WorkerThreads {
  /// Runs `body` on a thread of its own, for which nobody waits.
  ///
  /// - Returns: false when no thread is to be had; `body` is not run then.
  package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(ThreadStart(body)).toOpaque()
    guard pthread_create(&thread, nil, runThread, context) == 0 else {
      Unmanaged<ThreadStart>.fromOpaque(context).release()
      return false
    }
    pthread_detach(thread)
    return true
  }
}

private func runThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let context else { return nil }
  Unmanaged<ThreadStart>.fromOpaque(context).takeRetainedValue().body()
  return nil
}

private final class ThreadStart: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// Keeps the first of several errors that threads report.
package final class FirstFailure: Sendable {
  private let first = Mutex<(any Error)?>(nil)

  package init() {}

  package func record(_ error: any Error) {
    first.withLock { if $0 == nil { $0 = error } }
  }

  package var error: (any Error)? { first.withLock { $0 } }
}
