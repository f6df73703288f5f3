internal import VarveFormat
import VarveStorage

/// A directory to be checked.
struct DirectoryTask: Sendable {
  let content: DirectoryContent
  /// Levels from the root, which has 1.
  let depth: Int
  /// The snapshot by which the walk came here first.
  let snapshot: Digest
}

/// Directories that wait to be checked by several threads. The last one added is taken first: nodes that
/// lie together are then read together.
final class DirectoryQueue: @unchecked Sendable {
  private let condition = Condition()
  private var tasks: [DirectoryTask] = []
  private var busy = 0
  private var isAborted = false

  func add(_ task: DirectoryTask) {
    condition.locked {
      tasks.append(task)
      condition.signal()
    }
  }

  /// The next directory, or nil when there is none at the moment; `finish` it.
  func take() -> DirectoryTask? { condition.locked { pop() } }

  /// Waits for a directory; nil when none will come any more. `finish` it.
  func wait() -> DirectoryTask? {
    condition.locked {
      while true {
        if let task = pop() { return task }
        if busy == 0 || isAborted { return nil }
        condition.wait()
      }
    }
  }

  func finish() {
    condition.locked {
      busy -= 1
      if busy == 0 { condition.broadcast() }
    }
  }

  /// Lets everybody go; a thread has failed.
  func abort() {
    condition.locked {
      isAborted = true
      tasks.removeAll()
      condition.broadcast()
    }
  }

  private func pop() -> DirectoryTask? {
    guard !isAborted, let task = tasks.popLast() else { return nil }
    busy += 1
    return task
  }
}
