import Glibc

/// Runs `body` on a thread of its own, which nobody waits for.
public func startThread(_ body: @escaping @Sendable () -> Void) {
  final class Job: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
  var thread = pthread_t()
  let result = pthread_create(
    &thread, nil,
    { argument in
      Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue().body()
      return nil
    }, Unmanaged.passRetained(Job(body)).toOpaque())
  precondition(result == 0, "no thread for a test")
  pthread_detach(thread)
}
