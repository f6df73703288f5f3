package import VarveFormat

/// When work of a loop begins, and when it was last begun, by a clock that may be set.
package struct WorkMoments {
  package static let pauseAfterRefusal: Int64 = 60

  private let jitter: Int64
  /// When work that is due begins.
  private var begins: [DueTask: Int64] = [:]
  /// When a task was last begun here.
  private var asked: [DueTask: Timestamp] = [:]

  /// - Parameter jitter: seconds.
  package init(jitter: Int64) { self.jitter = jitter }

  /// When a task was last begun here; nil for never.
  package func lastBegun(_ task: DueTask) -> Timestamp? { asked[task] }

  /// When a task that is due now begins: the same answer until it has ended.
  package mutating func begin(_ task: DueTask, now: Timestamp) -> Int64 {
    if let begin = begins[task] { return begin }
    let begin = now.seconds + (jitter > 0 ? Int64.random(in: 0...jitter) : 0)
    begins[task] = begin
    return begin
  }

  /// A task that began at `time` has ended.
  package mutating func ended(_ task: DueTask, begunAt time: Timestamp, wasRefused: Bool) {
    begins[task] = wasRefused ? time.seconds + Self.pauseAfterRefusal : nil
    if !wasRefused { asked[task] = time }
  }

  /// Forgets all but `tasks`, and whatever nobody can have said by a clock that was right: moments further ahead than any
  /// pause, and beginnings that have not come.
  package mutating func forget(allBut tasks: Set<DueTask>, now: Timestamp) {
    let limit = now.seconds + max(jitter, Self.pauseAfterRefusal)
    begins = begins.filter { tasks.contains($0.key) && $0.value <= limit }
    asked = asked.filter { $0.value.seconds <= now.seconds }
  }
}
