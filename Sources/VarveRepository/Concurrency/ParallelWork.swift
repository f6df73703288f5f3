internal import Synchronization

/// Work that consists of many items of which each waits for storage most of the time.
package enum ParallelWork {
  /// Runs `worker` on up to `threads` threads of their own and waits for them.
  ///
  /// - Parameter worker: does what `next` hands out, numbers from 0 on in order, until it gives nil; `next` throws once
  ///   `cancellation` is raised, and gives nil once another worker has failed.
  /// - Throws: the error of the worker that failed first.
  static func run(
    _ count: Int, threads: Int, _ cancellation: CancellationFlag,
    _ worker: @escaping @Sendable (_ next: () throws -> Int?) throws -> Void
  ) throws {
    guard count > 0 else { return }
    let cursor = Cursor()
    try WorkerThreads.run(count: min(max(1, threads), count)) { _ in
      do {
        try worker {
          try cancellation.check()
          guard !cursor.isStopped.load(ordering: .relaxed) else { return nil }
          let number = cursor.next.add(1, ordering: .relaxed).oldValue
          return number < count ? number : nil
        }
      } catch {
        cursor.isStopped.store(true, ordering: .relaxed)
        throw error
      }
    }
  }

  /// Does each item by itself.
  static func forEach(
    _ count: Int, threads: Int, _ cancellation: CancellationFlag,
    _ body: @escaping @Sendable (Int) throws -> Void
  ) throws {
    try run(count, threads: threads, cancellation) { next in
      while let number = try next() { try body(number) }
    }
  }

  /// What `body` makes of each of `items`, in their order.
  package static func map<Item: Sendable, Result: Sendable>(
    _ items: [Item], threads: Int, _ cancellation: CancellationFlag = CancellationFlag(),
    _ body: @escaping @Sendable (Item) throws -> Result
  ) throws -> [Result] {
    let results = Mutex([Result?](repeating: nil, count: items.count))
    try forEach(items.count, threads: threads, cancellation) { number in
      let result = try body(items[number])
      results.withLock { $0[number] = result }
    }
    return results.withLock { $0.compactMap { $0 } }
  }

  private final class Cursor: Sendable {
    let next = Atomic<Int>(0)
    let isStopped = Atomic<Bool>(false)
  }
}
