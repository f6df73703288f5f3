/// A span of the calendar, as rules of retention name it (docs/format.md, section 12).
///
/// ```
/// duration := [years "y"] [months "m"] [days "d"] [hours "h"]     at least one; `2y5m7d3h`
/// ```
/// Each number is 1 to 999,999, without leading zeros. How long a month is depends on where it is
/// counted from, so durations have no order but `isSurelyAtLeast`.
public struct RetentionDuration: Hashable, Sendable {
  /// The largest number of any unit.
  public static let limit: Int64 = 999_999

  public static let zero = RetentionDuration()

  public let years, months, days, hours: Int64

  /// Numbers below zero count as zero, those above `limit` as `limit`.
  public init(years: Int64 = 0, months: Int64 = 0, days: Int64 = 0, hours: Int64 = 0) {
    func bounded(_ number: Int64) -> Int64 { min(max(number, 0), Self.limit) }
    self.years = bounded(years)
    self.months = bounded(months)
    self.days = bounded(days)
    self.hours = bounded(hours)
  }

  /// Reads what a person writes: each unit at most once, in any order, with or without leading zeros.
  ///
  /// - Returns: nil for anything else, for an empty text and for a number above `limit`.
  public init?(_ text: String) {
    guard !text.isEmpty else { return nil }
    var numbers: [UInt8: Int64] = [:]
    var number: Int64?
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        let next = (number ?? 0) * 10 + Int64(byte - UInt8(ascii: "0"))
        guard next <= Self.limit else { return nil }
        number = next
      case UInt8(ascii: "y"), UInt8(ascii: "m"), UInt8(ascii: "d"), UInt8(ascii: "h"):
        guard let value = number, numbers.updateValue(value, forKey: byte) == nil else {
          return nil
        }
        number = nil
      default: return nil
      }
    }
    guard number == nil else { return nil }
    func value(_ unit: Unicode.Scalar) -> Int64 { numbers[UInt8(ascii: unit)] ?? 0 }
    self.init(years: value("y"), months: value("m"), days: value("d"), hours: value("h"))
  }

  public var isZero: Bool { self == .zero }

  /// The one spelling that is stored; `0h` for zero, which is not.
  public var text: String {
    let parts = [(years, "y"), (months, "m"), (days, "d"), (hours, "h")]
    let text = parts.filter { $0.0 > 0 }.map { "\($0.0)\($0.1)" }.joined()
    return text.isEmpty ? "0h" : text
  }

  /// Whether it reaches back at least as far as `other` from wherever both are counted: the months by
  /// which it is longer count as 28 days each, those by which it is shorter as 31.
  public func isSurelyAtLeast(_ other: RetentionDuration) -> Bool {
    // At most 13 * 10^6 months and 25 * 10^6 hours: no overflow.
    let months = 12 * (years - other.years) + self.months - other.months
    let hours = 24 * (days - other.days) + self.hours - other.hours
    return 24 * (months < 0 ? 31 : 28) * months + hours >= 0
  }
}

extension RetentionDuration: CustomStringConvertible {
  public var description: String { text }
}
