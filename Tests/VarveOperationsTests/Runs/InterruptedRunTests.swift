import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What a shutdown has interrupted is made up for, however long its schedule's period is.
@Suite struct InterruptedRunTests {
  private let bench: RunBench
  private let weekly = Schedule(text: "every 168h", kind: .every(168 * 3600))

  init() throws {
    bench = try RunBench()
    mkdir(bench.source("tree"), 0o755)
    try FileBytes.write([1], to: bench.source("tree/file"))
    bench.profile.sources = [Source(name: "tree", origin: .path(bench.source("tree")))]
    bench.profile.schedule = weekly
  }

  private func surroundings(
    _ cancellation: CancellationFlag = CancellationFlag(),
    note: @escaping @Sendable (String) -> Void = { _ in }
  ) -> RunSurroundings {
    bench.configuration.profiles = [bench.profile.name: bench.profile]
    return RunSurroundings(
      bench.configuration, client: bench.client(), cancellation: cancellation, note: note,
      warn: { _ in })
  }

  private func isDue() throws -> Bool {
    let work = DueWork(surroundings(), drillDirectory: bench.directory("drills"))
    let now = WallClock.now()
    let next = try work.next(.profile("nightly"), [weekly], after: now)
    let isDue = try surroundings().dueProfiles().map(\.name) == ["nightly"]
    #expect((next == now) == isDue)
    return isDue
  }

  @Test func aProfile() throws {
    let (flag, begun) = (CancellationFlag(), bench.directory("begun"))
    bench.profile.hooks.before = [
      CommandSpecification(.shell("touch \(begun); exec sleep 300"))
    ]
    startThread {
      while access(begun, F_OK) != 0 { usleep(10_000) }
      flag.cancel()
    }
    #expect(throws: VarveError(.interrupted, "")) {
      try ProfileRun(bench.profile, surroundings(flag)).run()
    }
    let record = try #require(try bench.journal.records(activity: .backup, name: "nightly").last)
    #expect(record.result == .failure && record.isInterrupted && record.ended != nil)
    #expect(try isDue())
    bench.profile.hooks.before = []
    #expect(try ProfileRun(bench.profile, surroundings()).run().map(\.result) == [.success])
    #expect(try !isDue())
  }

  /// What fails by itself has had its turn.
  @Test func aFailureIsNotMadeUpFor() throws {
    bench.profile.hooks.before = [CommandSpecification(.shell("exit 1"))]
    #expect(try ProfileRun(bench.profile, surroundings()).run().map(\.result) == [.failure])
    #expect(try !isDue())
  }

  @Test func aDrill() throws {
    try bench.run()
    var drill = Drill(name: "small")
    drill.schedule = weekly
    bench.profile.drills = [drill]
    mkdir(bench.directory("drills"), 0o755)
    func due() throws -> [String] { try surroundings().dueDrills().map(\.drill.name) }
    func run(_ flag: CancellationFlag) throws -> DrillRun.Outcome {
      let operation = DrillOperation(
        surroundings().configuration, client: bench.client(), cancellation: flag, note: { _ in },
        warn: { _ in })
      return try operation.run(
        drill, of: bench.profile, options: DrillRun.Options(base: bench.directory("drills")))
    }
    let stopped = CancellationFlag()
    stopped.cancel()
    _ = try? run(stopped)
    #expect(
      try bench.journal.records(activity: .drill, name: "nightly").map(\.isInterrupted) == [true])
    #expect(try due() == ["small"])
    #expect(try run(CancellationFlag()).record.hasPassed)
    #expect(try due().isEmpty)
  }

  /// The claim is this host's own, and no failure ends it.
  @Test func maintenance() throws {
    bench.configuration.repositories["main"]?.maintenance.check = weekly
    let flag = CancellationFlag()
    #expect(throws: VarveError(.interrupted, "")) {
      // It has claimed the task when it says this.
      try surroundings(flag, note: { if $0 == "main: check" { flag.cancel() } }).maintain("main")
    }
    #expect(
      try bench.journal.records(activity: .check, name: "main").map(\.isInterrupted) == [true])
    #expect(try surroundings().maintain("main").map(\.result) == [.success])
    #expect(try surroundings().maintain("main").isEmpty)
  }
}
