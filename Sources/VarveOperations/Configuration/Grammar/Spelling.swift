/// Which known word somebody may have meant.
enum Spelling {
  /// The nearest of `words` by Damerau and Levenshtein; nil when none is near.
  static func nearest(to word: String, in words: [String]) -> String? {
    let word = Array(word.lowercased().prefix(64).utf8)
    let ranked = words.map { (distance(word, Array($0.utf8)), $0) }.min { $0.0 < $1.0 }
    guard let (distance, best) = ranked, distance <= max(1, word.count / 3) else { return nil }
    return best
  }

  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var before: [Int] = []
    var row = Array(0...b.count)
    for (i, letter) in a.enumerated() {
      var next = [i + 1]
      for (j, other) in b.enumerated() {
        var cost = min(next[j], row[j + 1]) + 1
        cost = min(cost, row[j] + (letter == other ? 0 : 1))
        if i > 0, j > 0, letter == b[j - 1], a[i - 1] == other {
          cost = min(cost, before[j - 1] + 1)
        }
        next.append(cost)
      }
      before = row
      row = next
    }
    return row[b.count]
  }
}
