/// Quantities as people read them.
package enum HumanText {
  private static let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]

  /// A number of bytes such as `12 B`, `1.500 KiB`, `3.217 GiB`.
  package static func bytes(_ count: UInt64) -> String {
    var value = Double(count)
    var unit = 0
    while value >= 1023.9995, unit < units.count - 1 {
      value /= 1024
      unit += 1
    }
    return (unit == 0 ? String(count) : fixed(value, 3)) + " " + units[unit]
  }

  /// Whole seconds as `0:42`, `12:05`, `1:02:03`.
  package static func duration(seconds: UInt64) -> String {
    let (hours, minutes, rest) = (seconds / 3600, seconds / 60 % 60, seconds % 60)
    if hours > 0 { return "\(hours):\(padded(minutes)):\(padded(rest))" }
    return "\(minutes):\(padded(rest))"
  }

  /// A fraction of 1 as `35.20%`.
  package static func percent(_ fraction: Double) -> String {
    fixed(min(max(fraction, 0), 1) * 100, 2) + "%"
  }

  /// A decimal number with `digits` digits behind the point, rounded half away from zero.
  package static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "0" }
    var scale = 1.0
    for _ in 0..<digits { scale *= 10 }
    let scaled = (abs(value) * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = UInt64(scaled)
    let unit = UInt64(scale)
    let sign = value < 0 && whole > 0 ? "-" : ""
    guard digits > 0 else { return sign + String(whole) }
    let fraction = String(whole % unit)
    let zeros = String(repeating: "0", count: digits - fraction.utf8.count)
    return "\(sign)\(whole / unit).\(zeros)\(fraction)"
  }

  /// `1 file`, `2 files`.
  package static func count(_ number: some BinaryInteger, _ one: String, _ many: String? = nil)
    -> String
  {
    number == 1 ? "1 \(one)" : "\(number) \(many ?? one + "s")"
  }

  /// `12,345`.
  package static func grouped(_ number: UInt64) -> String {
    let digits = Array(String(number))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return text
  }

  /// `3 d 4 h`, `4 h 10 min`, `50 s`.
  package static func span(_ seconds: Int64) -> String {
    if seconds >= 86_400 {
      let hours = seconds % 86_400 / 3600
      return "\(seconds / 86_400) d" + (hours > 0 ? " \(hours) h" : "")
    }
    if seconds >= 3600 {
      let minutes = seconds % 3600 / 60
      return "\(seconds / 3600) h" + (minutes > 0 ? " \(minutes) min" : "")
    }
    return seconds >= 60 ? "\(seconds / 60) min" : "\(seconds) s"
  }

  private static func padded(_ value: UInt64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
