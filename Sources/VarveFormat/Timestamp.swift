/// A moment with the offset of the clock that named it, as RFC 3339 text writes it.
///
/// `seconds` and `nanoseconds` count from 1970-01-01T00:00:00Z without leap seconds, so two
/// timestamps of one moment in different zones have equal `seconds`. Snapshot records keep
/// nanoseconds and the offset (docs/format.md, section 10), log entries whole seconds in UTC
/// (section 12).
public struct Timestamp: Hashable, Sendable {
  public var seconds: Int64
  /// 0 to 999,999,999.
  public var nanoseconds: UInt32
  /// Seconds east of UTC; whole minutes, less than a day.
  public var offset: Int32

  public init(seconds: Int64, nanoseconds: UInt32 = 0, offset: Int32 = 0) {
    self.seconds = seconds
    self.nanoseconds = nanoseconds
    self.offset = offset
  }

  /// Reads RFC 3339 text with any number of fractional digits up to nine; nil for anything else,
  /// for a day that does not exist, and for a year outside 0000 to 9999.
  public init?(_ text: String) {
    var scanner = DigitScanner(text)
    guard let year = scanner.number(4), scanner.skip("-"),
      let month = scanner.number(2), scanner.skip("-"), let day = scanner.number(2),
      scanner.skip("T") || scanner.skip("t"),
      let hour = scanner.number(2), scanner.skip(":"), let minute = scanner.number(2),
      scanner.skip(":"), let second = scanner.number(2)
    else { return nil }
    var nanoseconds: UInt32 = 0
    if scanner.skip(".") {
      guard let fraction = scanner.fraction() else { return nil }
      nanoseconds = fraction
    }
    var offset: Int32 = 0
    if !scanner.skip("Z") && !scanner.skip("z") {
      let sign: Int32
      if scanner.skip("+") {
        sign = 1
      } else if scanner.skip("-") {
        sign = -1
      } else {
        return nil
      }
      guard let hours = scanner.number(2), scanner.skip(":"), let minutes = scanner.number(2),
        hours < 24, minutes < 60
      else { return nil }
      offset = sign * Int32(hours * 3600 + minutes * 60)
    }
    guard scanner.isAtEnd,
      let local = CivilTime(
        year: year, month: month, day: day, hour: hour, minute: minute, second: second)
    else { return nil }
    self.init(
      seconds: local.secondsSinceEpoch - Int64(offset), nanoseconds: nanoseconds, offset: offset)
  }

  /// Year, month, … in the timestamp's own offset.
  public var civil: CivilTime { CivilTime(secondsSinceEpoch: seconds &+ Int64(offset)) }

  /// RFC 3339 with nine fractional digits and a numeric offset, such as
  /// `2026-03-01T12:00:00.000000000+01:00`; the offset of UTC is written `Z`.
  public var precise: String {
    let digits = String(nanoseconds)
    let fraction = String(repeating: "0", count: max(0, 9 - digits.utf8.count)) + digits
    return "\(civil.dateText)T\(civil.timeText).\(fraction)\(offsetText)"
  }

  /// RFC 3339 in UTC, whole seconds, such as `2026-03-01T11:00:00Z`.
  public var utcSeconds: String {
    let civil = CivilTime(secondsSinceEpoch: seconds)
    return "\(civil.dateText)T\(civil.timeText)Z"
  }

  /// RFC 3339, whole seconds with a numeric offset, such as `2026-03-01T12:00:00+01:00`; the offset of UTC is written
  /// `Z`.
  public var zonedSeconds: String { "\(civil.dateText)T\(civil.timeText)\(offsetText)" }

  private var offsetText: String {
    guard offset != 0 else { return "Z" }
    let minutes = offset.magnitude / 60
    let sign = offset < 0 ? "-" : "+"
    return sign + CivilTime.padded(Int(minutes / 60), 2) + ":"
      + CivilTime.padded(Int(minutes % 60), 2)
  }
}

extension Timestamp: Comparable {
  /// By moment; the offset does not matter.
  public static func < (a: Timestamp, b: Timestamp) -> Bool {
    (a.seconds, a.nanoseconds) < (b.seconds, b.nanoseconds)
  }
}
