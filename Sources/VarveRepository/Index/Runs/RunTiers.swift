/// When tables are merged: size-tiered, as in a log-structured merge tree.
///
/// A table of fewer than 2^12 rows is in tier 0, one of 2^12 · 4^(t-1) up to 2^12 · 4^t in tier *t*. Four tables
/// in one tier are merged, with all smaller ones, into a table of the next tier. So n rows lie in at
/// most 3 · (2 + log4(n / 2^12)) tables, 28 at 10^8, and usually half as many; and each row is written at most
/// once a tier: 10 times on its way to 10^8, 420 bytes. In tier 0 a merge writes at most 2^12 rows of 42 bytes
/// for every three segments.
enum RunTiers {
  static let fanIn = 4
  private static let tierZeroRows = 1 << 12
  /// Tables that one merge takes at most.
  private static let inputLimit = 1 << 12

  static func tier(ofRows rows: Int) -> Int {
    guard rows >= tierZeroRows else { return 0 }
    return 1 + (Int.bitWidth - 1 - (rows / tierZeroRows).leadingZeroBitCount) / 2
  }

  /// The tables to be merged next, by number; nil when there is nothing to do.
  ///
  /// - Parameter limit: rows that one merge may have; larger ones are put off.
  static func next(_ rowCounts: [Int], limit: Int) -> [Int]? {
    let tiers = rowCounts.map(tier)
    for tier in Set(tiers).sorted() where tiers.count(where: { $0 == tier }) >= fanIn {
      let chosen = Array(tiers.indices.filter { tiers[$0] <= tier }.prefix(inputLimit))
      return chosen.reduce(0) { $0 + rowCounts[$1] } <= limit ? chosen : nil
    }
    return nil
  }
}
