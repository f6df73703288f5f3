// When something was made that a log has.
//
// A record's time is whatever its author claims, an entry's that of its author's clock; either may be ahead. So it was made
// not after
//
//     its claim, its entry's time, and now;
//     where both of the first are ahead of now, by more than the tolerance of time windows (VarveProof/Time): the next
//     entry whose time is not. Without one nothing is known, and it counts as now.
//
// The newest of several is the one with the latest time. One that is ahead is newer than what the log has before it, and
// than nothing that it has behind it: its time says nothing, but its place does.

public import VarveFormat
import VarveProof
public import VarveRepository

/// The times of a log's entries, as their authors' clocks had them.
public struct EntryTimes: Sendable, Equatable {
  public struct Entry: Sendable, Equatable {
    public let index: UInt64
    public let time: Timestamp

    public init(_ index: UInt64, _ time: Timestamp) {
      self.index = index
      self.time = time
    }
  }

  /// Ascending.
  fileprivate let entries: [Entry]

  public init(_ entries: [Entry] = []) { self.entries = entries.sorted { $0.index < $1.index } }

  /// Of the first that is known.
  var first: Timestamp? { entries.first?.time }

  /// Of snapshots, checks, receipts and attestations: 24 bytes each.
  public init(_ state: LogState) {
    self.init(
      state.snapshotsInOrder.map { Entry($0.entry, $0.time) }
        + state.checks.map { Entry($0.entry, $0.time) }
        + state.receipts.map { Entry($0.entry, $0.time) }
        + state.attestations.map { Entry($0.entry, $0.time) })
  }
}

/// Something that a log has, with its time.
struct Dated<Item> {
  let item: Item
  /// What it says itself.
  let claimed: Timestamp
  /// The latest that it can be; nil when nothing shows it.
  let time: Timestamp?

  /// The latest that it can be.
  func time(at now: Timestamp) -> Timestamp { time ?? now }

  /// Whether its claim cannot be right, even with the tolerance.
  var isAhead: Bool { time.map { TimeWindow(notAfter: $0).isAfter(claimed) } ?? true }

  /// Whether its clock was so far ahead that nobody can say if it is older than `limit` seconds.
  func isUndated(beyond limit: Int64, at now: Timestamp) -> Bool {
    time == nil && claimed.seconds - now.seconds > limit
  }
}

/// What follows from the times of entries at a moment.
struct TimeBounds: Sendable {
  private let entries: [EntryTimes.Entry]
  /// At each place the time of the first entry from there on that is not ahead.
  private let following: [Timestamp?]
  private let now: TimeWindow

  /// - Complexity: O(entries).
  init(_ times: EntryTimes, now: Timestamp) {
    entries = times.entries
    self.now = TimeWindow(notAfter: now)
    var following: [Timestamp?] = []
    following.reserveCapacity(entries.count)
    for entry in entries.reversed() {
      following.append(
        self.now.isAfter(entry.time) ? following.last ?? nil : self.now.clamped(entry.time))
    }
    self.following = following.reversed()
  }

  /// The latest that something can be which an entry claims; nil when nothing shows it.
  func latest(_ claimed: Timestamp, ofEntry entry: UInt64) -> Timestamp? {
    let stated = stated(claimed, ofEntry: entry)
    guard now.isAfter(stated) else { return now.clamped(stated) }
    let place = place(of: entry)
    return place < following.count ? following[place] : nil
  }

  /// The claim, or its entry's time where that is earlier.
  private func stated(_ claimed: Timestamp, ofEntry entry: UInt64) -> Timestamp {
    let place = place(of: entry)
    guard place < entries.count, entries[place].index == entry,
      entries[place].time.seconds < claimed.seconds
    else { return claimed }
    return entries[place].time
  }

  /// The place of the first that is not before `entry`.
  private func place(of entry: UInt64) -> Int {
    var low = 0
    var high = entries.count
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].index < entry { low = middle + 1 } else { high = middle }
    }
    return low
  }

  /// The same things with their times, the oldest first.
  ///
  /// - Complexity: O(n log n).
  func dated<Item>(
    _ items: [Item], _ place: (Item) -> (entry: UInt64, claimed: Timestamp)
  ) -> [Dated<Item>] {
    var newest = Timestamp(seconds: .min)
    var ranked: [(rank: Timestamp, entry: UInt64, dated: Dated<Item>)] = []
    ranked.reserveCapacity(items.count)
    for (item, (entry, claimed)) in items.map({ ($0, place($0)) })
      .sorted(by: { $0.1.entry < $1.1.entry })
    {
      let time = latest(claimed, ofEntry: entry)
      if let time, !now.isAfter(stated(claimed, ofEntry: entry)) {
        newest = max(newest, time)
        ranked.append((time, entry, Dated(item: item, claimed: claimed, time: time)))
      } else {
        ranked.append((newest, entry, Dated(item: item, claimed: claimed, time: time)))
      }
    }
    return ranked.sorted { ($0.rank, $0.entry) < ($1.rank, $1.entry) }.map(\.dated)
  }
}
