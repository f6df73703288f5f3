import Glibc
import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

/// What `run --due` goes on with, and what it does not do twice.
@Suite struct DuePassTests {
  private let bench: RunBench

  init() throws { bench = try RunBench() }

  private func surroundings(_ profiles: [String]) throws -> RunSurroundings {
    for name in profiles {
      var profile = Profile(name: name)
      profile.repositories = ["main"]
      profile.schedule = try Schedule("every 1h")
      var drill = Drill(name: "small")
      drill.schedule = try Schedule("every 1h")
      profile.drills = [drill]
      bench.configuration.profiles[name] = profile
    }
    return RunSurroundings(
      bench.configuration, client: bench.client(), cancellation: bench.cancellation,
      note: { _ in }, warn: { _ in })
  }

  private func began(_ name: String, _ activity: RunRecord.Activity, ago: Int64) throws {
    var record = RunRecord(
      id: "\(name)-\(activity)-\(ago)", activity: activity, name: name, repository: "main",
      started: Timestamp(seconds: WallClock.now().seconds - ago), result: .success)
    record.detail = activity == .drill ? "small" : nil
    try bench.journal.append(record)
  }

  private func later<Value>(_ seconds: Int64, _ body: () throws -> Value) throws -> Value {
    try ClockShift.$current.withValue(ClockShift(date: seconds)) { try body() }
  }

  @Test func whatComesDueMeanwhileIsTakenOnce() throws {
    var pass = DuePass(try surroundings(["a", "b"]))
    for activity in [RunRecord.Activity.backup, .drill] {
      try began("b", activity, ago: 3000)
    }
    #expect(try pass.takeProfiles().map(\.name) == ["a"])
    #expect(try pass.takeProfiles().isEmpty, "what was refused is not taken again")
    #expect(try pass.takeDrills().map(\.profile.name) == ["a"])
    try later(700) { () throws in
      #expect(try pass.takeProfiles().map(\.name) == ["b"])
      #expect(try pass.takeDrills().map(\.profile.name) == ["b"])
      #expect(try pass.takeProfiles().isEmpty)
      #expect(try pass.takeDrills().isEmpty)
    }
    #expect(try later(9000) { try pass.takeProfiles().isEmpty }, "once in a pass")
  }

  /// Its clock was ahead when it ran, and was put right.
  @Test func whatRanInTheFutureIsDue() throws {
    var pass = DuePass(try surroundings(["a", "b"]))
    for activity in [RunRecord.Activity.backup, .drill] {
      try began("a", activity, ago: -5 * 3600)
      try began("b", activity, ago: -200)
    }
    #expect(try pass.takeProfiles().map(\.name) == ["a"])
    #expect(try pass.takeDrills().map(\.profile.name) == ["a"])
    let work = DueWork(try surroundings(["a"]), drillDirectory: bench.directory("drills"))
    let now = WallClock.now()
    let schedule = try Schedule("every 1h")
    #expect(try work.next(.profile("a"), [schedule], after: now) == now)
    #expect(try #require(try work.next(.profile("b"), [schedule], after: now)) > now)
  }

  private func schedule(forget: Int64?, check: Int64?) {
    func every(_ seconds: Int64?) -> Schedule? {
      seconds.map { Schedule(text: "every \($0)s", kind: .every($0)) }
    }
    bench.configuration.repositories["main"]?.maintenance.forget = every(forget)
    bench.configuration.repositories["main"]?.maintenance.check = every(check)
  }

  @Test func eachPieceOfMaintenanceOnce() throws {
    schedule(forget: nil, check: 7200)
    #expect(try later(-7000) { try bench.surroundings("a").maintain("main").count == 1 })
    schedule(forget: 60, check: 7200)
    var pass = DuePass(bench.surroundings("b"))
    #expect(try pass.maintain("main").map(\.activity) == [.forget])
    #expect(try later(300) { try pass.maintain("main").map(\.activity) } == [.check])
    #expect(try later(9000) { try pass.maintain("main").isEmpty })
    var next = DuePass(bench.surroundings("b"))
    #expect(try later(9000) { try next.maintain("main").map(\.activity) } == [.forget, .check])
  }

  @Test func aRepositoryThatIsAwayIsAskedOnce() throws {
    schedule(forget: 60, check: 60)
    bench.configuration.repositories["main"]?.location = bench.directory("nowhere")
    var pass = DuePass(bench.surroundings())
    #expect(try pass.maintain("main").map(\.result) == [.failure])
    #expect(try pass.maintain("main").isEmpty)
  }
}
