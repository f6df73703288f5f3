import Testing
import VarveCommands
import VarveFormat

@Suite struct TimeTests {
  @Test func localTimeIsReadBackInLocalTime() throws {
    for text in ["2006-01-02 15:04:05", "2024-07-15 00:00:00", "1999-12-31 23:59:59"] {
      let timestamp = try #require(TimeArgument(argument: text)).timestamp
      #expect("\(timestamp.civil.dateText) \(timestamp.civil.timeText)" == text)
    }
  }

  @Test func shorterFormsMeanTheFirstMoment() throws {
    let day = try #require(TimeArgument(argument: "2006-01-02")).timestamp
    #expect(day.civil.timeText == "00:00:00")
    let minute = try #require(TimeArgument(argument: "2006-01-02 15:04")).timestamp
    #expect(minute.civil.timeText == "15:04:00")
  }

  @Test func anOffsetIsKept() throws {
    let timestamp = try #require(TimeArgument(argument: "2006-01-02T15:04:05.5+05:30")).timestamp
    #expect(timestamp == Timestamp(seconds: 1_136_194_445, nanoseconds: 500_000_000, offset: 19800))
  }

  @Test(arguments: [
    "", "2006", "2006-1-2", "2006-02-30", "2006-01-02 24:00:00", "2006-01-02 15:60", "yesterday",
    "2006-01-02 15:04:05 ", "2006-01-02T15:04:05+25:00", "2023-02-29",
  ])
  func noTimes(_ text: String) {
    #expect(TimeArgument(argument: text) == nil)
  }

  @Test func timestampsAsText() throws {
    let moment = Timestamp(seconds: 1_136_214_245, nanoseconds: 7, offset: -25200)
    #expect(moment.precise == "2006-01-02T08:04:05.000000007-07:00")
    #expect(moment.utcSeconds == "2006-01-02T15:04:05Z")
    #expect(Timestamp(moment.precise) == moment)
    #expect(Timestamp("2006-01-02T15:04:05Z")?.seconds == 1_136_214_245)
    #expect(Timestamp(seconds: -1).utcSeconds == "1969-12-31T23:59:59Z")
    #expect(Timestamp(seconds: 951_782_400).utcSeconds == "2000-02-29T00:00:00Z")
  }

  @Test func civilTimeGoesThereAndBack() {
    var seconds: Int64 = -62_135_596_800
    while seconds < 253_402_300_799 {
      #expect(CivilTime(secondsSinceEpoch: seconds).secondsSinceEpoch == seconds)
      seconds += 86_400 * 97 + 12_345
    }
  }
}
