import Glibc
import VarveFormat

/// Answers on their way from a connection's reading thread to the thread that waits for them.
///
/// Memory for data is lent by the waiting thread; the reading thread touches it only with the lock held and only until
/// the queue is abandoned, so that a caller which fails may return at once.
final class SFTPAnswerQueue: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var arrived: [(tag: Int, answer: SFTPAnswer)] = []
  private var failure: VarveError?
  private var isAbandoned = false

  init() {
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(condition, nil)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Adds the answer that `decode` makes.
  ///
  /// - Parameter decode: is told whether memory lent for the answer may be written to.
  func deliver(tag: Int, _ decode: (_ isAwaited: Bool) throws -> SFTPAnswer?) rethrows {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    if let answer = try decode(!isAbandoned), !isAbandoned {
      arrived.append((tag, answer))
      pthread_cond_signal(condition)
    }
  }

  /// Nothing more will come.
  func fail(_ error: VarveError) {
    pthread_mutex_lock(mutex)
    failure = failure ?? error
    pthread_cond_signal(condition)
    pthread_mutex_unlock(mutex)
  }

  /// Whoever waited does so no longer; memory that was lent is not touched any more.
  func abandon() {
    pthread_mutex_lock(mutex)
    isAbandoned = true
    arrived = []
    pthread_mutex_unlock(mutex)
  }

  /// Waits for answers.
  ///
  /// - Throws: why the connection ended.
  func take() throws -> [(tag: Int, answer: SFTPAnswer)] {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while arrived.isEmpty {
      if let failure { throw failure }
      pthread_cond_wait(condition, mutex)
    }
    defer { arrived = [] }
    return arrived
  }
}
