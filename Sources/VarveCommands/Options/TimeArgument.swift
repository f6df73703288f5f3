import ArgumentParser
package import VarveFormat
import VarveRepository

/// A moment: `now`, `2006-01-02 15:04:05` in local time (also without the seconds, or without the
/// time of day), or RFC 3339 with its own offset.
package struct TimeArgument: ExpressibleByArgument, Hashable, Sendable {
  package let timestamp: Timestamp

  package init?(argument: String) {
    if argument == "now" {
      timestamp = WallClock.now()
    } else if let exact = Timestamp(argument) {
      timestamp = exact
    } else if let civil = TimeArgument.civil(argument) {
      timestamp = WallClock.local(civil)
    } else {
      return nil
    }
  }

  package var fileTime: FileTime {
    FileTime(seconds: timestamp.seconds, nanoseconds: timestamp.nanoseconds)
  }

  private static func civil(_ text: String) -> CivilTime? {
    var scanner = DigitScanner(text)
    guard let year = scanner.number(4), scanner.skip("-"), let month = scanner.number(2),
      scanner.skip("-"), let day = scanner.number(2)
    else { return nil }
    var time = (hour: 0, minute: 0, second: 0)
    if scanner.skip(" ") || scanner.skip("T") {
      guard let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2) else {
        return nil
      }
      time = (hour, minute, 0)
      if scanner.skip(":") {
        guard let second = scanner.number(2) else { return nil }
        time.second = second
      }
    }
    guard scanner.isAtEnd else { return nil }
    return CivilTime(
      year: year, month: month, day: day, hour: time.hour, minute: time.minute,
      second: time.second)
  }
}
