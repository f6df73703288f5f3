import Testing
import VarveCommands
import VarveFormat

@Suite struct HumanTextTests {
  @Test(
    arguments: [
      (0, "0 B"), (1023, "1023 B"), (1024, "1.000 KiB"), (1536, "1.500 KiB"),
      (1_048_575, "1023.999 KiB"), (3_454_992_640, "3.218 GiB"), (UInt64.max, "16.000 EiB"),
    ] as [(UInt64, String)])
  func bytes(_ count: UInt64, _ text: String) {
    #expect(HumanText.bytes(count) == text)
  }

  @Test(
    arguments: [
      (0, "0:00"), (42, "0:42"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00"),
      (3723, "1:02:03"), (360_000, "100:00:00"),
    ] as [(UInt64, String)])
  func durations(_ seconds: UInt64, _ text: String) {
    #expect(HumanText.duration(seconds: seconds) == text)
  }

  @Test func fixedPoint() {
    #expect(HumanText.fixed(1.005, 0) == "1")
    #expect(HumanText.fixed(0.9996, 3) == "1.000")
    #expect(HumanText.fixed(-2.5, 1) == "-2.5")
    #expect(HumanText.fixed(-0.001, 2) == "0.00")
    #expect(HumanText.percent(0.3524) == "35.24%")
    #expect(HumanText.percent(7) == "100.00%")
  }

  @Test func namesCannotSteerATerminal() {
    #expect(ByteText.printable(Array("a\u{1b}[31mb".utf8)) == "a\\x1b[31mb")
    #expect(ByteText.printable([0x61, 0xff, 0x62, 0xc3]) == "a\\xffb\\xc3")
    #expect(ByteText.printable(Array("x\ny\u{202e}z".utf8)) == "x\\ny\\u{202e}z")
    #expect(ByteText.printable(Array("ä漢".utf8)) == "ä漢")
  }

  @Test func truncationCountsColumns() {
    #expect(TerminalText.truncated("abcdef", to: 6) == "abcdef")
    #expect(TerminalText.truncated("abcdef", to: 4) == "abc…")
    #expect(TerminalText.truncated("漢字漢字", to: 5) == "漢字…")
    #expect(TerminalText.tail("/a/long/path", columns: 6) == "…/path")
    #expect(TerminalText.width("漢a\u{301}") == 3)
  }

  @Test func tablesAlign() {
    var table = TextTable([("ID", .left), ("Size", .right)])
    table.add(["abc", "1"])
    table.add([["d"], ["22", "333"]])
    #expect(
      table.lines(footer: "2 rows") == [
        "ID   Size", "---------", "abc     1", "d      22", "      333", "---------", "2 rows",
      ])
  }
}
