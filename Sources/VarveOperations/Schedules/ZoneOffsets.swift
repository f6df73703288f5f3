import Glibc

/// How far a zone's clocks are ahead of UTC, in seconds, at moments counted in seconds from 1970.
public struct ZoneOffsets: Sendable {
  let offset: @Sendable (Int64) -> Int64

  package init(_ offset: @escaping @Sendable (Int64) -> Int64) { self.offset = offset }

  /// This machine's zone.
  public static let local = ZoneOffsets { seconds in
    var clock = time_t(seconds)
    var fields = tm()
    guard localtime_r(&clock, &fields) != nil else { return 0 }
    return Int64(fields.tm_gmtoff)
  }

  /// No zone is further from UTC, and none changes twice within twice as long.
  private static let reach: Int64 = 26 * 3600

  /// The smaller and the larger offset in a civil day and near it.
  func bounds(aroundDay midnight: Int64) -> (low: Int64, high: Int64) {
    let before = offset(midnight - Self.reach)
    let after = offset(midnight + 86_400 + Self.reach)
    return (min(before, after), max(before, after))
  }

  /// Whether the offset is the same all through a civil day, and near it.
  func isUniform(aroundDay midnight: Int64) -> Bool {
    let (low, high) = bounds(aroundDay: midnight)
    return low == high
  }

  /// The moments at which clocks show a civil time, counted as if in UTC: one or two; for a time that is skipped the
  /// moment at which it is, which shows a later time.
  func moments(showing civil: Int64) -> [Int64] {
    var (low, high) = (civil - Self.reach, civil + Self.reach)
    let before = offset(low)
    let after = offset(high)
    guard before != after else { return [civil - before] }
    let candidates = [civil - before, civil - after].filter { $0 + offset($0) == civil }
    if !candidates.isEmpty { return candidates.sorted() }
    while high - low > 1 {
      let middle = low + (high - low) / 2
      if offset(middle) == before { low = middle } else { high = middle }
    }
    return [high]
  }
}
