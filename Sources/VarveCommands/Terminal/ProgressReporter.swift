import Synchronization
import VarveFormat
import VarveRepository

/// Shows how a long operation goes: redrawn about ten times a second on a terminal, a line a minute
/// elsewhere, one JSON message a second with `--json`, nothing with `--quiet`.
///
/// `VARVE_PROGRESS_INTERVAL` (seconds, fractions allowed) overrides the latter two.
final class ProgressReporter {
  /// What there is to show at one moment.
  struct Moment {
    let seconds: Double
    let rate: Double
    /// Seconds until it will be done, as far as that can be said.
    let remaining: UInt64?
  }

  private let ticker: Ticker?
  private let console: Console

  /// - Parameters:
  ///   - done, total: work finished and to do; total 0 while it is not known.
  ///   - lines: what a terminal shows; elsewhere only the first line is printed.
  ///   - json: writes the members of a status message.
  init(
    _ console: Console, environment: ProcessEnvironment = .current,
    done: @escaping @Sendable () -> UInt64, total: @escaping @Sendable () -> UInt64,
    lines: @escaping @Sendable (Moment) -> [String],
    json: (@Sendable (inout JSONWriter, Moment) -> Void)? = nil
  ) {
    self.console = console
    let interval = ProgressReporter.interval(environment)
    guard !console.isQuiet, !console.isJSON || json != nil else {
      ticker = nil
      return
    }
    let start = MonotonicClock.nanoseconds
    let estimator = Mutex(RateEstimator())
    let now: @Sendable () -> Moment = {
      let seconds = Double(MonotonicClock.nanoseconds &- start) / 1e9
      return estimator.withLock { estimator in
        estimator.record(done: done(), at: seconds)
        let total = total()
        return Moment(
          seconds: seconds, rate: estimator.rate,
          remaining: total > 0 ? estimator.remaining(of: total) : nil)
      }
    }
    if console.isJSON {
      ticker = Ticker(every: interval ?? 1) { try? console.json { json?(&$0, now()) } }
    } else if console.status.canUpdate {
      ticker = Ticker(every: 0.1) { console.status.show(lines(now())) }
    } else {
      ticker = Ticker(every: interval ?? 60) {
        if let line = lines(now()).first { console.status.print(line) }
      }
    }
  }

  /// Ends the display; call it before printing a summary.
  func stop() {
    ticker?.stop()
    console.status.clear()
  }

  static func interval(_ environment: ProcessEnvironment) -> Double? {
    guard let text = environment["VARVE_PROGRESS_INTERVAL"], let seconds = Double(text),
      seconds.isFinite, seconds > 0
    else { return nil }
    return seconds
  }
}
