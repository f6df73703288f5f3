public import VarveFormat

/// Between which moments an entry was appended, as far as others than its author say.
public struct TimeWindow: Hashable, Sendable {
  /// Seconds by which a claimed time may lie outside: clocks are never quite right.
  public static let tolerance: Int64 = 300

  /// It was appended later than this; nil when nothing shows it.
  public let notBefore: Timestamp?
  /// It was there at this moment; nil when nothing shows it.
  public let notAfter: Timestamp?

  public init(notBefore: Timestamp? = nil, notAfter: Timestamp? = nil) {
    self.notBefore = notBefore
    self.notAfter = notAfter
  }

  /// Whether no moment can be in it, even with the tolerance: those who state the times contradict each other.
  public var isContradictory: Bool {
    guard let notBefore, let notAfter else { return false }
    return notBefore.seconds - Self.tolerance > notAfter.seconds
  }

  /// Whether a claimed time can be right.
  public func admits(_ claimed: Timestamp) -> Bool {
    !isBefore(claimed) && !isAfter(claimed)
  }

  /// Whether a claimed time is too early, as in a back-dated entry.
  public func isBefore(_ claimed: Timestamp) -> Bool {
    notBefore.map { claimed.seconds < $0.seconds - Self.tolerance } ?? false
  }

  /// Whether a claimed time is too late.
  public func isAfter(_ claimed: Timestamp) -> Bool {
    notAfter.map { claimed.seconds > $0.seconds + Self.tolerance } ?? false
  }

  /// The moment of the window that is nearest to a claimed time; keeps its offset from UTC.
  public func clamped(_ claimed: Timestamp) -> Timestamp {
    var time = claimed
    if let notAfter, time > notAfter {
      time = Timestamp(
        seconds: notAfter.seconds, nanoseconds: notAfter.nanoseconds, offset: claimed.offset)
    }
    if let notBefore, time < notBefore {
      time = Timestamp(
        seconds: notBefore.seconds, nanoseconds: notBefore.nanoseconds, offset: claimed.offset)
    }
    return time
  }
}

/// The time windows of a log's entries, out of the entries that prove a time.
///
/// An entry *e* that has cosignatures or a token over the tree of `size` leaves says: whatever stands on a tree that
/// has *e* was appended after they were made (`after`), and whatever is among those leaves was there when they
/// were made (`by`). So the window of the entry *i*, whose commit stands on *b* entries, begins with the latest `after`
/// of the proofs below *b* and ends with the earliest `by` of those whose size is above *i*.
///
/// 32 bytes a proof; building sorts them, a window is two binary searches.
public struct TimeWindows: Sendable {
  /// One entry that proves a time.
  public struct Proof: Hashable, Sendable {
    /// The index of the entry that proves it.
    public let entry: UInt64
    /// How many entries the tree had of which the time is known.
    public let size: UInt64
    /// The entry itself was appended after this moment.
    public let after: Timestamp
    /// The tree was there at this moment.
    public let by: Timestamp

    public init(entry: UInt64, size: UInt64, after: Timestamp, by: Timestamp) {
      self.entry = entry
      self.size = size
      self.after = after
      self.by = by
    }
  }

  // Ascending by entry, each with the latest `after` so far.
  private var beginnings: [(entry: UInt64, time: Timestamp)] = []
  // Ascending by size, each with the earliest `by` of it and all larger ones.
  private var ends: [(size: UInt64, time: Timestamp)] = []

  public init(_ proofs: some Sequence<Proof>) {
    let proofs = Array(proofs)
    for proof in proofs.sorted(by: { $0.entry < $1.entry }) {
      let time = beginnings.last.map { max($0.time, proof.after) } ?? proof.after
      beginnings.append((proof.entry, time))
    }
    for proof in proofs.sorted(by: { $0.size > $1.size }) {
      let time = ends.last.map { min($0.time, proof.by) } ?? proof.by
      ends.append((proof.size, time))
    }
    ends.reverse()
  }

  /// Whether nothing proves a time.
  public var isEmpty: Bool { beginnings.isEmpty }

  /// The window of entry `index`, whose commit stands on a log of `base` entries. O(log proofs).
  public func window(ofEntry index: UInt64, base: UInt64) -> TimeWindow {
    let below = Self.partition(beginnings.count) { beginnings[$0].entry < base }
    let above = Self.partition(ends.count) { ends[$0].size <= index }
    return TimeWindow(
      notBefore: below > 0 ? beginnings[below - 1].time : nil,
      notAfter: above < ends.count ? ends[above].time : nil)
  }

  /// How many of the first places of `count` have what `isFirst` says, which those behind them have not.
  private static func partition(_ count: Int, _ isFirst: (Int) -> Bool) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if isFirst(middle) { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
