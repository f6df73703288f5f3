internal import VarveStorage

/// A few things that many threads take turns with, each used by one thread at a time: what is costly to have once a thread,
/// where most threads wait for storage most of the time.
package final class Lending<Thing>: @unchecked Sendable {
  private let condition = Condition()
  /// Guarded by `condition`.
  private var free: [Thing]

  /// - Parameter things: at least one; used by nobody else.
  package init(_ things: [Thing]) { free = things }

  /// Waits until one is free, and lends it to `body`. Whoever has one must not ask for another.
  package func with<Result>(_ body: (Thing) throws -> Result) rethrows -> Result {
    let thing = condition.locked {
      while true {
        // The one that was given back last: the processor may still have it in its cache.
        if let thing = free.popLast() { return thing }
        condition.wait()
      }
    }
    defer {
      condition.locked {
        free.append(thing)
        condition.signal()
      }
    }
    return try body(thing)
  }
}
