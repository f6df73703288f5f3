import Testing
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct ScheduleTests {
  @Test(arguments: [
    ("hourly", "0 * * * *"), ("daily", "0 0 * * *"), ("daily at 2:30", "30 2 * * *"),
    ("weekly", "0 0 * * 1"), ("weekly on sunday at 05:00", "0 5 * * 0"),
    ("weekly on Fri", "0 0 * * fri"), ("monthly", "0 0 1 * *"),
    ("monthly on 15 at 23:59", "59 23 15 * *"), ("*/20 0-4/2 * jan,3 7", "0,20,40 0,2,4 * 1,3 0"),
  ])
  func wordsAreFields(_ text: String, _ fields: String) throws {
    #expect(try Schedule(text).kind == Schedule(fields).kind)
    #expect(TextForm.schedule.matches(text) && TextForm.schedule.matches(fields))
    #expect(try Schedule(text).text == text)
  }

  @Test func anInterval() throws {
    #expect(try Schedule("every 6h").kind == .every(21_600))
    let schedule = try Schedule("every 1h30m")
    let start = Timestamp(seconds: 1_000)
    #expect(schedule.next(after: start)?.seconds == 6_400)
    #expect(schedule.isDue(at: Timestamp(seconds: 6_399), lastRun: start) == false)
    #expect(schedule.isDue(at: Timestamp(seconds: 6_400), lastRun: start))
  }

  @Test(arguments: [
    "", "hourly at 3:00", "daily at", "daily at 24:00", "daily at 1:60", "weekly on 3",
    "monthly on 29", "monthly on 0", "every", "every 30s", "every 5", "every 6h 3h", "* * * *",
    "60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "5-1 * * * *",
    "*/0 * * * *", "1,, * * * *", "0 0 31 2 *", "0 0 30 feb *", "sometimes", "a b c d e",
  ])
  func whatIsNoSchedule(_ text: String) {
    #expect(throws: VarveError(.usage, "")) { try Schedule(text) }
  }

  @Test func whatNeverRanIsDueAndWhatRanIsNot() throws {
    let schedule = try Schedule("daily at 03:00")
    let zone = ZoneOffsets { _ in 0 }
    let three = try #require(Timestamp("2026-03-01T03:00:00Z"))
    #expect(schedule.isDue(at: three, lastRun: nil, zone: zone))
    #expect(schedule.next(after: three, lastRun: nil, zone: zone) == three)
    #expect(schedule.isDue(at: three, lastRun: three, zone: zone) == false)
    let missed = Timestamp(seconds: three.seconds - 1)
    #expect(schedule.isDue(at: three, lastRun: missed, zone: zone))
    // A clock that was wrong must not keep a backup from being made for years.
    let future = Timestamp(seconds: three.seconds + 400 * 86_400)
    #expect(schedule.isDue(at: three, lastRun: future, zone: zone))
    func ahead(_ seconds: Int64) -> Timestamp { Timestamp(seconds: three.seconds + seconds) }
    #expect(schedule.isDue(at: three, lastRun: ahead(18_000), zone: zone), "nor for hours")
    #expect(schedule.isDue(at: three, lastRun: ahead(300), zone: zone) == false)
    #expect(
      schedule.isDue(at: three, lastRun: ahead(18_000), ahead: 86_400, zone: zone) == false)
    for seconds in [Int64.min, Int64.max] {
      _ = schedule.next(after: Timestamp(seconds: seconds), zone: zone)
      _ = schedule.isDue(at: three, lastRun: Timestamp(seconds: seconds), zone: zone)
    }
  }

  @Test func theRarestDay() throws {
    let schedule = try Schedule("0 0 29 2 *")
    let start = try #require(Timestamp("2096-03-01T00:00:00Z"))
    // 2100 is no leap year.
    let leap = try #require(Timestamp("2104-02-29T00:00:00Z"))
    #expect(schedule.next(after: start, zone: ZoneOffsets { _ in 0 }) == leap)
  }
}
