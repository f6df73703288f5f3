/// A length of time such as `15m`, `90s`, `1h30m`, `250ms`; `0` needs no unit.
package struct Interval: Hashable, Sendable {
  package let nanoseconds: UInt64

  package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

  /// Whole ones; what is left over is dropped.
  package var seconds: Int64 { Int64(clamping: nanoseconds / 1_000_000_000) }

  package init?(_ text: String) {
    guard text != "0" else {
      self.init(nanoseconds: 0)
      return
    }
    var rest = Array(text.utf8)[...]
    var sum: UInt64 = 0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { (0x30...0x39).contains($0) }
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { !(0x30...0x39).contains($0) }
      rest = rest.dropFirst(letters.count)
      guard let count = UInt64(String(decoding: digits, as: UTF8.self)),
        let unit = Self.unit(String(decoding: letters, as: UTF8.self))
      else { return nil }
      let (part, overflow) = count.multipliedReportingOverflow(by: unit)
      let (total, carried) = sum.addingReportingOverflow(part)
      guard !overflow && !carried else { return nil }
      sum = total
    }
    // More than a century is as good as never, and would overflow the clock.
    guard sum <= 100 * 366 * 86_400_000_000_000 else { return nil }
    self.init(nanoseconds: sum)
  }

  private static func unit(_ name: String) -> UInt64? {
    switch name {
    case "ms": 1_000_000
    case "s": 1_000_000_000
    case "m": 60_000_000_000
    case "h": 3_600_000_000_000
    case "d": 86_400_000_000_000
    default: nil
    }
  }
}
