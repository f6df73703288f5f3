import Glibc
import Synchronization

/// Runs `body` on `count` threads of their own, with their numbers, and waits for all of them.
public func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
  final class Job: Sendable {
    let number: Int
    let body: @Sendable (Int) -> Void
    init(_ number: Int, _ body: @escaping @Sendable (Int) -> Void) {
      self.number = number
      self.body = body
    }
  }
  let threads = (0..<count).map { number in
    var thread = pthread_t()
    let job = Unmanaged.passRetained(Job(number, body)).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { argument in
        let job = Unmanaged<Job>.fromOpaque(argument!).takeRetainedValue()
        job.body(job.number)
        return nil
      }, job)
    precondition(result == 0, "no thread for a test")
    return thread
  }
  for thread in threads { pthread_join(thread, nil) }
}

/// Holds threads back until `count` of them have come, again and again.
public final class Gate: Sendable {
  private let count: Int
  private let arrivals = Atomic<Int>(0)

  public init(count: Int) { self.count = count }

  public func wait() {
    let mine = arrivals.add(1, ordering: .acquiringAndReleasing).newValue
    let round = (mine + count - 1) / count * count
    var turns = 0
    while arrivals.load(ordering: .acquiring) < round {
      turns += 1
      // Whoever is waited for may need this processor, and others beside it.
      if turns < 50 { sched_yield() } else { usleep(20) }
    }
  }
}
