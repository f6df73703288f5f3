import Synchronization
internal import VarveRepository
import VarveStorage

/// Where the threads of a backup wait while a partial snapshot is made of what they have done.
///
/// They look whether they are called when they take work, between files, and between the chunks of a large one: one
/// relaxed load. Who is called stores what it holds, attends, and goes on when it is dismissed. When
/// all attend, nothing moves: every chunk that was claimed is in a pack, and every entry that is done is where the caller
/// finds it.
final class Rendezvous: @unchecked Sendable {
  private let called = Atomic<Bool>(false)
  private let condition = Condition()
  private let threads: Int
  private var attending = 0
  private var meeting = 0
  private var isOver = false

  /// - Parameter threads: how many attend.
  init(threads: Int) { self.threads = threads }

  var isCalled: Bool { called.load(ordering: .relaxed) }

  /// Calls all threads, which take their work from `stack`, and runs `body` while they attend.
  ///
  /// - Returns: nil, without a call of `body`, when one has left instead: the walk is over, or has failed.
  /// - Throws: what `body` throws, after which all go on.
  func meet<Task, Chunk, Result>(
    takingWorkFrom stack: TaskStack<Task, Chunk>, _ body: () throws -> Result
  ) rethrows -> Result? {
    call()
    stack.setCalls(true)
    defer {
      stack.setCalls(false)
      dismiss()
    }
    guard wait() else { return nil }
    return try body()
  }

  private func call() {
    condition.locked { if !isOver { called.store(true, ordering: .relaxed) } }
  }

  private func wait() -> Bool {
    condition.locked {
      while attending < threads && !isOver { condition.wait() }
      return !isOver
    }
  }

  private func dismiss() {
    condition.locked {
      called.store(false, ordering: .relaxed)
      attending = 0
      meeting += 1
      condition.broadcast()
    }
  }

  /// Waits until dismissed. The caller has nothing left that others could wait for.
  func attend() {
    condition.locked {
      guard isCalled else { return }
      attending += 1
      condition.broadcast()
      let present = meeting
      while meeting == present { condition.wait() }
    }
  }

  /// Notes that a thread will not attend any more.
  func leave() {
    condition.locked {
      isOver = true
      condition.broadcast()
    }
  }

  /// Waits until `deadline`, in nanoseconds of the monotonic clock.
  ///
  /// - Returns: false, and at once, when a thread has left.
  func sleep(until deadline: UInt64) -> Bool {
    condition.locked {
      while !isOver && MonotonicClock.nanoseconds < deadline { condition.wait(until: deadline) }
      return !isOver
    }
  }
}
