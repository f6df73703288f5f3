import Dispatch
import Synchronization
import VarveFormat
import VarveTestSupport

/// A server of this process, on a thread of its own and a free port of loopback.
final class ServingThread: Sendable {
  typealias Started = @Sendable (_ host: String, _ port: Int) -> Void

  let port: Int
  private let ended = DispatchSemaphore(value: 0)

  /// Returns when the server accepts connections.
  ///
  /// - Parameter run: serves until it is asked to stop.
  /// - Throws: what `run` throws before.
  init(
    _ run: @escaping @Sendable (_ host: String, _ port: Int, @escaping Started) throws -> Void
  ) throws {
    let started = DispatchSemaphore(value: 0)
    let outcome = Mutex<Result<Int, any Error>?>(nil)
    let ended = ended
    startThread {
      do {
        try run("127.0.0.1", 0) { _, port in
          outcome.withLock { $0 = .success(port) }
          started.signal()
        }
      } catch {
        outcome.withLock { $0 = .failure(error) }
        started.signal()
      }
      ended.signal()
    }
    started.wait()
    guard let result = outcome.withLock({ $0 }) else {
      throw VarveError(.io, "the server says nothing")
    }
    port = try result.get()
  }

  /// Waits until the server has stopped; once.
  func wait() { ended.wait() }

  /// The same for so long at most.
  ///
  /// - Returns: whether it has.
  func ends(within seconds: Int) -> Bool {
    ended.wait(timeout: .now() + .seconds(seconds)) == .success
  }
}
