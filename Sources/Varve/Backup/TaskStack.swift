internal import VarveRepository
import VarveStorage

/// The work that the threads of a backup share: a stack, so that the walk goes depth first and what waits is
/// bounded by depth, and in front of it a short queue of chunks of huge files, which any thread
/// takes first so that one file keeps all cores busy.
///
/// The walk is over when nothing waits and nobody works.
final class TaskStack<Task: Sendable, Chunk: Sendable>: @unchecked Sendable {
  enum Item {
    case task(Task)
    case chunk(Chunk)
    /// The thread is wanted at the rendezvous; does not count as an item.
    case rendezvous
  }

  private let condition = Condition()
  private var tasks: [Task] = []
  private var chunks: [Chunk] = []
  private var working = 0
  private var waiting = 0
  private var stopped = false
  private var calls = false

  /// Puts `new` on top; the last one is taken first.
  func push(_ new: some Collection<Task>) {
    condition.locked {
      tasks.append(contentsOf: new)
      if waiting > 0 { new.count == 1 ? condition.signal() : condition.broadcast() }
    }
  }

  func push(_ task: Task) { push(CollectionOfOne(task)) }

  func push(chunk: Chunk) {
    condition.locked {
      chunks.append(chunk)
      if waiting > 0 { condition.signal() }
    }
  }

  /// The next thing to do; waits for one. Nil when all is done or the walk was stopped.
  ///
  /// - Parameter finished: whether the caller has finished an item that it took before.
  func next(finished: Bool) -> Item? {
    condition.locked {
      if finished {
        working -= 1
        if working == 0 && tasks.isEmpty && chunks.isEmpty { condition.broadcast() }
      }
      while true {
        if stopped { return nil }
        if !chunks.isEmpty {
          working += 1
          return .chunk(chunks.removeFirst())
        }
        if working == 0 && tasks.isEmpty { return nil }
        if calls { return .rendezvous }
        if let task = tasks.popLast() {
          working += 1
          return .task(task)
        }
        waiting += 1
        condition.wait()
        waiting -= 1
      }
    }
  }

  /// A waiting chunk, if there is one; does not count as an item of `next`.
  func takeChunk() -> Chunk? {
    condition.locked { chunks.isEmpty ? nil : chunks.removeFirst() }
  }

  /// The work that waits, the last to be taken first.
  var waitingTasks: [Task] { condition.locked { tasks } }

  /// Gives threads that ask for work the rendezvous instead, and wakes those that wait; or no longer does.
  func setCalls(_ calls: Bool) {
    condition.locked {
      self.calls = calls
      if calls { condition.broadcast() }
    }
  }

  var isStopped: Bool { condition.locked { stopped } }

  /// Makes every `next` return nil: after an error.
  func stop() {
    condition.locked {
      stopped = true
      condition.broadcast()
    }
  }
}
