/// Reads fixed-width decimal numbers and separators, as dates are made of.
package struct DigitScanner {
  private var rest: Substring.UTF8View

  package init(_ text: String) { rest = Substring(text).utf8 }

  package var isAtEnd: Bool { rest.isEmpty }

  /// Exactly `width` decimal digits.
  package mutating func number(_ width: Int) -> Int? {
    var value = 0
    var left = rest
    for _ in 0..<width {
      guard let unit = left.popFirst(), let digit = DigitScanner.digit(unit) else { return nil }
      value = value * 10 + digit
    }
    rest = left
    return value
  }

  /// One to nine decimal digits, scaled to nanoseconds.
  package mutating func fraction() -> UInt32? {
    var value: UInt32 = 0
    var count = 0
    while let unit = rest.first, let digit = DigitScanner.digit(unit) {
      guard count < 9 else { return nil }
      value = value * 10 + UInt32(digit)
      count += 1
      rest.removeFirst()
    }
    guard count > 0 else { return nil }
    for _ in count..<9 { value *= 10 }
    return value
  }

  /// Consumes `separator` when it comes next.
  package mutating func skip(_ separator: Unicode.Scalar) -> Bool {
    guard let unit = rest.first, UInt32(unit) == separator.value else { return false }
    rest.removeFirst()
    return true
  }

  private static func digit(_ unit: UInt8) -> Int? {
    (0x30...0x39).contains(unit) ? Int(unit) - 0x30 : nil
  }
}
