import VarveFormat

/// Schedules as systemd and cron write them.
package enum ScheduleUnits {
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  /// The lines of a timer that come round when the schedule does.
  ///
  /// `every` counts from when the service was last begun, and from a while after the start of the machine.
  package static func timerLines(_ schedule: Schedule) -> [String] {
    switch schedule.kind {
    case .every(let seconds): return ["OnBootSec=5min", "OnUnitActiveSec=\(seconds)s"]
    case .calendar(let minutes, let hours, let days, let months, let week):
      func list(_ values: Set<Int>, of count: Int) -> String {
        values.count == count
          ? "*" : values.sorted().map { $0 < 10 ? "0\($0)" : "\($0)" }.joined(separator: ",")
      }
      let time = "\(list(hours, of: 24)):\(list(minutes, of: 60)):00"
      func line(days: Set<Int>, week: Set<Int>) -> String {
        let names = week.sorted().map { weekdays[$0] }.joined(separator: ",")
        let prefix = week.count == 7 ? "" : names + " "
        return "OnCalendar=\(prefix)*-\(list(months, of: 12))-\(list(days, of: 31)) \(time)"
      }
      // As cron has it: when both are restricted, either will do.
      guard days.count < 31 && week.count < 7 else { return [line(days: days, week: week)] }
      return [line(days: days, week: Set(0...6)), line(days: Set(1...31), week: week)]
    }
  }

  /// The first five fields of cron's line; of `every` those of something that comes round often enough.
  package static func cronFields(_ schedule: Schedule) -> String {
    switch schedule.kind {
    case .every(let seconds):
      let minutes = max(1, min(15, seconds / 120))
      return minutes == 1 ? "* * * * *" : "*/\(minutes) * * * *"
    case .calendar(let minutes, let hours, let days, let months, let week):
      func list(_ values: Set<Int>, of count: Int) -> String {
        values.count == count ? "*" : values.sorted().map { "\($0)" }.joined(separator: ",")
      }
      return [
        list(minutes, of: 60), list(hours, of: 24), list(days, of: 31), list(months, of: 12),
        list(week, of: 7),
      ].joined(separator: " ")
    }
  }
}
