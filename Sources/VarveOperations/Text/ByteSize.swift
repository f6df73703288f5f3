/// A number of bytes such as `4096`, `512K`, `1.5G`, `8MiB`; the units are powers of 1024.
package struct ByteSize: Hashable, Sendable {
  package let bytes: UInt64

  package init(bytes: UInt64) { self.bytes = bytes }

  package init?(_ text: String) {
    let units = Array(text.utf8)
    let digits = units.prefix { (0x30...0x39).contains($0) }
    guard !digits.isEmpty, let whole = UInt64(String(decoding: digits, as: UTF8.self)) else {
      return nil
    }
    var rest = units[digits.count...]
    var fraction: ArraySlice<UInt8> = []
    if rest.first == UInt8(ascii: ".") {
      fraction = rest.dropFirst().prefix { (0x30...0x39).contains($0) }
      guard !fraction.isEmpty, fraction.count <= 9 else { return nil }
      rest = rest.dropFirst(1 + fraction.count)
    }
    guard let unit = ByteSize.unit(String(decoding: rest, as: UTF8.self).lowercased()) else {
      return nil
    }
    let (scaled, overflow) = whole.multipliedReportingOverflow(by: unit)
    guard !overflow else { return nil }
    var part = 0.0
    for digit in fraction.reversed() { part = (part + Double(digit - 0x30)) / 10 }
    let (sum, carried) = scaled.addingReportingOverflow(UInt64((part * Double(unit)).rounded()))
    guard !carried else { return nil }
    bytes = sum
  }

  private static func unit(_ suffix: String) -> UInt64? {
    switch suffix {
    case "", "b": 1
    case "k", "kb", "kib": 1 << 10
    case "m", "mb", "mib": 1 << 20
    case "g", "gb", "gib": 1 << 30
    case "t", "tb", "tib": 1 << 40
    case "p", "pb", "pib": 1 << 50
    default: nil
    }
  }
}
