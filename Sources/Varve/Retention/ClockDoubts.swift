// What rules keep where clocks contradict each other.
//
// The log's order is proved, times are claims. Of two entries of which the first claims to be later than the second, by more
// than the tolerance of time windows, one has a clock that is wrong, and nothing says which. What is later than now is as
// doubtful. So each snapshot is asked about as if its own clock were right:
//
//     what contradicts it is left out, and so is each two of the rest that contradict one another
//     if it is not of the future itself, what is of the future is left out, too
//
// Of a list from which some are taken away rules keep at least what they kept of the rest: each count lasts longer, no period has
// more snapshots, and the newest, from which durations count, is none later. So what would be kept if all clocks
// were right is kept by a snapshot whose own clock was, however many others were wrong, ahead or behind, before it in the log or
// behind it, unless what they claim contradicts nothing. What stays besides is as much as the rules keep, for each clock that
// was wrong, and no longer than its snapshots stay.
//
// A clock that was behind has its own snapshots look old. For them the rules are asked once more, with each that claims
// to be older than the log shows as old as the latest entry before it.

import VarveFormat
import VarveProof

struct ClockDoubts {
  /// Snapshots of one list of the rules', in the order of the log.
  private let snapshots: [DatedSnapshot]
  /// Where each of them is in the list that was given.
  private let places: [Int]
  private let logged: [Int64]
  private let now: Timestamp
  /// What is later is of the future.
  private let end: Int64

  /// - Returns: nil where no time contradicts another one, or now.
  init?(_ given: [DatedSnapshot], now: Timestamp) {
    let places = given.indices.sorted { given[$0].entry < given[$1].entry }
    self.places = places
    snapshots = places.map { given[$0] }
    logged = snapshots.map(\.logged.seconds)
    self.now = now
    end = now.seconds + TimeWindow.tolerance
    let isFuture = logged.contains { [end] in $0 > end }
    let all = [Bool](repeating: true, count: logged.count)
    guard isFuture || withoutContradictions(all) != all else { return nil }
  }

  /// Why rules keep some of the snapshots, by their places in the list that was given; nothing is said of the others.
  ///
  /// O(snapshots) for each that is asked about, and O(snapshots × rules) for each different list: one for each clock that was
  /// wrong.
  func reasons(_ rules: RetentionRules, of asked: [Int]) -> [[RetentionReason]] {
    var reasons = [[RetentionReason]](repeating: [], count: snapshots.count)
    guard !asked.isEmpty else { return reasons }
    let isAsked = Set(asked)
    let raised = reasonsOfRaised(rules)
    var known = Answers()
    for (place, index) in places.enumerated() where isAsked.contains(index) {
      reasons[index] = alone(place, rules, &known)
      for reason in raised?[place] ?? [] where !reasons[index].contains(reason) {
        reasons[index].append(reason)
      }
    }
    return reasons
  }

  /// Why rules keep a snapshot if its own clock was right.
  private func alone(
    _ place: Int, _ rules: RetentionRules, _ known: inout Answers
  ) -> [RetentionReason] {
    let agreeing = agreeing(with: place)
    let list = withoutContradictions(agreeing)
    let reasons = known.answer(list) {
      let left = snapshots.indices.filter { list[$0] }
      var answer = [[RetentionReason]](repeating: [], count: snapshots.count)
      let decided = left.map { snapshots[$0] }.reasons(rules, by: \.taken, now: now)
      for (place, reasons) in zip(left, decided) { answer[place] = reasons }
      return answer
    }[place]
    // It is the oldest only if nothing that agrees with it is older.
    let own = (snapshots[place].taken, snapshots[place].entry)
    let isOldest = !snapshots.indices.contains {
      agreeing[$0] && (snapshots[$0].taken, snapshots[$0].entry) < own
    }
    return isOldest ? reasons : reasons.filter { !$0.isForTheOldest }
  }

  /// Which may be of the times that they claim, if one is.
  private func agreeing(with place: Int) -> [Bool] {
    let own = logged[place]
    return logged.indices.map { other in
      let agrees =
        other < place
        ? logged[other] <= own + TimeWindow.tolerance
        : logged[other] >= own - TimeWindow.tolerance
      return agrees && (logged[other] <= end || own > end)
    }
  }

  /// Of those in a list, those that contradict no other one of it.
  private func withoutContradictions(_ list: [Bool]) -> [Bool] {
    var result = list
    var latest = Int64.min
    for place in logged.indices where list[place] {
      if latest > logged[place] + TimeWindow.tolerance { result[place] = false }
      latest = max(latest, logged[place])
    }
    var earliest = Int64.max
    for place in logged.indices.reversed() where list[place] {
      if earliest < logged[place] - TimeWindow.tolerance { result[place] = false }
      earliest = min(earliest, logged[place])
    }
    return result
  }

  // MARK: Clocks that were behind

  /// What rules say where nothing is older than the log shows; nil where nothing claims to be.
  private func reasonsOfRaised(_ rules: RetentionRules) -> [[RetentionReason]]? {
    var latest: Timestamp?
    var isRaised = false
    let raised = snapshots.map { snapshot in
      var taken = TimeWindow(notAfter: now).clamped(snapshot.taken)
      if let latest, TimeWindow(notBefore: latest).isBefore(snapshot.logged), taken < latest {
        taken = TimeWindow(notBefore: latest).clamped(taken)
        isRaised = true
      }
      if snapshot.logged.seconds <= end {
        latest = latest.map { max($0, snapshot.logged) } ?? snapshot.logged
      }
      return snapshot.dated(taken)
    }
    return isRaised ? raised.reasons(rules, by: \.taken, now: now) : nil
  }
}

/// Answers of the rules by the lists that they were asked about. Snapshots that stand beside each other in the log have the
/// same one: a few are enough.
private struct Answers {
  private static let limit = 16

  private var known: [(list: [Bool], reasons: [[RetentionReason]])] = []

  mutating func answer(
    _ list: [Bool], _ make: () -> [[RetentionReason]]
  ) -> [[RetentionReason]] {
    if let found = known.last(where: { $0.list == list }) { return found.reasons }
    let reasons = make()
    if known.count == Self.limit { known.removeFirst() }
    known.append((list, reasons))
    return reasons
  }
}

extension DatedSnapshot {
  /// The same, taken at another time.
  fileprivate func dated(_ time: Timestamp) -> Self {
    DatedSnapshot(
      entry: entry, tags: tags, claimed: claimed, taken: time, believed: believed, logged: logged)
  }
}

extension RetentionReason {
  fileprivate var isForTheOldest: Bool {
    switch self {
    case .rule(_, let isOldest), .believedRule(_, let isOldest): isOldest
    default: false
    }
  }
}
