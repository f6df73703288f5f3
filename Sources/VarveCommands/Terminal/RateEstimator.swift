/// Estimates how fast work gets done and when it will be finished.
///
/// The rate is an exponentially weighted mean over about the last half minute, so that a run of
/// unchanged files, which go by at once, does not spoil the estimate for long.
package struct RateEstimator {
  private static let halfLife = 15.0
  private var last: (done: UInt64, seconds: Double)?
  private var weightedUnits = 0.0
  private var weightedSeconds = 0.0

  package init() {}

  /// - Parameters:
  ///   - done: units of work finished since the beginning.
  ///   - seconds: time since the beginning.
  package mutating func record(done: UInt64, at seconds: Double) {
    guard let last else {
      self.last = (done, seconds)
      return
    }
    let elapsed = seconds - last.seconds
    guard elapsed > 0 else { return }
    let decay = RateEstimator.decay(elapsed)
    weightedUnits = weightedUnits * decay + Double(done >= last.done ? done - last.done : 0)
    weightedSeconds = weightedSeconds * decay + elapsed
    self.last = (done, seconds)
  }

  /// Units a second; 0 while nothing is known.
  package var rate: Double { weightedSeconds > 0 ? weightedUnits / weightedSeconds : 0 }

  /// Seconds until `total` units will be done; nil while that cannot be said.
  package func remaining(of total: UInt64) -> UInt64? {
    guard let last, last.done > 0, rate > 0 else { return nil }
    guard total > last.done else { return 0 }
    let seconds = (Double(total - last.done) / rate).rounded()
    return seconds < 1e9 ? UInt64(seconds) : nil
  }

  /// 2^(-t / halfLife), by the series of the exponential on a halved argument: no libm needed for
  /// the few digits that matter here.
  private static func decay(_ elapsed: Double) -> Double {
    let halvings = elapsed / halfLife
    guard halvings < 64 else { return 0 }
    let whole = halvings.rounded(.down)
    let x = (whole - halvings) * 0.693_147_180_559_945_3
    let fraction = 1 + x * (1 + x / 2 * (1 + x / 3 * (1 + x / 4 * (1 + x / 5))))
    return fraction / Double(UInt64(1) << UInt64(whole))
  }
}
