package import VarveFormat

/// A length of time that begins where the calendar says, in the zone in which a moment was recorded.
enum CalendarPeriod: Sendable {
  case hour, day
  /// From Monday to Sunday, as ISO 8601 counts weeks.
  case week
  case month, year

  /// A number that two moments share if and only if they lie in one such period.
  func number(of time: Timestamp) -> Int64 {
    let local = time.seconds &+ Int64(time.offset)
    let days = Self.floorDivision(local, 86_400)
    switch self {
    case .hour: return Self.floorDivision(local, 3600)
    case .day: return days
    // 1970-01-01 was a Thursday.
    case .week: return Self.floorDivision(days &+ 3, 7)
    case .month: return Int64(time.civil.year) * 12 + Int64(time.civil.month)
    case .year: return Int64(time.civil.year)
    }
  }

  static func floorDivision(_ a: Int64, _ b: Int64) -> Int64 {
    let (quotient, rest) = a.quotientAndRemainder(dividingBy: b)
    return rest < 0 ? quotient - 1 : quotient
  }
}

extension Timestamp {
  /// The moment a span of the calendar before this one, in the same zone: years, months and days are
  /// taken off the date, and a day that the month does not have runs over into the next one (a month before
  /// 31 March is 3 March); then hours are taken off.
  package func going(back span: RetentionDuration) -> Timestamp {
    moved(
      months: -12 * span.years - span.months, days: -span.days, seconds: -3600 * span.hours)
  }

  /// The moment so many months later, at the same time of day.
  package func going(forwardMonths months: Int64) -> Timestamp { moved(months: months) }

  /// At most 13 * 10^6 months, 10^6 days and 10^6 hours: all this stays far below the limits of Int64.
  private func moved(months: Int64, days: Int64 = 0, seconds more: Int64 = 0) -> Timestamp {
    let local = seconds &+ Int64(offset)
    let date = CivilTime(secondsSinceEpoch: local)
    let month = Int64(date.year) * 12 + Int64(date.month - 1) + months
    let year = CalendarPeriod.floorDivision(month, 12)
    let day = Self.days(toMonth: month - year * 12, of: year) + Int64(date.day - 1) + days
    let timeOfDay = local - CalendarPeriod.floorDivision(local, 86_400) * 86_400
    return Timestamp(
      seconds: day * 86_400 + timeOfDay + more - Int64(offset), nanoseconds: nanoseconds,
      offset: offset)
  }

  /// Days from 1970-01-01 to the first of a month, counted from 0; the era-based way of CivilTime, for any
  /// year.
  private static func days(toMonth month: Int64, of year: Int64) -> Int64 {
    let shiftedYear = month < 2 ? year - 1 : year
    let era = CalendarPeriod.floorDivision(shiftedYear, 400)
    let yearOfEra = shiftedYear - era * 400
    let monthFromMarch = month >= 2 ? month - 2 : month + 10
    let dayOfYear = (153 * monthFromMarch + 2) / 5
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}
