import ArgumentParser

/// Which part of the data `check --read-data-subset` reads.
package enum DataSubset: ExpressibleByArgument, Hashable, Sendable {
  /// Part `part` of `total` equal parts, counted from 1: `2/7`.
  case part(Int, of: Int)
  /// A fraction of the packs, above 0 and at most 1, chosen at random: `2.5%`.
  case fraction(Double)
  /// Packs chosen at random that add up to about so many bytes: `500M`.
  case bytes(UInt64)

  package init?(argument: String) {
    if let slash = argument.firstIndex(of: "/") {
      guard let part = DataSubset.natural(argument[..<slash]),
        let total = DataSubset.natural(argument[argument.index(after: slash)...]),
        (1...total).contains(part)
      else { return nil }
      self = .part(part, of: total)
    } else if argument.hasSuffix("%") {
      let digits = argument.dropLast()
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }),
        let percent = Double(digits), percent > 0, percent <= 100
      else { return nil }
      self = .fraction(percent / 100)
    } else if let size = ByteSize(argument: argument), size.bytes > 0 {
      self = .bytes(size.bytes)
    } else {
      return nil
    }
  }

  /// A decimal number from 1 to 1,000,000.
  private static func natural(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text),
      (1...1_000_000).contains(value)
    else { return nil }
    return value
  }
}
