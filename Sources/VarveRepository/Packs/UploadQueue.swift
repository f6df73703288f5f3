internal import Synchronization
package import VarveStorage

/// Packs on their way to a store that takes its time: they are stored by threads of their own while the next ones are
/// filled. Where the store's own speed is that of the thread which calls it, as with a local directory, packs are
/// stored by whoever adds them.
///
/// Bounded: who adds a pack waits while as many as there are threads are under way, so each thread costs the memory of one
/// pack.
package final class UploadQueue: Sendable {
  /// Of 32 MiB each, so that a long way is filled at 10 Gbit/s and 100 ms.
  package static let threadLimit = 4

  package typealias Upload = @Sendable () throws -> Void

  private let threads: Int
  private let queue: Queue

  package init(_ storage: any StorageBackend) {
    let atOnce = min(storage.transfersAtOnce, Self.threadLimit)
    threads = atOnce > 1 ? atOnce : 0
    queue = Queue(limit: threads)
  }

  deinit { queue.close() }

  /// Has `upload` carried out, here or soon.
  ///
  /// - Throws: what an upload has thrown; nothing is taken any more then.
  package func add(_ upload: @escaping Upload) throws {
    guard threads > 0 else { return try upload() }
    guard try queue.add(upload) else { return }
    if !WorkerThreads.start({ [queue] in queue.work() }) { queue.workHere() }
  }

  /// Waits until all that was added is done.
  ///
  /// - Throws: what an upload has thrown.
  package func finish() throws {
    guard threads > 0 else { return }
    try queue.finish()
  }
}

/// What the threads share; they hold it and not the `UploadQueue`, whose end is theirs.
private final class Queue: @unchecked Sendable {
  private let limit: Int
  private let condition = Condition()
  private var waiting: [UploadQueue.Upload] = []
  private var threads = 0
  private var busy = 0
  private var isClosed = false
  private var failure: (any Error)?

  init(limit: Int) { self.limit = limit }

  /// - Returns: whether another thread is needed.
  func add(_ upload: @escaping UploadQueue.Upload) throws -> Bool {
    try condition.locked {
      while waiting.count + busy >= limit, failure == nil { condition.wait() }
      if let failure { throw failure }
      waiting.append(upload)
      guard waiting.count + busy > threads else {
        condition.broadcast()
        return false
      }
      threads += 1
      return true
    }
  }

  /// Until the queue is closed.
  func work() { work(waits: true) }

  /// In the place of a thread that could not be had.
  func workHere() {
    work(waits: false)
    condition.locked { threads -= 1 }
  }

  private func work(waits: Bool) {
    while let upload = next(waits: waits) {
      var thrown: (any Error)?
      do { try upload() } catch { thrown = error }
      condition.locked {
        busy -= 1
        if let thrown, failure == nil {
          failure = thrown
          waiting = []
        }
        condition.broadcast()
      }
    }
  }

  private func next(waits: Bool) -> UploadQueue.Upload? {
    condition.locked {
      while waiting.isEmpty {
        guard waits, !isClosed else { return nil }
        condition.wait()
      }
      busy += 1
      return waiting.removeFirst()
    }
  }

  func finish() throws {
    try condition.locked {
      while busy > 0 || !waiting.isEmpty { condition.wait() }
      if let failure { throw failure }
    }
  }

  func close() {
    condition.locked {
      isClosed = true
      condition.broadcast()
    }
  }
}
