import Testing
import VarveCommands
import VarveFormat

@Suite struct RetentionArgumentTests {
  @Test func counts() {
    #expect(RetentionCountArgument(argument: "7")?.count == .limited(7))
    #expect(RetentionCountArgument(argument: "0")?.count == .zero)
    #expect(RetentionCountArgument(argument: "unlimited")?.count == .unlimited)
    for text in ["", "-1", "1.5", "seven", "Unlimited", "99999999999999999999"] {
      #expect(RetentionCountArgument(argument: text) == nil, "\(text)")
    }
  }

  @Test func durations() {
    #expect(RetentionDurationArgument(argument: "2y5m7d3h")?.duration.text == "2y5m7d3h")
    #expect(RetentionDurationArgument(argument: "3h2d")?.duration.text == "2d3h")
    for text in ["", "3", "-3d", "3w", "d", "1d2d", "3 d"] {
      #expect(RetentionDurationArgument(argument: text) == nil, "\(text)")
    }
  }

  @Test func intervals() {
    #expect(CadenceArgument(argument: "15min")?.seconds == 900)
    #expect(CadenceArgument(argument: "1h")?.seconds == 3600)
    #expect(CadenceArgument(argument: "2d")?.seconds == 172_800)
    #expect(CadenceArgument(argument: "1w")?.seconds == 604_800)
    for text in ["", "h", "0h", "1", "1m", "-1h", "1.5h", "99999d", "1h30min"] {
      #expect(CadenceArgument(argument: text) == nil, "\(text)")
    }
    #expect(
      [900, 3600, 86_400, 604_800, 90_000, 3700, 61].map { CadenceArgument.text(seconds: $0) }
        == ["15min", "1h", "1d", "1w", "25h", "about 1h", "61 s"])
  }
}
