package import VarveRepository

/// Which part of the data `check --read-data-subset` reads: `2/7`, the second of seven parts; `2.5%`
/// of the bytes or `500M` of them, chosen at random.
package struct DataSubset: Sendable {
  package let readData: CheckOptions.ReadData

  package init?(_ text: String) {
    if let slash = text.firstIndex(of: "/") {
      guard let part = DataSubset.natural(text[..<slash]),
        let total = DataSubset.natural(text[text.index(after: slash)...]),
        (1...total).contains(part)
      else { return nil }
      readData = .part(part, of: total)
    } else if text.hasSuffix("%") {
      let digits = text.dropLast()
      guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2e }),
        let percent = Double(digits), percent > 0, percent <= 100
      else { return nil }
      readData = .fraction(percent / 100)
    } else if let size = ByteSize(text), size.bytes > 0 {
      readData = .bytes(size.bytes)
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
