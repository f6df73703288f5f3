import Glibc
import HTTPTypes
import Synchronization
import VarveCrypto
import VarveFormat
import VarveOperations
import VarveRepository

/// What the service was asked to do: under way, and the newest that ended. It is kept in memory; that a restore or an audit
/// was begun and how it ended stands in the journal, too. A drill writes there itself.
final class JobBook: Sendable {
  struct Job: Sendable {
    enum State: String, Sendable { case running, succeeded, failed }

    let id: String
    let kind: RunRecord.Activity
    /// A profile; of an audit, a repository.
    let name: String
    /// A source, or a drill.
    let detail: String?
    let started: Timestamp
    var ended: Timestamp?
    var state = State.running
    /// How far it is, or what came of it.
    var message = ""
    var details = JSONValue.null

    var json: JSONValue {
      var members: [String: JSONValue] = [
        "id": .string(id), "kind": .string(kind.rawValue), "name": .string(name),
        "state": .string(state.rawValue), "started": .string(started.utcSeconds),
        "message": .string(message),
      ]
      members["detail"] = detail.map { .string($0) }
      members["ended"] = ended.map { .string($0.utcSeconds) }
      if details != .null { members["result"] = details }
      return .object(members)
    }
  }

  /// Under way at one time; of one thing, one.
  private static let runningLimit = 4
  private static let kept = 100

  private struct Activity {
    /// When everything was told to end.
    var cancelled: UInt64?
    /// Jobs whose threads have something to do, be it only to write down how they ended.
    var count = 0
  }

  private let jobs = Mutex<[Job]>([])
  private let cancellation = CancellationFlag()
  private let activity = Mutex(Activity())
  private let record: @Sendable (RunRecord) -> Void

  /// - Parameter record: writes to the journal.
  init(record: @escaping @Sendable (RunRecord) -> Void) { self.record = record }

  /// Newest first.
  var all: [Job] { jobs.withLock { $0.reversed() } }

  func job(_ id: String) -> Job? { jobs.withLock { jobs in jobs.first { $0.id == id } } }

  /// Has whatever is under way end; nothing more is begun.
  func cancel() {
    activity.withLock { $0.cancelled = $0.cancelled ?? MonotonicClock.nanoseconds }
    cancellation.cancel()
  }

  /// The same, and waits until everything has ended.
  ///
  /// - Parameter seconds: from when it was first told to end; no longer is waited.
  /// - Returns: false when something goes on.
  func stop(within seconds: Double) -> Bool {
    cancel()
    let began = activity.withLock { $0.cancelled } ?? 0
    let deadline = began &+ UInt64(max(0, min(seconds, 1e6)) * 1e9)
    while activity.withLock({ $0.count > 0 }) {
      guard MonotonicClock.nanoseconds < deadline else { return false }
      usleep(20_000)
    }
    return true
  }

  /// Begins a job on a thread of its own.
  ///
  /// - Throws: `Problem` 409 when the same is under way, 429 when too much is, 503 when the service is about to end.
  func start(
    _ kind: RunRecord.Activity, _ name: String, _ detail: String?, repository: String,
    _ body:
      @escaping @Sendable (CancellationFlag, @escaping ServiceActions.Progress) throws ->
      ServiceActions.Outcome
  ) throws -> Job {
    try activity.withLock { activity in
      guard activity.cancelled == nil else { throw Problem(503, "the service is about to end") }
      activity.count += 1
    }
    var isBegun = false
    defer { if !isBegun { activity.withLock { $0.count -= 1 } } }
    let id = SecureRandom.secret(16).withUnsafeBytes { Hex.encode(Array($0)) }
    let job = Job(
      id: id, kind: kind, name: name, detail: detail, started: WallClock.now())
    try jobs.withLock { jobs in
      let running = jobs.filter { $0.state == .running }
      guard
        !running.contains(where: {
          $0.kind == kind && $0.name == name && $0.detail == detail
        })
      else { throw Problem(409, "that is under way already") }
      guard running.count < Self.runningLimit else {
        throw Problem(429, "\(Self.runningLimit) jobs are under way", headers: [.retryAfter: "30"])
      }
      jobs.append(job)
      if jobs.count > Self.kept, let oldest = jobs.firstIndex(where: { $0.state != .running }) {
        jobs.remove(at: oldest)
      }
    }
    var record = RunRecord(
      id: id, activity: kind, name: name, repository: repository, started: job.started,
      result: .started)
    record.detail = detail
    let begun = record
    isBegun = WorkerThreads.start {
      self.run(begun, body)
      self.activity.withLock { $0.count -= 1 }
    }
    guard isBegun else {
      finish(
        id,
        ServiceActions.Outcome(isGood: false, summary: "there is no thread for it", details: .null))
      throw Problem(500, "there is no thread for it")
    }
    return job
  }

  private func run(
    _ begun: RunRecord,
    _ body: (CancellationFlag, @escaping ServiceActions.Progress) throws -> ServiceActions.Outcome
  ) {
    let keepsRecord = begun.activity != .drill
    if keepsRecord { record(begun) }
    let id = begun.id
    let outcome: ServiceActions.Outcome
    do {
      outcome = try body(cancellation) { message in
        self.change(id) { $0.message = message }
      }
    } catch {
      let message = (error as? VarveError)?.message ?? "\(error)"
      outcome = ServiceActions.Outcome(isGood: false, summary: message, details: .null)
    }
    finish(id, outcome)
    guard keepsRecord else { return }
    var ended = begun
    ended.ended = WallClock.now()
    ended.result = outcome.isGood ? .success : .failure
    ended.message = outcome.summary
    record(ended)
  }

  private func finish(_ id: String, _ outcome: ServiceActions.Outcome) {
    change(id) {
      $0.state = outcome.isGood ? .succeeded : .failed
      $0.message = outcome.summary
      $0.details = outcome.details
      $0.ended = WallClock.now()
    }
  }

  private func change(_ id: String, _ body: (inout Job) -> Void) {
    jobs.withLock { jobs in
      guard let place = jobs.firstIndex(where: { $0.id == id }) else { return }
      body(&jobs[place])
    }
  }
}
