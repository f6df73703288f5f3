/// Numbers in tar headers: octal digits between spaces and NULs, or, where the first bit is set, two's complement of the
/// rest of the field, most significant byte first (GNU tar's and star's base-256).
enum TarNumber {
  /// Nil for what is no number, or does not fit 64 bits.
  static func parse(_ field: some Collection<UInt8>) -> Int64? {
    guard let first = field.first else { return nil }
    if first & 0x80 != 0 { return binary(field, first) }
    var value: Int64 = 0
    var hasDigit = false
    var hasEnded = false
    for byte in field {
      switch byte {
      case UInt8(ascii: " "), 0:
        if hasDigit || byte == 0 { hasEnded = true }
      case UInt8(ascii: "0")...UInt8(ascii: "7") where !hasEnded:
        hasDigit = true
        guard value < Int64.max >> 3 else { return nil }
        value = value << 3 | Int64(byte & 7)
      default: return nil
      }
    }
    return value
  }

  private static func binary(_ field: some Collection<UInt8>, _ first: UInt8) -> Int64? {
    let isNegative = first & 0x40 != 0
    var value: Int64 = isNegative ? -1 : 0
    for (index, byte) in field.enumerated() {
      let bits = index == 0 ? (isNegative ? byte | 0x80 : byte & 0x7f) : byte
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 256)
      // The sign's own bytes leave the value as it is.
      let (sum, overflow2) = scaled.addingReportingOverflow(Int64(bits))
      if overflow || overflow2 { return nil }
      value = index == 0 && isNegative ? Int64(Int8(bitPattern: bits)) : sum
    }
    return value
  }

  /// Decimal digits alone.
  static func decimal(_ text: some Collection<UInt8>) -> UInt64? {
    guard !text.isEmpty, text.count <= 20 else { return nil }
    var value: UInt64 = 0
    for byte in text {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
      let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, overflow2) = scaled.addingReportingOverflow(UInt64(byte & 0xf))
      if overflow || overflow2 { return nil }
      value = sum
    }
    return value
  }

  /// A pax time: decimal seconds, perhaps negative, perhaps with a fraction, of which nine digits count.
  static func time(_ text: some Collection<UInt8>) -> TarMember.Time? {
    let isNegative = text.first == UInt8(ascii: "-")
    let parts = (isNegative ? Array(text.dropFirst()) : Array(text)).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let whole = parts.first, let seconds = decimal(whole), seconds < UInt64(Int64.max)
    else { return nil }
    var nanoseconds: UInt32 = 0
    if parts.count == 2 {
      guard parts[1].allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
        return nil
      }
      var digits = parts[1].prefix(9).map { UInt32($0 & 0xf) }
      digits += Array(repeating: 0, count: 9 - digits.count)
      nanoseconds = digits.reduce(0) { $0 * 10 + $1 }
    }
    guard isNegative else {
      return TarMember.Time(seconds: Int64(seconds), nanoseconds: nanoseconds)
    }
    // Times count up from whole seconds before.
    return nanoseconds == 0
      ? TarMember.Time(seconds: -Int64(seconds), nanoseconds: 0)
      : TarMember.Time(seconds: -Int64(seconds) - 1, nanoseconds: 1_000_000_000 - nanoseconds)
  }
}
