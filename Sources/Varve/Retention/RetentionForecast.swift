public import VarveFormat

/// Which snapshots of one source or group exist in the months to come, if backups go on at a steady pace and
/// snapshots are forgotten by the same rules. How often they are does not matter: of each period a rule keeps the
/// newest, whether those before it have been forgotten or not.
///
/// Memory: some 60 bytes for each snapshot of a month and each that is kept, and 24 for each that is
/// reported. Time: O(months × snapshots × rules).
public struct RetentionForecast: Sendable {
  /// A snapshot of now.
  public struct Present: Sendable {
    public let item: RetentionItem
    /// Until when it is held; `.permanent` and `.released` for ever.
    public let hold: LogStatement.Hold.Term?

    public init(item: RetentionItem, hold: LogStatement.Hold.Term? = nil) {
      self.item = item
      self.hold = hold
    }
  }

  public struct Month: Sendable {
    public let end: Timestamp
    /// Times of the snapshots that exist then, newest first.
    public let snapshots: [Timestamp]
    /// How many of them each rule keeps, in the order of `RetentionRules.rules`.
    public let counts: [Int]
    /// How many are held.
    public let held: Int
  }

  /// The shortest pace that is computed with.
  public static let shortestInterval: Int64 = 60

  public let months: [Month]

  /// - Parameters:
  ///   - present: newest first.
  ///   - rules: nil where everything is kept.
  ///   - interval: seconds between backups, 60 at least.
  ///   - count: how many months.
  public init(
    _ present: [Present], rules: RetentionRules?, interval: Int64, from now: Timestamp,
    months count: Int = 12
  ) {
    let interval = max(interval, Self.shortestInterval)
    // What they all have had lately the next ones will have, too.
    let recent = present.prefix(8)
    let futureTags = (recent.first?.item.tags ?? []).filter { tag in
      recent.allSatisfy { $0.item.tags.hasSpelling(tag) }
    }
    let last = present.first { $0.item.time <= now }?.item.time ?? now
    var next = last.adding(interval)
    if next < now { next = now }
    var existing = present
    var months: [Month] = []
    for number in 1...max(1, count) {
      let end = now.going(forwardMonths: Int64(number))
      var new: [Present] = []
      while next <= end {
        new.append(Present(item: RetentionItem(time: next, tags: futureTags)))
        next = next.adding(interval)
      }
      existing = Self.merge(new.reversed(), existing)
      let reasons = rules?.reasons(for: existing.map(\.item), now: end.adding(1))
      let listed = rules?.rules ?? []
      let counts = listed.map { rule in
        (reasons ?? []).count { $0.contains { $0.isOf(rule) } }
      }
      if let reasons {
        existing = zip(existing, reasons).compactMap {
          $1.isEmpty && !$0.isHeld(at: end) ? nil : $0
        }
      }
      months.append(
        Month(
          end: end, snapshots: existing.map(\.item.time), counts: counts,
          held: existing.count { $0.isHeld(at: end) }))
    }
    self.months = months
  }

  /// Snapshots dated later than `now` stay before those to come.
  private static func merge(_ new: [Present], _ old: [Present]) -> [Present] {
    guard let newest = old.first, let oldest = new.last, newest.item.time > oldest.item.time else {
      return new + old
    }
    return (new + old).sorted { $0.item.time > $1.item.time }
  }

  /// The usual time between backups, in seconds: the median of the newest 30 intervals; nil with fewer
  /// than two snapshots.
  ///
  /// - Parameter times: newest first.
  public static func interval(of times: [Timestamp]) -> Int64? {
    let recent = times.prefix(31)
    let steps = zip(recent, recent.dropFirst()).map { $0.seconds - $1.seconds }.sorted()
    guard !steps.isEmpty else { return nil }
    return max(steps[steps.count / 2], shortestInterval)
  }
}

extension RetentionForecast.Present {
  fileprivate func isHeld(at time: Timestamp) -> Bool {
    switch hold {
    case nil: false
    case .until(let end): end > time
    case .released, .permanent: true
    }
  }
}

extension RetentionReason {
  fileprivate func isOf(_ rule: RetentionRule) -> Bool {
    if case .rule(rule, _) = self { true } else { false }
  }
}

extension Timestamp {
  fileprivate func adding(_ seconds: Int64) -> Timestamp {
    Timestamp(seconds: self.seconds + seconds, nanoseconds: nanoseconds, offset: offset)
  }
}
