import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

/// Each state of a source, a repository and a drill, from what leads to it.
@Suite struct StatusJudgeTests {
  private typealias Kinds = [SourceStatus.ProblemKind]
  private let hour = StatusBench.hour

  @Test func aFreshSourceIsGood() {
    var bench = StatusBench()
    bench.snapshot(ago: hour)
    bench.run(.success, ago: hour)
    #expect(bench.source.state == "ok")
    #expect(bench.report().isGood)
    #expect(bench.source.snapshotCount == 1)
    #expect(bench.source.newest == StatusBench.ago(hour))
  }

  @Test func whatHasNoSnapshotNeverRan() {
    #expect(StatusBench().source.state == "never")
    var bench = StatusBench()
    bench.snapshot(ago: hour, isPartial: true)
    bench.snapshot(ago: hour, profile: "other")
    bench.snapshot("logs", ago: hour)
    #expect(bench.source.state == "never")
  }

  @Test func aProfileThatSaysItsHostCountsItsOwn() {
    var bench = StatusBench()
    bench.configuration.profiles["web"]?.host = "one"
    bench.snapshot(ago: hour, host: "two")
    #expect(bench.source.state == "never")
    bench.snapshot(ago: 2 * hour, host: "one")
    #expect(bench.source.state == "ok")
    #expect(bench.source.newest == StatusBench.ago(2 * hour) && bench.source.snapshotCount == 1)
    bench.configuration.profiles["web"]?.host = nil
    #expect(bench.source.newest == StatusBench.ago(hour), "whoever made it")
  }

  @Test func aFailureCountsUntilSomebodyMakesASnapshot() {
    var bench = StatusBench()
    bench.snapshot(ago: 3 * hour)
    bench.run(.success, ago: 3 * hour)
    bench.run(.failure, ago: 2 * hour, [], message: "the first hook failed")
    #expect(bench.source.state == "failed")
    #expect(bench.source.problems[0].message.hasSuffix("failed: the first hook failed"))
    bench.snapshot(ago: hour)
    #expect(bench.source.state == "ok")
  }

  @Test func aSourceOfAFailedRunMayHaveBeenSaved() {
    var bench = StatusBench(sources: ["data", "logs"])
    bench.snapshot("data", ago: hour)
    bench.snapshot("logs", ago: 5 * hour)
    bench.run(
      .failure, ago: hour,
      [
        SourceOutcome(source: "data", result: .success),
        SourceOutcome(source: "logs", result: .failure),
      ])
    #expect(bench.report().sources.map(\.state) == ["ok", "failed"])
  }

  @Test func incompleteAndAlarmedAreWarnings() {
    var bench = StatusBench()
    bench.snapshot(ago: hour)
    var outcome = SourceOutcome(source: "data", result: .incomplete)
    outcome.alarm = "80% of the files were rewritten"
    bench.run(.incomplete, ago: hour, [outcome])
    #expect(bench.source.problems.map(\.kind) == [.incomplete, .alarm] as Kinds)
    #expect(bench.report().level == .warning)
    #expect(bench.report().isGood)
  }

  @Test func aStartWithoutAnEnd() {
    var bench = StatusBench(maximumAge: nil)
    bench.snapshot(ago: 50 * hour)
    bench.run(.started, ago: 2 * hour)
    #expect(bench.source.state == "running")
    #expect(bench.report().isGood)
    bench.journal = []
    bench.run(.started, ago: 25 * hour)
    #expect(bench.source.state == "unfinished")
    bench.run(.success, ago: hour)
    #expect(bench.source.state == "ok")
  }

  @Test func withoutRecordsTheJournalSpeaks() {
    var bench = StatusBench()
    bench.facts["main"]?.snapshots = nil
    #expect(bench.source.state == "never")
    bench.run(.success, ago: 2 * hour)
    #expect(bench.source.state == "ok")
    #expect(bench.source.evidence == .journal)
    bench.run(.failure, ago: hour)
    #expect(bench.source.problems.map(\.kind) == [.failed] as Kinds)
    bench.journal = []
    bench.run(.success, ago: 30 * hour)
    #expect(bench.source.state == "stale")
  }

  @Test func anAgeThatIsAskedForTakesTheConfigurationsPlace() {
    var bench = StatusBench(maximumAge: 100 * hour)
    bench.snapshot(ago: 30 * hour)
    #expect(bench.report().isGood)
    #expect(bench.report(maximumAge: 26 * hour).sources[0].state == "stale")
  }

  @Test func repositories() {
    var bench = StatusBench()
    #expect(bench.repository.state == "ok")
    for (error, state) in [
      (VarveError(.rollback, "r"), "broken"), (VarveError(.damaged, "d"), "broken"),
      (VarveError(.unavailable, "u"), "unreachable"),
      (VarveError(.noRepository, "n"), "unreachable"),
      (VarveError(.wrongPassword, "w"), "locked"),
    ] {
      bench.facts["main"] = RepositoryFacts(error, read: StatusBench.now)
      #expect(bench.repository.state == state)
      #expect(!bench.report().isGood)
    }
    bench.facts = [:]
    #expect(bench.repository.state == "unreachable")
  }

  @Test func aRepositoryThatStopsAnswering() {
    var bench = StatusBench()
    bench.facts["main"]?.read = StatusBench.ago(StatusJudge.factsAge + 1)
    #expect(bench.repository.state == "unreachable")
  }

  @Test func checks() {
    var bench = StatusBench()
    bench.configuration.repositories["main"]?.maximumUnverifiedAge = 30 * hour
    #expect(bench.repository.state == "unverified")
    func check(_ ago: Int64, _ scope: String, _ isDamaged: Bool = false) {
      bench.facts["main"]?.checks.append(
        .init(time: StatusBench.ago(ago), isDamaged: isDamaged, scope: scope))
    }
    check(40 * hour, "read-data")
    #expect(bench.repository.state == "unverified")
    check(20 * hour, "structure")
    #expect(bench.repository.state == "unverified")
    check(19 * hour, "read-data 1/7")
    #expect(bench.repository.state == "unverified", "a seventh is not all")
    check(18 * hour, "read-data", true)
    #expect(bench.repository.state == "damaged")
    check(17 * hour, "read-data 1/7")
    #expect(bench.repository.state == "damaged")
    check(16 * hour, "read-data")
    #expect(bench.repository.state == "ok")
    bench.facts["main"]?.witnessFailure = "no quorum"
    #expect(bench.repository.state == "unwitnessed")
  }

  @Test func drills() {
    var bench = StatusBench()
    var drill = Drill(name: "monthly")
    bench.configuration.profiles["web"]?.drills = [drill]
    #expect(bench.report().drills[0].state == "none")
    drill.schedule = Schedule(text: "every 100h", kind: .every(100 * hour))
    bench.configuration.profiles["web"]?.drills = [drill]
    #expect(bench.report().drills[0].state == "never")
    bench.drill(.success, ago: 200 * hour)
    #expect(bench.report().drills[0].problems.map(\.kind) == [.overdue])
    bench.drill(.success, ago: 110 * hour)
    #expect(bench.report().drills[0].state == "ok")
    #expect(bench.report().drills[0].seconds == 240)
    bench.drill(.started, ago: 30 * hour)
    #expect(bench.report().drills[0].state == "unfinished")
    bench.drill(.failure, ago: 2 * hour)
    #expect(bench.report().drills[0].problems.map(\.kind) == [.failed])
    bench.drill(.started, ago: hour)
    #expect(bench.report().drills[0].runningSince == StatusBench.ago(hour))
    bench.drill(.success, ago: hour / 2)
    #expect(bench.report().isGood == false, "the source has never run")
    #expect(bench.report().drills[0].state == "ok")
  }
}
