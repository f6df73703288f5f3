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
    var moments: WorkMoments
  }

  private static let shortestPause: Int64 = 30

  private let cancellation: CancellationFlag
  private let tell: @Sendable (Event, DueWork) -> Void
  private let state: Mutex<State>
  /// Seconds between two looks at the clock, whatever it says: it may be set.
  private let longestSleep: Double
  private let clock: @Sendable () -> Timestamp

  /// - Parameters:
  ///   - cancellation: the same as that of the surroundings, so that work under way ends, too.
  ///   - jitter: seconds.
  ///   - tell: called by several threads.
  public convenience init(
    cancellation: CancellationFlag, jitter: Int64,
    tell: @escaping @Sendable (Event, DueWork) -> Void
  ) {
    self.init(
      cancellation: cancellation, jitter: jitter, longestSleep: 30, clock: WallClock.now,
      tell: tell)
  }

  package init(
    cancellation: CancellationFlag, jitter: Int64, longestSleep: Double,
    clock: @escaping @Sendable () -> Timestamp, tell: @escaping @Sendable (Event, DueWork) -> Void
  ) {
    self.cancellation = cancellation
    self.longestSleep = longestSleep
    self.clock = clock
    self.tell = tell
    state = Mutex(State(moments: WorkMoments(jitter: jitter)))
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
        let limit = MonotonicClock.nanoseconds &+ UInt64(longestSleep * 1e9)
        while !cancellation.isCancelled, clock().seconds < wake,
          MonotonicClock.nanoseconds < limit, !isChanged()
        {
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
  /// - Returns: when to look again, at the latest.
  private func look(_ work: DueWork) throws -> Int64 {
    let now = clock()
    var wake = Int64.max
    let tasks = work.tasks
    let known = Set(tasks.map(\.task))
    state.withLock { $0.moments.forget(allBut: known, now: now) }
    for (task, schedules) in tasks where state.withLock({ $0.running[task] == nil }) {
      // Should the journal not remember it, it must not begin again at once.
      if let asked = state.withLock({ $0.moments.lastBegun(task) }),
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
      let begin = state.withLock { $0.moments.begin(task, now: now) }
      guard begin <= now.seconds else {
        wake = min(wake, begin)
        continue
      }
      start(task, work, now)
    }
    return wake
  }

  private func moment(
    _ task: DueTask, _ schedules: [Schedule], _ work: DueWork, _ now: Timestamp
  ) throws -> Timestamp? {
    guard case .maintenance = task else { return try work.next(task, schedules, after: now) }
    let last = state.withLock { $0.moments.lastBegun(task) }
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
      var wasRefused = false
      do {
        tell(.ended(task, try work.run(task)), work)
      } catch {
        let failure =
          error as? VarveError ?? VarveError(.io, "\(task): \(error)")
        wasRefused = failure.code == .refused
        if failure.code != .interrupted { tell(.failed(task, failure), work) }
      }
      state.withLock { state in
        state.moments.ended(task, begunAt: now, wasRefused: wasRefused)
        state.running[task] = nil
      }
      changes.store(true, ordering: .relaxed)
    }
    if !WorkerThreads.start(body) {
      state.withLock { $0.running[task] = nil }
    }
  }
}
