public import VarveFormat

/// Something outside the log proves that it had a size at a time: a cosignature, or a time stamp over a checkpoint.
public struct TimeEvidence: Hashable, Sendable {
  /// The entry that brings it.
  public let entry: UInt64
  /// The size of the checkpoint.
  public let size: UInt64
  public let time: Timestamp

  public init(entry: UInt64, size: UInt64, time: Timestamp) {
    self.entry = entry
    self.size = size
    self.time = time
  }
}

/// When an entry was made, whatever it claims: after what it has seen, before what has seen it.
public struct TimeWindow: Hashable, Sendable {
  /// Clocks may be off by so many seconds.
  public static let tolerance: Int64 = 300

  public var notBefore: Timestamp?
  public var notAfter: Timestamp?

  public init(notBefore: Timestamp? = nil, notAfter: Timestamp? = nil) {
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// The moment in the window that is next to a claim; in the claim's own zone.
  public func clamp(_ claim: Timestamp) -> Timestamp {
    if let notAfter, claim > notAfter { return Self.moved(claim, to: notAfter) }
    if let notBefore, claim < notBefore { return Self.moved(claim, to: notBefore) }
    return claim
  }

  private static func moved(_ time: Timestamp, to other: Timestamp) -> Timestamp {
    Timestamp(seconds: other.seconds, nanoseconds: other.nanoseconds, offset: time.offset)
  }
}

/// The windows of all entries of a log. O(log n) for each.
package struct TimeWindows: Sendable {
  /// By entry, ascending; the newest time of all up to it.
  private var seen: [(entry: UInt64, newest: Timestamp)] = []
  /// By size, ascending; the oldest time of all from it on.
  private var stamped: [(size: UInt64, oldest: Timestamp)] = []

  package init(_ evidence: [TimeEvidence]) {
    for item in evidence.sorted(by: { $0.entry < $1.entry }) {
      seen.append((item.entry, max(item.time, seen.last?.newest ?? item.time)))
    }
    for item in evidence.sorted(by: { $0.size > $1.size }) {
      stamped.append((item.size, min(item.time, stamped.last?.oldest ?? item.time)))
    }
    stamped.reverse()
  }

  var isEmpty: Bool { seen.isEmpty }

  /// - Parameter base: the size of the log on which the entry's commit stands.
  package func window(ofEntry index: UInt64, base: UInt64) -> TimeWindow {
    // Entries below `base` were there when it was signed.
    let before = seen.partitioningIndex { $0.entry >= base }
    let after = stamped.partitioningIndex { $0.size > index }
    return TimeWindow(
      notBefore: before > 0 ? seen[before - 1].newest : nil,
      notAfter: after < stamped.count ? stamped[after].oldest : nil)
  }
}

extension Array {
  /// The first index whose element and all after it satisfy `predicate`; the array must be so parted.
  func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
