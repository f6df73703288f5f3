import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// Times that cannot be right make nothing good.
@Suite struct StatusTimeTests {
  private typealias Kinds = [SourceStatus.ProblemKind]
  private let hour = StatusBench.hour
  /// Years ahead.
  private let ahead: Int64 = -1_000 * 86_400

  private func kinds(_ bench: StatusBench) -> Kinds { bench.source.problems.map(\.kind) }

  @Test func aSnapshotIsNoYoungerThanItsEntry() {
    var bench = StatusBench()
    bench.snapshot(ago: ahead, logged: 30 * hour)
    #expect(kinds(bench) == [.stale, .future] as Kinds)
    #expect(bench.source.newest == StatusBench.ago(30 * hour))
    bench = StatusBench()
    bench.snapshot(ago: ahead, logged: hour)
    #expect(kinds(bench) == [.future] as Kinds)
    #expect(bench.report().level == .warning && bench.report().isGood)
    #expect(bench.source.problems[0].message.contains(StatusBench.ago(ahead).utcSeconds))
    #expect(MetricsText.text(bench.report()).contains(#"kind="future"} 1"#))
  }

  @Test func anEntryAheadIsNoYoungerThanTheNextThatIsNot() {
    var bench = StatusBench()
    bench.snapshot(ago: ahead, logged: ahead)
    bench.entry(ago: ahead)
    bench.entry(ago: 30 * hour)
    bench.entry(ago: hour)
    #expect(kinds(bench) == [.stale, .future] as Kinds)
    #expect(bench.source.newest == StatusBench.ago(30 * hour))
  }

  /// It counts as now, but keeps no limit that the clock was wrong by more than.
  @Test func whatNothingBoundsCountsAsNow() {
    var bench = StatusBench(maximumAge: nil)
    bench.entry(ago: 50 * hour)
    bench.snapshot(ago: ahead, logged: ahead)
    #expect(kinds(bench) == [.future] as Kinds)
    #expect(bench.source.newest == StatusBench.now)
    #expect(
      bench.report(maximumAge: 24 * hour).sources[0].problems.map(\.kind) == [.stale, .future])
    bench = StatusBench()
    bench.snapshot(ago: -2 * hour, logged: -2 * hour)
    #expect(kinds(bench) == [.future] as Kinds)
  }

  @Test func clocksAreNeverQuiteRight() {
    var bench = StatusBench()
    bench.snapshot(ago: -200, logged: -200)
    #expect(kinds(bench).isEmpty && bench.source.newest == StatusBench.now)
  }

  @Test func theNewestIsTheOneBehindItInTheLog() {
    var bench = StatusBench()
    bench.snapshot(ago: ahead, logged: ahead)
    bench.snapshot(ago: 3 * hour, logged: 3 * hour - 60)
    #expect(kinds(bench).isEmpty)
    #expect(bench.source.newest == StatusBench.ago(3 * hour) && bench.source.snapshotCount == 2)
    #expect(bench.report(at: StatusBench.ago(-25 * hour)).sources[0].state == "stale")
    // Of an older time, as a copy has it: that is not the newest for it.
    bench.snapshot(ago: 90 * hour, logged: hour)
    #expect(bench.source.newest == StatusBench.ago(3 * hour))
    bench.snapshot(ago: ahead, logged: ahead)
    #expect(kinds(bench) == [.stale, .future] as Kinds, "the last in the log")
  }

  @Test(arguments: [true, false])
  func aRunOfNowIsNotHidden(hasRecords: Bool) {
    var bench = StatusBench()
    if !hasRecords { bench.facts["main"]?.snapshots = nil }
    bench.snapshot(ago: ahead, logged: ahead)
    bench.run(.success, ago: ahead)
    bench.snapshot(ago: 40 * hour, logged: 40 * hour)
    bench.run(.success, ago: 40 * hour)
    var failed = bench
    failed.run(.failure, ago: hour)
    #expect(kinds(failed) == [.failed, .stale] as Kinds)
    #expect(failed.source.lastRun == StatusBench.ago(hour))
    var killed = bench
    killed.run(.started, ago: 30 * hour)
    #expect(kinds(killed) == [.stale, .unfinished] as Kinds)
    #expect(bench.source.lastRun == StatusBench.ago(40 * hour))
  }

  @Test func whatClaimsToBeOfTomorrowHidesNoFailure() {
    var bench = StatusBench(maximumAge: nil)
    bench.run(.failure, ago: 2 * hour)
    bench.snapshot(ago: ahead, logged: ahead)
    #expect(kinds(bench) == [.failed, .future] as Kinds)
    bench.entry(ago: hour)
    #expect(kinds(bench) == [.failed, .future] as Kinds)
    bench.snapshot(ago: hour, logged: hour)
    #expect(kinds(bench).isEmpty)
  }

  @Test func aJournalOfTomorrow() {
    var bench = StatusBench(maximumAge: nil)
    bench.facts["main"]?.snapshots = nil
    bench.run(.success, ago: ahead)
    #expect(kinds(bench) == [.future] as Kinds)
    #expect(bench.source.newest == StatusBench.now && bench.source.lastRun == StatusBench.now)
    #expect(!bench.report(maximumAge: 24 * hour).isGood)
    bench.run(.failure, ago: 30 * hour)
    #expect(bench.source.newest == StatusBench.ago(30 * hour))
    bench.run(.started, ago: ahead)
    #expect(kinds(bench).contains(.unfinished), "nobody knows since when")
  }

  @Test func drills() {
    var bench = StatusBench()
    var drill = Drill(name: "monthly")
    drill.schedule = Schedule(text: "every 100h", kind: .every(100 * hour))
    bench.configuration.profiles["web"]?.drills = [drill]
    func state() -> String { bench.report().drills[0].state }
    bench.drill(.success, ago: ahead)
    #expect(state() == "overdue", "nothing shows when it was")
    bench.drill(.failure, ago: hour)
    #expect(state() == "failed")
    // The log's is of another host.
    let entry = bench.entry(ago: ahead)
    bench.facts["main"]?.drills = [
      .init(
        profile: "web", drill: "monthly", started: StatusBench.ago(ahead), hasPassed: true,
        milliseconds: 1, entry: entry)
    ]
    #expect(state() == "failed")
    bench.journal = []
    #expect(state() == "overdue")
    bench.entry(ago: 300 * hour)
    #expect(bench.report().drills[0].lastRun == StatusBench.ago(300 * hour))
    #expect(state() == "overdue")
    let last = bench.entry(ago: hour)
    bench.facts["main"]?.drills.append(
      .init(
        profile: "web", drill: "monthly", started: StatusBench.ago(hour), hasPassed: true,
        milliseconds: 1, entry: last))
    #expect(state() == "ok")
  }

  @Test func aCheckOfTomorrowVerifiesNothing() {
    var bench = StatusBench(maximumAge: nil)
    bench.configuration.repositories["main"]?.maximumUnverifiedAge = 30 * hour
    bench.check("read-data", ago: ahead)
    #expect(bench.repository.state == "unverified")
    bench.entry(ago: 29 * hour)
    #expect(bench.repository.state == "ok")
    #expect(bench.repository.verified == StatusBench.ago(29 * hour))
    let later = bench.report(at: StatusBench.ago(-2 * hour)).repositories[0]
    #expect(later.problems.contains { $0.kind == .unverified })
  }
}
