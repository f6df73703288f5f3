import Testing
import VarveCommands

@Suite struct ProgressTests {
  @Test func aLineWithATotal() {
    let line = ProgressText.line(
      seconds: 12.9, done: (1234, 1 << 30), total: (5678, 4 << 30), rate: 105 * 1_048_576,
      remaining: 29, errors: 2)
    #expect(
      line == "[0:12] 25.00%  1234 / 5678 files, 1.000 GiB / 4.000 GiB, 105.000 MiB/s, 2 errors, "
        + "ETA 0:29")
  }

  @Test func aLineWhileTheScanGoesOn() {
    let line = ProgressText.line(
      seconds: 3, done: (1, 100), total: nil, rate: 0, remaining: 5, errors: 0)
    #expect(line == "[0:03] 1 files, 100 B")
  }

  @Test func theRateIsAMeanAndTheEstimateFollows() {
    var estimator = RateEstimator()
    #expect(estimator.rate == 0)
    #expect(estimator.remaining(of: 100) == nil)
    for second in 0...100 { estimator.record(done: UInt64(second) * 1000, at: Double(second)) }
    #expect(abs(estimator.rate - 1000) < 1)
    #expect(estimator.remaining(of: 150_000) == 50)
    #expect(estimator.remaining(of: 100_000) == 0)
    #expect(estimator.remaining(of: 10) == 0)
  }

  @Test func theRateForgetsABurst() {
    var estimator = RateEstimator()
    estimator.record(done: 0, at: 0)
    estimator.record(done: 1_000_000_000, at: 1)
    for second in 2...200 {
      estimator.record(done: 1_000_000_000 + UInt64(second) * 10, at: Double(second))
    }
    #expect(estimator.rate < 20_000)
    #expect(estimator.rate >= 10)
  }

  @Test func theRateHalvesInFifteenSeconds() {
    var estimator = RateEstimator()
    estimator.record(done: 0, at: 0)
    estimator.record(done: 1500, at: 15)
    estimator.record(done: 1500, at: 30)
    // 1500 / 2 units in 15 / 2 + 15 seconds.
    #expect(abs(estimator.rate - 750 / 22.5) < 0.01)
  }
}
