import Glibc
import Synchronization
public import VarveFormat
public import VarveRepository

/// Does what is due, when it is due, until it is told to stop: what `varve daemon` is.
///
/// Work on different repositories goes on side by side; of those that touch one repository only one at a time. What is
/// due waits for a random part of the jitter first, so that many hosts do not ask one store all at once; what is refused
/// since another process is at it is tried again a minute later. Maintenance asks the log whether it is due, so it is
/// asked about when its schedule comes round, and once in the beginning.
///
/// When it is told to stop it begins nothing more; work under way is interrupted as by SIGTERM, and waited for.
public final class WorkLoop: Sendable {
  public enum Event: Sendable {
    case begun(DueTask)
    case ended(DueTask, [RunRecord])
    case failed(DueTask, VarveError)
  }

  private struct State {
    var running: [DueTask: Set<String>] = [:]
    /// When work that is due begins.
    var begins: [DueTask: Int64] = [:]
    /// When a task was last begun here.
    var asked: [DueTask: Timestamp] = [:]
  }

  /// Between two looks at the clock while nothing is known to be due: clocks may be set.
  private static let longestSleep: Int64 = 30
  private static let pauseAfterRefusal: Int64 = 60
  private static let shortestPause: Int64 = 30

  private let cancellation: CancellationFlag
  private let jitter: Int64
  private let tell: @Sendable (Event, DueWork) -> Void
  private let state = Mutex(State())

  /// - Parameters:
  ///   - cancellation: the same as that of the surroundings, so that work under way ends, too.
  ///   - jitter: seconds.
  ///   - tell: called by several threads.
  public init(
    cancellation: CancellationFlag, jitter: Int64,
    tell: @escaping @Sendable (Event, DueWork) -> Void
  ) {
    self.cancellation = cancellation
    self.jitter = jitter
    self.tell = tell
  }

  /// Returns when it was told to stop and nothing is under way any more.
  ///
  /// - Parameter current: the work to do; asked again and again, so that a configuration may change.
  /// - Throws: `.io` when the journal cannot be read, after waiting for what is under way.
  public func run(_ current: () -> DueWork) throws {
    var failure: (any Error)?
    do {
      while !cancellation.isCancelled {
        let wake = try look(current())
        while !cancellation.isCancelled, WallClock.now().seconds < wake, !isChanged() {
          // A signal ends a sleep early, on whichever thread it comes.
          usleep(200_000)
        }
      }
    } catch {
      failure = error
    }
    while state.withLock({ !$0.running.isEmpty }) { usleep(50_000) }
    if let failure { throw failure }
  }

  private let changes = Atomic<Bool>(false)

  private func isChanged() -> Bool { changes.exchange(false, ordering: .relaxed) }

  /// Begins what is to begin now.
  ///
  /// - Returns: when to look again.
  private func look(_ work: DueWork) throws -> Int64 {
    let now = WallClock.now()
    var wake = now.seconds + Self.longestSleep
    let tasks = work.tasks
    for (task, schedules) in tasks where state.withLock({ $0.running[task] == nil }) {
      // Should the journal not remember it, it must not begin again at once.
      if let asked = state.withLock({ $0.asked[task] }), now.seconds >= asked.seconds,
        now.seconds - asked.seconds < Self.shortestPause
      {
        wake = min(wake, asked.seconds + Self.shortestPause)
        continue
      }
      guard let due = try moment(task, schedules, work, now) else { continue }
      guard due.seconds <= now.seconds else {
        wake = min(wake, due.seconds)
        continue
      }
      let begin = state.withLock { state in
        if let begin = state.begins[task] { return begin }
        let begin = now.seconds + (jitter > 0 ? Int64.random(in: 0...jitter) : 0)
        state.begins[task] = begin
        return begin
      }
      guard begin <= now.seconds else {
        wake = min(wake, begin)
        continue
      }
      start(task, work, now)
    }
    let known = Set(tasks.map(\.task))
    state.withLock { state in state.begins = state.begins.filter { known.contains($0.key) } }
    return wake
  }

  private func moment(
    _ task: DueTask, _ schedules: [Schedule], _ work: DueWork, _ now: Timestamp
  ) throws -> Timestamp? {
    guard case .maintenance = task else { return try work.next(task, schedules, after: now) }
    let last = state.withLock { $0.asked[task] }
    return schedules.compactMap { $0.next(after: now, lastRun: last) }
      .min { $0.seconds < $1.seconds }
  }

  private func start(_ task: DueTask, _ work: DueWork, _ now: Timestamp) {
    let repositories = work.repositories(of: task)
    let isFree = state.withLock { state in
      guard state.running.values.allSatisfy({ $0.isDisjoint(with: repositories) }) else {
        return false
      }
      state.running[task] = repositories
      return true
    }
    guard isFree else { return }
    let body: @Sendable () -> Void = { [self] in
      tell(.begun(task), work)
      var pause: Int64?
      do {
        tell(.ended(task, try work.run(task)), work)
      } catch {
        let failure =
          error as? VarveError ?? VarveError(.io, "\(task): \(error)")
        if failure.code == .refused { pause = Self.pauseAfterRefusal }
        if failure.code != .interrupted { tell(.failed(task, failure), work) }
      }
      state.withLock { state in
        state.begins[task] = pause.map { now.seconds + $0 }
        if pause == nil { state.asked[task] = now }
        state.running[task] = nil
      }
      changes.store(true, ordering: .relaxed)
    }
    if !WorkerThreads.start(body) {
      state.withLock { $0.running[task] = nil }
    }
  }
}
