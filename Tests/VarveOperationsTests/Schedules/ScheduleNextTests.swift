import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

/// `next` against a walk from minute to minute.
@Suite struct ScheduleNextTests {
  /// A zone whose clocks are moved at certain moments, like Berlin, Lord Howe and Samoa.
  private struct Zone {
    let name: String
    let standard: Int64
    let changes: [(moment: Int64, offset: Int64)]

    var offsets: ZoneOffsets {
      ZoneOffsets { [standard, changes] seconds in
        changes.last { $0.moment <= seconds }?.offset ?? standard
      }
    }
  }

  private static let zones = [
    Zone(name: "UTC", standard: 0, changes: []),
    Zone(
      name: "Berlin", standard: 3600,
      changes: [
        (1_774_746_000, 7200), (1_792_890_000, 3600), (1_806_195_600, 7200),
      ]),
    Zone(
      name: "Lord Howe", standard: 39_600,
      changes: [(1_775_314_800, 37_800), (1_791_041_400, 39_600)]),
    // A day was left out.
    Zone(name: "Samoa", standard: -36_000, changes: [(1_774_700_400, 50_400)]),
    // Clocks go back over midnight.
    Zone(name: "midnight", standard: 0, changes: [(1_774_743_000, -3600)]),
  ]

  /// What is due at a civil time, said as briefly as it can be.
  private static func isNamed(_ schedule: Schedule, _ civil: Int64) -> Bool {
    guard case .calendar(let minutes, let hours, let days, let months, let week) = schedule.kind
    else { return false }
    let time = CivilTime(secondsSinceEpoch: civil)
    let weekday = Int((civil / 86_400 + 4) % 7)
    let isDay =
      days.count < 31 && week.count < 7
      ? days.contains(time.day) || week.contains(weekday)
      : days.contains(time.day) && week.contains(weekday)
    return minutes.contains(time.minute) && hours.contains(time.hour)
      && months.contains(time.month) && isDay
  }

  /// Every moment of a span at which the schedule is due, found by looking at each minute.
  private static func walk(_ schedule: Schedule, _ zone: Zone, _ span: Range<Int64>) -> [Int64] {
    guard case .calendar(_, let hours, _, _, _) = schedule.kind else { return [] }
    let offset = zone.offsets
    func civil(_ moment: Int64) -> Int64 {
      moment + (zone.changes.last { $0.moment <= moment }?.offset ?? zone.standard)
    }
    _ = offset
    // The latest civil minute that clocks have shown.
    var shown = civil(span.lowerBound - 3 * 86_400)
    var result: [Int64] = []
    for moment in stride(from: span.lowerBound - 3 * 86_400 + 60, to: span.upperBound, by: 60) {
      let now = civil(moment)
      var isDue = false
      if now > shown {
        // Minutes that were skipped stand for this one.
        isDue = stride(from: shown + 60, through: now, by: 60).contains { isNamed(schedule, $0) }
        shown = now
      } else if hours.count == 24 {
        isDue = isNamed(schedule, now)
      }
      if isDue && span.contains(moment) { result.append(moment) }
    }
    return result
  }

  @Test(arguments: 0..<5)
  func nextIsWhatAWalkFinds(_ index: Int) throws {
    let zone = Self.zones[index]
    var generator = SeededGenerator(seed: UInt64(index) + 1)
    var texts = [
      "hourly", "daily at 02:30", "daily at 02:00", "daily", "weekly on sunday at 02:15",
      "monthly on 29 at 1:00".replacing("29", with: "28"), "*/10 * * * *", "30 1,2,3 * * *",
      "0 0 13 * 5", "59 23 * * *",
    ]
    for _ in 0..<10 { texts.append(Self.random(&generator)) }
    let centres = zone.changes.map(\.moment) + [1_780_000_020]
    for text in texts {
      let schedule = try Schedule(text)
      for centre in centres {
        let start = (centre - 2 * 86_400) / 60 * 60
        let span = start..<(start + 4 * 86_400)
        let expected = Self.walk(schedule, zone, span)
        var found: [Int64] = []
        var moment = Timestamp(seconds: span.lowerBound - 1)
        while let next = schedule.next(after: moment, zone: zone.offsets),
          span.contains(next.seconds)
        {
          found.append(next.seconds)
          moment = next
        }
        #expect(found == expected, "\(text) in \(zone.name) near \(centre)")
        // From anywhere within it is the same.
        for _ in 0..<5 {
          let from = Int64.random(in: span, using: &generator)
          let next = schedule.next(after: Timestamp(seconds: from), zone: zone.offsets)
          if let wanted = expected.first(where: { $0 > from }) {
            #expect(next?.seconds == wanted, "\(text) in \(zone.name) after \(from)")
          }
        }
      }
    }
  }

  static func random(_ generator: inout SeededGenerator) -> String {
    func field(_ range: ClosedRange<Int>) -> String {
      let a = Int.random(in: range, using: &generator)
      let b = Int.random(in: a...range.upperBound, using: &generator)
      switch Int.random(in: 0..<6, using: &generator) {
      case 0: return "\(a)"
      case 1: return "\(a)-\(b)"
      case 2: return "*/\(Int.random(in: 1...9, using: &generator))"
      case 3: return "\(a),\(b)"
      default: return "*"
      }
    }
    return [field(0...59), field(0...23), field(1...28), field(1...12), field(0...6)]
      .joined(separator: " ")
  }

  /// The fields of a crontab and of a timer say what the schedule does: they are made of its sets.
  @Test func unitsSayTheSame() throws {
    var generator = SeededGenerator(seed: 7)
    for _ in 0..<200 {
      let schedule = try Schedule(Self.random(&generator))
      #expect(try Schedule(ScheduleUnits.cronFields(schedule)).kind == schedule.kind)
    }
    #expect(
      ScheduleUnits.timerLines(try Schedule("weekly on sunday at 05:07"))
        == ["OnCalendar=Sun *-*-* 05:07:00"])
    #expect(
      ScheduleUnits.timerLines(try Schedule("0 4 1,15 * mon"))
        == ["OnCalendar=*-*-01,15 04:00:00", "OnCalendar=Mon *-*-* 04:00:00"])
  }
}
