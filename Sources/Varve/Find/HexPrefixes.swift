import VarveFormat

/// Prefixes of digests as hexadecimal digits, looked up by binary search.
struct HexPrefixes {
  /// Ranges of digests, ascending and apart.
  private let ranges: [ClosedRange<Digest>]

  /// - Throws: `.usage` for what is no prefix of a digest.
  init(_ texts: [String]) throws {
    var ranges: [ClosedRange<Digest>] = []
    for text in texts {
      let digits = text.lowercased()
      let zeros = String(repeating: "0", count: max(0, 64 - digits.utf8.count))
      let efs = String(repeating: "f", count: max(0, 64 - digits.utf8.count))
      guard !digits.isEmpty, let first = Digest(hex: digits + zeros),
        let last = Digest(hex: digits + efs)
      else {
        throw VarveError(
          .usage, "\"\(text)\" is no id", hint: "give hexadecimal digits, 64 or the first of them")
      }
      ranges.append(first...last)
    }
    ranges.sort { $0.lowerBound < $1.lowerBound }
    self.ranges = ranges.reduce(into: []) { kept, range in
      // Two prefixes are apart, or one lies within the other.
      if let last = kept.last, last.upperBound >= range.upperBound { return }
      kept.append(range)
    }
  }

  func contains(_ digest: Digest) -> Bool {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < digest { low = middle + 1 } else { high = middle }
    }
    return low < ranges.count && ranges[low].contains(digest)
  }
}
