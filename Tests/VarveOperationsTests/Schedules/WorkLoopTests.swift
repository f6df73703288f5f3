import Synchronization
import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport
import VarveTestThreads

/// A loop whose clock is set while it waits.
@Suite(.onOwnThreads) struct WorkLoopTests {
  private func at(_ seconds: Int64) -> Timestamp { Timestamp(seconds: 1_800_000_000 + seconds) }

  /// Nothing is due for an hour by the clock; then it is set back, by less than what makes the run one of the future, and the
  /// loop still looks again.
  @Test func aClockThatIsSetBackIsNoLongSleep() throws {
    let bench = try RunBench()
    bench.profile.schedule = try Schedule("every 1h")
    let start = WallClock.now().seconds
    var record = RunRecord(
      id: "ab", activity: .backup, name: bench.profile.name, repository: "main",
      started: Timestamp(seconds: start), result: .success)
    record.ended = record.started
    try bench.journal.append(record)
    let work = DueWork(bench.surroundings(), drillDirectory: bench.directory("drills"))
    let clock = Mutex(start)
    let loop = WorkLoop(
      cancellation: bench.cancellation, jitter: 0, longestSleep: 0.2,
      clock: { Timestamp(seconds: clock.withLock { $0 }) }, tell: { _, _ in })
    var looks = 0
    let began = MonotonicClock.nanoseconds
    try loop.run {
      looks += 1
      clock.withLock { $0 = start - 240 }
      if looks == 3 { bench.cancellation.cancel() }
      return work
    }
    #expect(looks == 3)
    #expect(MonotonicClock.nanoseconds - began < 20_000_000_000)
  }

  @Test func momentsOfAClockThatWasAheadAreForgotten() {
    let (task, other) = (DueTask.maintenance("main"), DueTask.profile("p"))
    var moments = WorkMoments(jitter: 10)
    #expect((0...10).contains(moments.begin(task, now: at(0)).distance(from: at(0))))
    #expect(moments.begin(task, now: at(5)) == moments.begin(task, now: at(90)), "it stays")
    // An hour back: who waits for what was said then waits an hour.
    moments.forget(allBut: [task], now: at(-3_600))
    #expect((0...10).contains(moments.begin(task, now: at(-3_600)).distance(from: at(-3_600))))

    moments.ended(task, begunAt: at(0), wasRefused: true)
    moments.forget(allBut: [task], now: at(1))
    #expect(moments.begin(task, now: at(1)) == at(60).seconds, "the pause after a refusal")
    #expect(moments.lastBegun(task) == nil)
    moments.forget(allBut: [task], now: at(-100))
    #expect(moments.begin(task, now: at(-100)) < at(0).seconds)

    moments.ended(task, begunAt: at(0), wasRefused: false)
    moments.forget(allBut: [other], now: at(0))
    #expect(moments.lastBegun(task) == at(0))
    moments.forget(allBut: [task], now: at(-1))
    #expect(moments.lastBegun(task) == nil, "it was begun in the future")
  }
}

extension Int64 {
  fileprivate func distance(from time: Timestamp) -> Int64 { self - time.seconds }
}
