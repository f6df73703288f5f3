import VarveFormat

/// Reads a schedule (the grammar stands at `Schedule`).
///
/// `hourly` is at minute 0, `daily` at 00:00, `weekly` on Monday, `monthly` on the first day, both at 00:00.
///
/// A cron field is a list of `*`, a number, a range `a-b`, each perhaps with a step `/n`; months and days of the week
/// have names of three letters, too, and Sunday is 0 or 7.
enum ScheduleText {
  static func weekday(_ text: Substring) -> Int? {
    let names = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"]
    let word = text.prefix(1).lowercased() + text.dropFirst()
    return names.firstIndex { $0 == word || $0.prefix(3) == word }
  }

  static func monthDay(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy(TextForm.isDigit), !text.hasPrefix("0"), let day = Int(text),
      (1...28).contains(day)
    else { return nil }
    return day
  }

  static func timeOfDay(_ text: Substring) -> (hour: Int, minute: Int)? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, (1...2).contains(parts[0].utf8.count), parts[1].utf8.count == 2,
      parts.allSatisfy({ $0.utf8.allSatisfy(TextForm.isDigit) }), let hour = Int(parts[0]),
      let minute = Int(parts[1]), hour < 24, minute < 60
    else { return nil }
    return (hour, minute)
  }

  /// - Throws: `VarveError.Code.usage`, which says what is wrong.
  static func kind(_ text: String) throws -> Schedule.Kind {
    var words = text.split(separator: " ")[...]
    switch words.first {
    case "hourly" where words.count == 1:
      return .calendar(
        minutes: [0], hours: Set(0...23), days: Set(1...31), months: Set(1...12),
        weekdays: Set(0...6))
    case "daily", "weekly", "monthly": return try calendar(&words, text)
    case "every":
      guard words.count == 2, let length = Interval(String(words[words.startIndex + 1])) else {
        throw wrong(text, "'every' takes a duration such as 6h")
      }
      guard length.seconds >= 60 else { throw wrong(text, "less than a minute is too often") }
      return .every(length.seconds)
    default:
      guard words.count == 5 else {
        throw wrong(text, TextForm.schedule.expectation + " is expected")
      }
      return try cron(words.map(String.init), text)
    }
  }

  static func wrong(_ text: String, _ why: String) -> VarveError {
    VarveError(.usage, "'\(ByteText.printable(text))' is no schedule: \(why)")
  }

  private static func calendar(
    _ words: inout ArraySlice<Substring>, _ text: String
  ) throws -> Schedule.Kind {
    let unit = words.removeFirst()
    var (days, weekdays) = (Set(1...31), Set(0...6))
    if unit == "weekly" { weekdays = [1] }
    if unit == "monthly" { days = [1] }
    if unit != "daily", words.first == "on" {
      words.removeFirst()
      let word = words.popFirst() ?? ""
      if unit == "weekly" {
        guard let day = weekday(word) else { throw wrong(text, "'\(word)' is no day of the week") }
        weekdays = [day]
      } else {
        guard let day = monthDay(word) else {
          throw wrong(text, "'\(word)' is no day from 1 to 28, which every month has")
        }
        days = [day]
      }
    }
    var time = (hour: 0, minute: 0)
    if words.first == "at" {
      words.removeFirst()
      let word = words.popFirst() ?? ""
      guard let given = timeOfDay(word) else { throw wrong(text, "'\(word)' is no time of day") }
      time = given
    }
    guard words.isEmpty else {
      throw wrong(text, "'\(words.joined(separator: " "))' cannot stand there")
    }
    return .calendar(
      minutes: [time.minute], hours: [time.hour], days: days, months: Set(1...12),
      weekdays: weekdays)
  }

  // MARK: cron

  private static func cron(_ fields: [String], _ text: String) throws -> Schedule.Kind {
    let months = [
      "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]
    let week = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
    func values(
      _ index: Int, _ what: String, _ range: ClosedRange<Int>, _ names: [String] = [],
      from first: Int = 0
    ) throws -> Set<Int> {
      var values: Set<Int> = []
      for part in fields[index].split(separator: ",", omittingEmptySubsequences: false) {
        guard let some = item(part, range, names, first) else {
          throw wrong(
            text, "'\(part)' is no \(what) from \(range.lowerBound) to \(range.upperBound)")
        }
        values.formUnion(some)
      }
      return values
    }
    var weekdays = try values(4, "day of the week", 0...7, week)
    if weekdays.remove(7) != nil { weekdays.insert(0) }
    var days = try values(2, "day", 1...31)
    // Where both are named either will do, and one that names every value has every day.
    if !fields[2].hasPrefix("*"), !fields[4].hasPrefix("*"), days.count == 31 || weekdays.count == 7
    {
      (days, weekdays) = (Set(1...31), Set(0...6))
    }
    let chosen = try values(3, "month", 1...12, months, from: 1)
    // 2000 is a leap year.
    let exists = chosen.contains { month in
      days.contains {
        CivilTime(year: 2000, month: month, day: $0, hour: 0, minute: 0, second: 0) != nil
      }
    }
    guard exists || weekdays.count < 7 else { throw wrong(text, "no month has such a day") }
    return .calendar(
      minutes: try values(0, "minute", 0...59), hours: try values(1, "hour", 0...23), days: days,
      months: chosen, weekdays: weekdays)
  }

  private static func item(
    _ text: Substring, _ range: ClosedRange<Int>, _ names: [String], _ first: Int
  ) -> Set<Int>? {
    func number(_ text: Substring) -> Int? {
      if let index = names.firstIndex(of: text.lowercased()) { return first + index }
      guard (1...2).contains(text.utf8.count), text.utf8.allSatisfy(TextForm.isDigit),
        let value = Int(text), range.contains(value)
      else { return nil }
      return value
    }
    let halves = text.split(separator: "/", omittingEmptySubsequences: false)
    guard let body = halves.first, halves.count <= 2 else { return nil }
    var bounds: ClosedRange<Int>
    if body == "*" {
      // Sunday only once: 7 would be one more.
      bounds = range.upperBound == 7 ? 0...6 : range
    } else {
      let ends = body.split(separator: "-", omittingEmptySubsequences: false)
      guard ends.count <= 2, let low = number(ends[0]) else { return nil }
      var high = low
      if ends.count == 2 {
        guard let given = number(ends[1]), given >= low else { return nil }
        high = given
      } else if halves.count == 2 {
        high = range.upperBound == 7 ? max(6, low) : range.upperBound
      }
      bounds = low...high
    }
    guard halves.count == 2 else { return Set(bounds) }
    guard (1...2).contains(halves[1].utf8.count), halves[1].utf8.allSatisfy(TextForm.isDigit),
      let step = Int(halves[1]), step > 0
    else { return nil }
    return Set(stride(from: bounds.lowerBound, through: bounds.upperBound, by: step))
  }
}
