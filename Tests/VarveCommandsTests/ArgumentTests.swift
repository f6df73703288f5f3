import Testing
import VarveCommands
import VarveFormat
import VarveOperations
import VarveRepository

@Suite struct ArgumentTests {
  @Test(
    arguments: [
      ("0", 0), ("17", 17), ("1K", 1024), ("1k", 1024), ("2KiB", 2048), ("3kb", 3072),
      ("1.5G", 1_610_612_736), ("0.5M", 524_288), ("7b", 7), ("1T", 1 << 40), ("2P", 2 << 50),
      ("16383P", 16383 << 50), ("18446744073709551615", UInt64.max),
    ] as [(String, UInt64)])
  func sizes(_ text: String, _ bytes: UInt64) {
    #expect(ByteSize(argument: text)?.bytes == bytes)
  }

  @Test(arguments: [
    "", "K", "-1", "1X", "1.M", ".5M", "1 K", "1e3", "16384P", "18446744073709551616", "0x10",
    "1.1234567890M",
  ])
  func noSizes(_ text: String) {
    #expect(ByteSize(argument: text) == nil)
  }

  @Test(
    arguments: [
      ("0", 0), ("15m", 900_000), ("90s", 90_000), ("1h30m", 5_400_000), ("250ms", 250),
      ("1d", 86_400_000), ("0s", 0), ("36600d", 3_162_240_000_000),
    ] as [(String, UInt64)])
  func intervals(_ text: String, _ milliseconds: UInt64) {
    #expect(IntervalArgument(argument: text)?.nanoseconds == milliseconds * 1_000_000)
  }

  @Test(arguments: [
    "", "15", "m", "-1s", "1.5h", "1 h", "1hm", "1y", "36601d", "18446744073709551615s",
    "99999999999999999999s",
  ])
  func noIntervals(_ text: String) {
    #expect(IntervalArgument(argument: text) == nil)
  }

  @Test(
    arguments: [
      ("1/1", .part(1, of: 1)), ("2/7", .part(2, of: 7)), ("100%", .fraction(1)),
      ("2.5%", .fraction(0.025)), ("500M", .bytes(500 << 20)), ("1", .bytes(1)),
    ] as [(String, CheckOptions.ReadData)])
  func subsets(_ text: String, _ expected: CheckOptions.ReadData) {
    #expect(DataSubset(argument: text)?.readData == expected)
  }

  @Test(arguments: [
    "", "0/5", "6/5", "1/0", "/5", "1/", "-1/5", "1/2/3", "0%", "101%", "-5%", "%", "nan%", "0",
    "1e1%", "+1%", "1/1000001",
  ])
  func noSubsets(_ text: String) {
    #expect(DataSubset(argument: text)?.readData == nil)
  }

  @Test func bytesSurviveTheParser() {
    let awkward: [[UInt8]] = [
      [], Array("plain".utf8), [0xff], [0x61, 0xc3, 0x28, 0x62], [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98], Array("ä 漢 😀".utf8),
      // Scalars of the escape range itself, whole and cut.
      Array("\u{10fe00}\u{10feff}".utf8), Array("\u{10fe41}".utf8.dropLast()),
      Array(1...255),
    ]
    for bytes in awkward {
      #expect(RawArgument(argument: RawArgument.text(bytes)).bytes == bytes)
    }
  }

  @Test func validTextIsNotChanged() {
    #expect(RawArgument.text(Array("ä 漢".utf8)) == "ä 漢")
  }
}
