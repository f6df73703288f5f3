import VarveRepository
import VarveStorage

/// Hands the work of planned windows to the workers: first what must be looked at, then what must be
/// written. Holds at most as much as two full windows have, so planning cannot run away from writing.
final class RestoreQueue: @unchecked Sendable {
  enum Job {
    case prepare(RestoreWindow, task: Int)
    /// Positions in `plain`.
    case plain(RestoreWindow, Range<Int>)
    /// A position in `packs`, whose header is to be read.
    case header(RestoreWindow, Int)
    case span(RestoreWindow, Int)

    var window: RestoreWindow {
      switch self {
      case .prepare(let window, _), .plain(let window, _), .header(let window, _),
        .span(let window, _):
        window
      }
    }
  }

  private static let plainBatch = 32

  /// Whether headers of packs are read before their blocks: where a way there and back takes long, who needs one
  /// would wait for it alone. By some of the workers, so that blocks are on their way meanwhile.
  private let readsHeadersFirst: Bool
  private let condition = Condition()
  private var windows: [RestoreWindow] = []
  private var isClosed = false
  private var isStopped = false
  private let workers: Int
  /// Workers that have nothing to do.
  private var waiting = 0
  /// Workers that read headers.
  private var readingHeaders = 0

  init(workers: Int, readsHeadersFirst: Bool) {
    self.workers = workers
    self.readsHeadersFirst = readsHeadersFirst
  }

  /// Whether at least half of the workers wait for a window.
  var isHungry: Bool { condition.locked { waiting > 0 && 2 * waiting >= workers } }

  /// Adds a sealed window; waits while there is too much already. False once the queue was stopped.
  func add(_ window: RestoreWindow) -> Bool {
    condition.locked {
      while !hasRoom(for: window) && !isStopped { condition.wait() }
      if isStopped { return false }
      // Nothing is left to do when every file of it was given up while it was planned.
      if window.spans.isEmpty && window.plain.isEmpty { return true }
      windows.append(window)
      condition.broadcast()
      return true
    }
  }

  /// The first windows are small, and a store that is far away has many of their spans under way at once.
  private func hasRoom(for window: RestoreWindow) -> Bool {
    func all(_ count: (RestoreWindow) -> Int) -> Int {
      windows.reduce(count(window)) { $0 + count($1) }
    }
    return all(\.tasks.count) <= 2 * RestoreWindow.taskLimit
      && all(\.uses.count) <= 2 * RestoreWindow.useLimit
      && all(\.piecedFileCount) <= 2 * RestoreWindow.piecedFileLimit
  }

  /// No more windows will come.
  func close() {
    condition.locked {
      isClosed = true
      condition.broadcast()
    }
  }

  /// Makes `next` return nil and `add` return false from now on.
  func stop() {
    condition.locked {
      isStopped = true
      condition.broadcast()
    }
  }

  /// The windows that are not done; asked when no thread is at work any more.
  var unfinished: [RestoreWindow] { condition.locked { windows } }

  /// The next job; waits for one. Nil when there will be none.
  ///
  /// - Parameter done: the job that the caller got before.
  func next(done: Job?) -> Job? {
    condition.locked {
      if let done { finish(done) }
      while true {
        if isStopped { return nil }
        for window in windows {
          if let job = claim(window) { return job }
        }
        if isClosed && windows.isEmpty { return nil }
        waiting += 1
        condition.wait()
        waiting -= 1
      }
    }
  }

  private func claim(_ window: RestoreWindow) -> Job? {
    if window.schedule.nextPreparation < window.preparations.count {
      let task = window.preparations[window.schedule.nextPreparation]
      window.schedule.nextPreparation += 1
      window.schedule.preparing += 1
      window.schedule.running += 1
      return .prepare(window, task: task)
    }
    if window.schedule.nextPlain < window.plain.count {
      let first = window.schedule.nextPlain
      window.schedule.nextPlain = min(first + Self.plainBatch, window.plain.count)
      window.schedule.running += 1
      return .plain(window, first..<window.schedule.nextPlain)
    }
    if readsHeadersFirst, window.schedule.nextPack < window.packs.count,
      readingHeaders < max(1, workers / 4)
    {
      window.schedule.nextPack += 1
      window.schedule.running += 1
      readingHeaders += 1
      return .header(window, window.schedule.nextPack - 1)
    }
    if window.schedule.preparing == 0, window.schedule.nextSpan < window.spans.count {
      window.schedule.nextSpan += 1
      window.schedule.running += 1
      return .span(window, window.schedule.nextSpan - 1)
    }
    return nil
  }

  private func finish(_ job: Job) {
    let window = job.window
    if case .header = job { readingHeaders -= 1 }
    window.schedule.running -= 1
    if case .prepare = job {
      window.schedule.preparing -= 1
      if window.schedule.preparing == 0 { condition.broadcast() }
    }
    let schedule = window.schedule
    if schedule.running == 0, schedule.nextPreparation == window.preparations.count,
      schedule.nextPlain == window.plain.count, schedule.nextSpan == window.spans.count
    {
      windows.removeAll { $0 === window }
      condition.broadcast()
    }
  }
}
