import Synchronization
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage

/// The state of the backups as the service knows it: read by threads of its own, one for each repository, so that whoever
/// asks never waits for a store.
final class StatusBoard: Sendable {
  struct Shown: Sendable {
    var report: StatusReport?
    var facts: [String: RepositoryFacts] = [:]
    var journal: [RunRecord] = []
    /// Whether every repository has been tried once, or has had its time.
    var isComplete = false
  }

  private static let judgeInterval: UInt64 = 5_000_000_000

  let reader: StatusReader
  let shelves: [String: RepositoryShelf]
  private let interval: UInt64
  /// Until then who has not answered is waited for.
  private let firstAnswers: UInt64
  private let started = WallClock.now()
  private let warn: @Sendable (VarveError) -> Void
  private let state = Mutex(Shown())
  /// Held while a report is made, so that the newest is made last.
  private let judging = Mutex<Void>(())
  private let wake = Condition()
  private let isStopped = Atomic<Bool>(false)
  /// Rises when somebody wants fresh facts at once.
  private let demand = Atomic<Int>(0)

  /// - Parameters:
  ///   - seconds: between looks at a repository.
  ///   - firstAnswerSeconds: after which one that never answered counts as unreachable, and nobody waits for it any more.
  init(
    _ reader: StatusReader, seconds: Double, firstAnswerSeconds: Double,
    warn: @escaping @Sendable (VarveError) -> Void
  ) {
    self.reader = reader
    interval = UInt64(max(0.05, seconds) * 1e9)
    firstAnswers = MonotonicClock.nanoseconds &+ UInt64(max(0, firstAnswerSeconds) * 1e9)
    self.warn = warn
    shelves = reader.configuration.repositories.mapValues { RepositoryShelf($0, reader) }
  }

  /// What is known now. Never waits.
  var shown: Shown { state.withLock { $0 } }

  func start() {
    var hasThreads = true
    for shelf in shelves.values {
      hasThreads = WorkerThreads.start { self.run { self.read(shelf) } } && hasThreads
    }
    let judges = WorkerThreads.start {
      self.run(every: min(Self.judgeInterval, self.interval)) { self.judge() }
    }
    if !judges || !hasThreads {
      warn(VarveError(.io, "there are too few threads to watch every repository"))
    }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    wake.locked { wake.broadcast() }
  }

  /// Has everything read anew soon.
  func refresh() {
    demand.add(1, ordering: .relaxed)
    wake.locked { wake.broadcast() }
  }

  private func run(every pause: UInt64? = nil, _ body: () -> Void) {
    while !isStopped.load(ordering: .relaxed) {
      let seen = demand.load(ordering: .relaxed)
      body()
      let deadline = MonotonicClock.nanoseconds + (pause ?? interval)
      wake.locked {
        while !isStopped.load(ordering: .relaxed), demand.load(ordering: .relaxed) == seen,
          MonotonicClock.nanoseconds < deadline
        { wake.wait(until: deadline) }
      }
    }
  }

  private func read(_ shelf: RepositoryShelf) {
    let facts = shelf.readFacts()
    state.withLock { $0.facts[shelf.settings.name] = facts }
    judge()
  }

  private func judge() { judging.withLock { _ in judgeNow() } }

  private func judgeNow() {
    do {
      let journal = try reader.journal()
      let facts = state.withLock { shown in
        shown.journal = journal
        giveUp(&shown.facts)
        return shown.facts
      }
      let report = StatusJudge(
        reader.configuration, facts: facts, journal: journal, now: WallClock.now()
      ).report()
      state.withLock {
        $0.report = report
        $0.isComplete = facts.count == shelves.count
      }
      if let path = reader.configuration.metricsFile, facts.count == shelves.count {
        try MetricsFile.update(path, report)
      }
    } catch {
      warn(error as? VarveError ?? VarveError(.io, "the status cannot be computed", cause: error))
    }
  }

  /// What has never answered in its time is said not to; an answer that comes later takes the place of that.
  private func giveUp(_ facts: inout [String: RepositoryFacts]) {
    guard MonotonicClock.nanoseconds >= firstAnswers else { return }
    for name in shelves.keys where facts[name] == nil {
      facts[name] = RepositoryFacts(
        .unreachable("it has not answered since the service was started"), read: started)
    }
  }
}
