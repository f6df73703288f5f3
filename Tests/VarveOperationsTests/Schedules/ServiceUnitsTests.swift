import Testing
import VarveFormat
import VarveOperations
import VarveRepository

@Suite struct ServiceUnitsTests {
  private func timer(_ schedules: [String], jitter: Int64 = 300) throws -> [Substring] {
    var configuration = Configuration()
    for (number, text) in schedules.enumerated() {
      configuration.profiles["p\(number)"] = Profile(name: "p\(number)")
      configuration.profiles["p\(number)"]?.schedule = try Schedule(text)
    }
    var units = ServiceUnits(
      configuration, program: "/usr/bin/varve", file: "/etc/varve.yaml",
      client: ClientDirectories(cache: nil, state: "/var/lib/varve"))
    units.jitter = jitter
    return try units.timer().split(separator: "\n")
  }

  /// An interval counts from its last run: who looks only as often as it is long finds it not yet due every other time.
  @Test(
    arguments: [
      (["every 6h"], 900), (["every 20m"], 600), (["every 1m"], 30),
      (["every 6h", "every 10m"], 300),
      (["every 6h", "daily at 02:30"], 900), (["daily at 02:30"], 3600),
    ] as [([String], Int64)])
  func intervalsAreLookedAtTwice(_ schedules: [String], _ seconds: Int64) throws {
    #expect(ScheduleUnits.pause(try schedules.map { try Schedule($0) }) == seconds)
    let lines = try timer(schedules)
    #expect(lines.count { $0.hasPrefix("OnUnitActiveSec=") } == 1)
    #expect(lines.contains("OnUnitActiveSec=\(seconds)s") && lines.contains("OnBootSec=5min"))
    #expect(lines.contains("RandomizedDelaySec=\(min(300, seconds))s"))
    #expect(
      lines.contains("OnCalendar=*-*-* 02:30:00") == schedules.contains("daily at 02:30"))
  }

  @Test func theDelayIsTheOperators() throws {
    #expect(try timer(["every 6h"], jitter: 0).contains("RandomizedDelaySec=0s"))
  }
}
