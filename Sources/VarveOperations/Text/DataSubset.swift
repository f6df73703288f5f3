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

  /// What is read where others have been read before: of one of `n` parts the one after that which was read last, round and
  /// round, so that `n` checks read all; the part that is written is the first of them.
  ///
  /// - Parameter scopes: of the checks so far, in the order of the log (docs/format.md): `read-data 2/7` of a part.
  package func next(after scopes: [String]) -> CheckOptions.ReadData {
    guard case .part(_, let total) = readData else { return readData }
    let prefix = "read-data "
    for scope in scopes.reversed() where scope.hasPrefix(prefix) {
      if case .part(let last, total)? = DataSubset(String(scope.dropFirst(prefix.count)))?.readData
      {
        return .part(last % total + 1, of: total)
      }
    }
    return readData
  }

  /// A decimal number from 1 to 1,000,000.
  private static func natural(_ text: Substring) -> Int? {
    guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text),
      (1...1_000_000).contains(value)
    else { return nil }
    return value
  }
}
