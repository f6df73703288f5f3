import VarveFormat

/// Schedules as systemd and cron write them.
package enum ScheduleUnits {
  private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]

  /// The lines of a timer that come round when the schedule does; of `every` there are none, since nobody knows beforehand
  /// when its last run began.
  package static func timerLines(_ schedule: Schedule) -> [String] {
    switch schedule.kind {
    case .every: return []
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

  /// After how many seconds somebody should look again what is due, whatever the calendar says.
  ///
  /// An interval counts from when its last run began: somebody who looked that seldom would find it not yet due half of the
  /// time. Calendars alone need no more than that what was refused, or did not come to an end, is made up for.
  package static func pause(_ schedules: [Schedule]) -> Int64 {
    let pauses = schedules.map { schedule -> Int64 in
      if case .every(let seconds) = schedule.kind {
        max(1, min(15 * 60, seconds / 2))
      } else {
        3600
      }
    }
    return pauses.min() ?? 3600
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
