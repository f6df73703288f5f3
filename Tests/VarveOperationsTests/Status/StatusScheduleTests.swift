import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

/// Without `max-age` a profile's schedule says how old its snapshots may be.
@Suite struct StatusScheduleTests {
  private typealias Kinds = [SourceStatus.ProblemKind]
  private let hour = StatusBench.hour

  private func bench(hours: Int64 = 1, maximumAge: Int64? = nil) -> StatusBench {
    var bench = StatusBench(maximumAge: maximumAge)
    bench.configuration.profiles["web"]?.schedule = Schedule(
      text: "every \(hours)h", kind: .every(hours * hour))
    return bench
  }

  private func kinds(_ bench: StatusBench) -> Kinds { bench.source.problems.map(\.kind) }

  @Test(
    arguments: [
      // The period in hours, how old the newest may be with an hour of grace, a quarter, two days.
      (1, 2), (24, 30), (30 * 24, 32 * 24),
    ] as [(Int64, Int64)])
  func aScheduleThatIsNotKept(period: Int64, limit: Int64) {
    var bench = bench(hours: period)
    bench.snapshot(ago: limit * hour)
    #expect(kinds(bench).isEmpty)
    let late = bench.report(at: StatusBench.ago(-60))
    #expect(late.sources[0].problems.map(\.kind) == [.stale] as Kinds && !late.isGood)
    #expect(late.sources[0].problems[0].message.contains("the next has been due for"))
  }

  @Test func aLimitGoesFirst() {
    var bench = bench(maximumAge: 24 * hour)
    bench.snapshot(ago: 20 * hour)
    #expect(kinds(bench).isEmpty)
    #expect(bench.report(maximumAge: 21 * hour).isGood)
    bench.configuration.profiles["web"]?.maximumAge = nil
    #expect(kinds(bench) == [.stale] as Kinds)
    bench.configuration.profiles["web"]?.schedule = nil
    #expect(kinds(bench).isEmpty, "any age will do")
  }

  /// Whoever made it, and where records cannot be opened this host's own.
  @Test func whoeverMadeIt() {
    var bench = bench()
    bench.run(.success, ago: 50 * hour)
    bench.snapshot(ago: hour)
    #expect(kinds(bench).isEmpty, "the timer of this host is not what counts")
    bench.facts["main"]?.snapshots = nil
    #expect(kinds(bench) == [.stale] as Kinds)
    bench.run(.success, ago: hour)
    #expect(kinds(bench).isEmpty)
  }

  /// One that takes longer than from one time to the next.
  @Test func aRunThatTakesLong() {
    var bench = bench()
    bench.snapshot(ago: 9 * hour)
    #expect(kinds(bench) == [.stale] as Kinds)
    var outcome = SourceOutcome(source: "data", result: .success)
    outcome.snapshot = bench.facts["main"]?.snapshots?.last?.id
    bench.run(.success, ago: 9 * hour, [outcome])
    bench.journal[0].ended = StatusBench.ago(hour)
    #expect(kinds(bench).isEmpty)
    bench.journal[0].ended = StatusBench.ago(-900 * hour)
    #expect(kinds(bench) == [.stale] as Kinds, "it has not ended in the future")
    bench.run(.started, ago: hour)
    #expect(kinds(bench).isEmpty && bench.source.state == "running")
    bench.journal[1].started = StatusBench.ago(25 * hour)
    #expect(kinds(bench) == [.stale, .unfinished] as Kinds)
  }

  @Test func whatNothingBounds() {
    var bench = bench()
    bench.snapshot(ago: -30 * hour, logged: -30 * hour)
    #expect(kinds(bench) == [.stale, .future] as Kinds)
  }
}
