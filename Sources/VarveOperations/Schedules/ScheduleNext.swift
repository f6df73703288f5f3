public import VarveFormat
import VarveProof

/// When a schedule comes round.
///
/// A calendar schedule names civil minutes. Each of them stands for one moment: where the clocks are put back and a time
/// comes twice, the first; where they are put forward and a time is skipped, the moment at which they are. So what is to
/// run at 02:30 runs once on every day. What runs in every hour (`hourly`, `*/10 * * * *`) is about minutes and not about
/// times of day: it runs in both hours of the same name.
extension Schedule {
  /// The first moment after `time` that the calendar names; of `every`, when so much time has passed since then.
  public func next(after time: Timestamp, zone: ZoneOffsets = .local) -> Timestamp? {
    let seconds: Int64?
    switch kind {
    case .every(let interval): seconds = time.boundedSeconds + interval
    case .calendar(let minutes, let hours, let days, let months, let weekdays):
      let ordered = minutes.sorted()
      let times = hours.sorted().flatMap { hour in
        ordered.map { Int64(hour * 3600 + $0 * 60) }
      }
      let calendar = ScheduleCalendar(
        times: times, days: days, months: months, weekdays: weekdays,
        isInEveryHour: hours.count == 24)
      seconds = calendar.next(after: time.boundedSeconds, zone)
    }
    return seconds.map {
      Timestamp(seconds: $0, offset: Int32(clamping: zone.offset($0) / 60 * 60))
    }
  }

  /// The first moment from `time` on at which it is due: at once, when it came round after the last run and that was
  /// missed, or when there was none.
  public func next(
    after time: Timestamp, lastRun: Timestamp?, zone: ZoneOffsets = .local
  ) -> Timestamp? {
    guard let lastRun else { return time }
    guard let next = next(after: lastRun, zone: zone) else { return nil }
    return next.seconds <= time.seconds ? time : next
  }

  /// Seconds by which a clock that is right may have gone back since it said when something ran.
  public static let clockTolerance = TimeWindow.tolerance

  /// Whether it came round between the last run and `time`. What never ran is due, and what is said to have run in the
  /// future, by a clock that was wrong.
  ///
  /// - Parameter ahead: seconds by which that may lie in the future and is believed all the same. Of this host's own runs the
  ///   tolerance will do: its clock was put back since.
  public func isDue(
    at time: Timestamp, lastRun: Timestamp?, ahead limit: Int64 = Schedule.clockTolerance,
    zone: ZoneOffsets = .local
  ) -> Bool {
    guard let lastRun, lastRun.boundedSeconds - time.boundedSeconds <= limit else { return true }
    return next(after: lastRun, zone: zone).map { $0.seconds <= time.seconds } ?? false
  }
}

extension Timestamp {
  /// Within the years that `CivilTime` has, so that nothing overflows.
  fileprivate var boundedSeconds: Int64 { min(max(seconds, -62_000_000_000), 253_000_000_000) }
}

/// The days and times of a calendar schedule.
struct ScheduleCalendar {
  /// Seconds from midnight, ascending.
  let times: [Int64]
  let days: Set<Int>
  let months: Set<Int>
  let weekdays: Set<Int>
  let isInEveryHour: Bool

  /// From one 29 February to the next there are at most eight years; 40 have each weekday on it.
  private static let dayLimit: Int64 = 41 * 366

  func next(after seconds: Int64, _ zone: ZoneOffsets) -> Int64? {
    let civil = seconds + zone.offset(seconds)
    let today = civil - ((civil % 86_400) + 86_400) % 86_400
    var best: Int64?
    for day in -1...Self.dayLimit {
      let midnight = today + day * 86_400
      let isLast = best != nil
      if includes(CivilTime(secondsSinceEpoch: midnight)),
        let found = first(on: midnight, after: seconds, zone)
      {
        best = min(best ?? found, found)
      }
      // The day after may overlap with the one where it was found.
      if isLast { return best }
    }
    return best
  }

  private func first(on midnight: Int64, after seconds: Int64, _ zone: ZoneOffsets) -> Int64? {
    if zone.isUniform(aroundDay: midnight) {
      let offset = zone.offset(midnight)
      return times.first { midnight + $0 - offset > seconds }.map { midnight + $0 - offset }
    }
    let (low, high) = zone.bounds(aroundDay: midnight)
    var best: Int64?
    for time in times {
      // What shows a civil time lies between it less the larger and it less the smaller offset.
      let civil = midnight + time
      if civil - low <= seconds { continue }
      if let best, civil - high > best { break }
      let moments = zone.moments(showing: civil)
      for moment in isInEveryHour ? moments[...] : moments.prefix(1) where moment > seconds {
        best = min(best ?? moment, moment)
      }
    }
    return best
  }

  private func includes(_ date: CivilTime) -> Bool {
    guard months.contains(date.month) else { return false }
    // 1970-01-01 was a Thursday.
    let number = date.secondsSinceEpoch / 86_400
    let weekday = Int(((number + 4) % 7 + 7) % 7)
    let isDay = days.contains(date.day)
    let isWeekday = weekdays.contains(weekday)
    // As cron has it: when both are restricted, either will do.
    return days.count < 31 && weekdays.count < 7 ? isDay || isWeekday : isDay && isWeekday
  }
}
