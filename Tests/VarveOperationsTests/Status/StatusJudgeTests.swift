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

  /// An `after` hook that failed, or retention: nothing is wrong with what was saved.
  @Test func aRunThatIsWorseThanItsSources() {
    var bench = StatusBench(sources: ["data", "logs"])
    for name in ["data", "logs"] { bench.snapshot(name, ago: hour) }
    func outcomes(_ first: RunRecord.Result) -> [SourceOutcome] {
      [
        SourceOutcome(source: "data", result: first),
        SourceOutcome(source: "logs", result: .success),
      ]
    }
    for (result, word) in [(RunRecord.Result.failure, "failed"), (.incomplete, "was incomplete")] {
      bench.run(result, ago: hour, outcomes(.success), message: "hook 'after': it failed")
      let sources = bench.report().sources
      #expect(sources.map(\.state) == ["run", "run"])
      #expect(sources[0].problems[0].message.contains(word))
      #expect(sources[0].problems[0].message.hasSuffix(": hook 'after': it failed"))
      #expect(bench.report().level == .warning)
    }
    bench.run(.incomplete, ago: hour / 2, outcomes(.incomplete))
    #expect(bench.report().sources.map(\.state) == ["incomplete", "ok"])
    bench.run(.failure, ago: hour / 3, outcomes(.incomplete))
    #expect(bench.report().sources.map(\.state) == ["run", "run"])
    bench.run(.success, ago: hour / 4, outcomes(.success))
    #expect(bench.report().sources.map(\.state) == ["ok", "ok"])
    // What it did not get to has failed, and says why.
    bench.run(.failure, ago: hour / 5, Array(outcomes(.success).prefix(1)), message: "stopped")
    #expect(bench.report().sources.map(\.state) == ["ok", "failed"])
  }

  @Test func maintenance() throws {
    var bench = StatusBench()
    func problems(of bench: StatusBench) -> [String] {
      bench.repository.problems.filter { $0.kind == .maintenance }.map(\.message)
    }
    bench.entry(ago: 1000 * hour)
    #expect(problems(of: bench) == [], "without a schedule")
    bench.configuration.repositories["main"]?.maintenance.prune = Schedule(
      text: "every 100h", kind: .every(100 * hour))
    #expect(bench.repository.state == "maintenance")
    #expect(!bench.report().isGood)
    #expect(problems(of: bench) == ["prune has been due for 37 d 12 h, and was never done"])
    bench.maintenance(.forget, .done, ago: hour)
    bench.maintenance(.prune, .claimed, ago: 7 * hour)
    #expect(bench.repository.state == "maintenance", "who claimed it is gone")
    bench.maintenance(.prune, .claimed, ago: 5 * hour)
    #expect(bench.repository.state == "ok", "somebody is at it")
    bench.maintenance(.prune, .failed, ago: 4 * hour)
    #expect(problems(of: bench) == ["the last prune, 4 h ago, failed"])
    bench.maintenance(.prune, .done, ago: 3 * hour)
    #expect(bench.repository.state == "ok")
    for (later, isLate) in [(121, false), (123, true)] as [(Int64, Bool)] {
      let status = bench.report(at: StatusBench.ago(-later * hour)).repositories[0]
      #expect(status.problems.contains { $0.kind == .maintenance } == isLate)
    }
    let metrics = MetricsText.text(bench.report())
    #expect(
      metrics.contains(
        "varve_repository_problem{repository=\"main\",kind=\"maintenance\"} 0\n"))
    // This host knows of one that left nothing in the log.
    var record = RunRecord(
      id: "p", activity: .prune, name: "main", repository: "main",
      started: StatusBench.ago(2 * hour), result: .failure)
    record.message = "the disk is full"
    bench.journal = [record]
    #expect(problems(of: bench) == ["the last prune, 2 h ago, failed: the disk is full"])
    record.isInterrupted = true
    bench.journal = [record]
    #expect(bench.repository.state == "ok", "it is made up for")
  }

  @Test func aCheckThatReadNoDataIsNotTheOneThatIsDue() {
    var bench = StatusBench()
    bench.configuration.repositories["main"]?.maintenance.check = Schedule(
      text: "every 10h", kind: .every(10 * hour))
    bench.maintenance(.check, .done, ago: 20 * hour)
    bench.maintenance(.check, .foundDamage, ago: hour, readsData: false)
    #expect(bench.repository.state == "ok")
    bench.configuration.repositories["main"]?.maintenance.readDataSubset = "1/12"
    #expect(bench.repository.state == "maintenance")
    bench.maintenance(.check, .foundDamage, ago: hour)
    #expect(bench.repository.state == "ok", "damage has a state of its own")
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
