// Judges what was done, in the order of the log:
//
//     for each commit
//       what it forgets    complete snapshots that no rule of the policy keeps that was in force when the commit was
//                          made, each rule applied to all complete snapshots of the source that were live then
//                          (Retention/RetentionDecision.swift; times as TimeAudit believes them); partial ones go freely
//       what it replaces   a record of the same tree, source and time in the same commit: nothing is gone
//       what is held       nothing that a hold protected at the moment when the commit was made
//       what it sweeps     not sooner after the condemn entry than the auditor's policy says
//
// Then the distances: between complete snapshots of each source, checks without damage, and receipts.

internal import VarveFormat
internal import VarveProof
internal import VarveRepository

struct HistoryAudit {
  /// What happened to a source.
  struct SourceRecord {
    /// Places of live complete snapshots, by time and then entry, ascending.
    var live: [Int32] = []
    var added: UInt64 = 0
    /// When complete snapshots were logged, ascending; those of the period, and the last one before it.
    var logged: [(time: Timestamp, entry: UInt64)] = []
    var longestGap: Int64 = 0
    var gapEnd: Timestamp?
  }

  private(set) var findings: [AuditFinding] = []
  private(set) var counts = AuditReport.Snapshots()
  private(set) var sources: [SourceRecord]
  private(set) var checks: (all: UInt64, damaged: UInt64) = (0, 0)
  /// Receipts of the period.
  private(set) var receipts: UInt64 = 0
  /// Live snapshots of any kind at the end of the period.
  private(set) var liveCount = 0

  private let history: AuditHistory
  private let times: TimeAudit
  private let attested: [AttestedEntry]
  private let demands: AuditPolicy
  private let period: Range<UInt64>
  private let end: Timestamp
  private var policies = PoliciesInForce()
  private var isLive: [Bool]
  private var holds: [Int32: (entry: UInt64, term: LogStatement.Hold.Term)] = [:]
  private var condemnedAt: [UInt64: Timestamp] = [:]
  private var successfulChecks: [String: [(time: Timestamp, entry: UInt64)]] = [:]
  private var receiptsDone: [String: [(time: Timestamp, entry: UInt64)]] = [:]
  /// Drills that were begun and have no end, by the entries of their starts.
  private var openDrills: [UInt64: Timestamp] = [:]
  private var tagNames: [[String]] = []
  private var isWithoutTime = 0

  init(
    _ history: AuditHistory, _ times: TimeAudit, _ attested: [AttestedEntry],
    _ demands: AuditPolicy, period: Range<UInt64>, to end: Timestamp
  ) {
    self.history = history
    self.times = times
    self.attested = attested
    self.demands = demands
    self.period = period
    self.end = end
    sources = Array(repeating: SourceRecord(), count: history.sources.count)
    isLive = Array(repeating: false, count: history.snapshots.count)
    for list in history.tagLists { tagNames.append(list.map { policies.name(ofTag: $0) }) }
  }

  mutating func run() {
    var start = 0
    let acts = history.acts
    while start < acts.count, acts[start].entry < period.upperBound {
      let base = history.entries[Int(acts[start].entry)].base
      var next = start + 1
      while next < acts.count, history.entries[Int(acts[next].entry)].base == base { next += 1 }
      judgeForgotten(acts[start..<next])
      for (entry, act) in acts[start..<next] where entry < period.upperBound { take(act, entry) }
      start = next
    }
    judgeDistances()
    judgeDrills()
    if isWithoutTime > 0 {
      findings.append(
        AuditFinding(
          .notice, .retention,
          "\(isWithoutTime) forgotten snapshots are from before the log said when they were taken, and of which source: whether a policy kept them cannot be known"
        ))
    }
  }

  // MARK: What a commit forgets

  private mutating func judgeForgotten(_ commit: ArraySlice<(entry: UInt64, act: AuditHistory.Act)>)
  {
    var forgotten: [(place: Int32, entry: UInt64)] = []
    var added: [Int32] = []
    for (entry, act) in commit {
      switch act {
      case .forget(let places): forgotten += places.map { ($0, entry) }
      case .add(let place): added.append(place)
      default: break
      }
    }
    guard !forgotten.isEmpty else { return }
    var decided: [Int32: [Int32: [RetentionReason]]] = [:]
    for (place, entry) in forgotten {
      let snapshot = history.snapshots[Int(place)]
      let isCounted = period.contains(entry)
      judgeHold(place, entry)
      guard !snapshot.isPartial else { continue }
      let replacement = added.first { isSame(history.snapshots[Int($0)], as: snapshot) }
      if replacement != nil {
        if isCounted { counts.replaced += 1 }
        continue
      }
      guard let source = snapshot.source,
        let policy = policies.inForce(for: history.sources[Int(source)])
      else {
        if isCounted { counts.forgotten += 1 }
        if snapshot.source == nil, policies.hasAny { isWithoutTime += 1 }
        continue
      }
      if decided[source] == nil { decided[source] = decide(source, policy, at: entry) }
      let reasons = decided[source]?[place] ?? []
      guard !reasons.isEmpty else {
        if isCounted { counts.forgotten += 1 }
        continue
      }
      guard isCounted else { continue }
      guard sources[Int(source)].live.allSatisfy({ history.snapshots[Int($0)].taken != nil }) else {
        isWithoutTime += 1
        continue
      }
      counts.overridden += 1
      report(snapshot, entry, policy, reasons, added)
    }
  }

  /// What the policy says of all complete snapshots of a source that are live.
  private func decide(
    _ source: Int32, _ policy: PoliciesInForce.Policy, at entry: UInt64
  ) -> [Int32: [RetentionReason]] {
    let newestFirst = Array(sources[Int(source)].live.reversed())
    let items = newestFirst.map { place in
      RetentionItem(
        time: times.taken[Int(place)], tags: tagNames[Int(history.snapshots[Int(place)].tags)])
    }
    // Whole seconds: what was taken in the very second of the entry is not in its future.
    let now = Timestamp(seconds: times.moment(of: entry).seconds + 1)
    let reasons = policy.rules.reasons(for: items, now: now)
    return Dictionary(uniqueKeysWithValues: zip(newestFirst, reasons))
  }

  private mutating func report(
    _ snapshot: AuditHistory.Snapshot, _ entry: UInt64, _ policy: PoliciesInForce.Policy,
    _ reasons: [RetentionReason], _ added: [Int32]
  ) {
    let words = reasons.map { policies.text($0) }.joined(separator: ", ")
    var message =
      "entry \(entry) forgets the snapshot \(snapshot.id.hex.prefix(8)), which the policy of entry \(policy.entry) keeps (\(words))"
    let other = added.first { place in
      let new = history.snapshots[Int(place)]
      return new.source == snapshot.source && new.taken == snapshot.taken && !new.isPartial
    }
    if let other {
      message +=
        "; \(history.snapshots[Int(other)].id.hex.prefix(8)) takes its place with another tree"
    }
    findings.append(AuditFinding(.broken, .retention, entry: entry, message))
  }

  /// Whether a record says the same of the same tree. Old entries do not name their trees: of them the log's word
  /// counts, that the one has the tree of the other.
  private func isSame(_ new: AuditHistory.Snapshot, as old: AuditHistory.Snapshot) -> Bool {
    guard new.source == old.source, new.taken == old.taken, !new.isPartial else { return false }
    if let tree = old.tree { return new.tree == tree }
    return new.original == old.id || (new.original != nil && new.original == old.original)
  }

  private mutating func judgeHold(_ place: Int32, _ entry: UInt64) {
    guard period.contains(entry), let hold = holds[place] else { return }
    let moment = times.moment(of: entry)
    if case .until(let end) = hold.term, end <= moment { return }
    let snapshot = history.snapshots[Int(place)]
    findings.append(
      AuditFinding(
        .broken, .hold, entry: entry,
        "entry \(entry) forgets the snapshot \(snapshot.id.hex.prefix(8)), which entry \(hold.entry) holds"
      ))
  }

  // MARK: The state

  private mutating func take(_ act: AuditHistory.Act, _ entry: UInt64) {
    let isCounted = period.contains(entry)
    switch act {
    case .add(let place):
      setLive(place)
      let snapshot = history.snapshots[Int(place)]
      if isCounted {
        if snapshot.isPartial { counts.partial += 1 } else { counts.added += 1 }
      }
      guard !snapshot.isPartial, let source = snapshot.source else { return }
      if isCounted { sources[Int(source)].added += 1 }
      // A record that takes another's place is no new backup.
      if !times.restates[Int(place)] { log(source, entry, isCounted) }
    case .forget(let places): for place in places { setForgotten(place) }
    case .restore(let places):
      for place in places { setLive(place) }
      if isCounted { counts.restored += UInt64(places.count) }
    case .policy(let change): policies.take(change, entry)
    case .hold(let places, let term):
      for place in places where holds[place].map({ $0.term < term }) ?? true {
        holds[place] = (entry, term)
      }
    case .release(let places): for place in places { holds[place] = nil }
    case .check(let scope, let isDamaged):
      if isCounted {
        checks.all += 1
        if isDamaged { checks.damaged += 1 }
      }
      if !isDamaged { note(scope, entry) }
    case .drillStart:
      if isCounted { receipts += 1 }
      openDrills[entry] = times.moment(of: entry)
    case .drill(let start, let isDone):
      // Somebody else's word is no end of it.
      if let start, start < entry, history.author(of: start) == history.author(of: entry) {
        openDrills[start] = nil
      }
      take(.receipt(activity: LogStatement.Receipt.Activity.drill.rawValue, isDone: isDone), entry)
    case .receipt(let activity, let isDone):
      if isCounted { receipts += 1 }
      guard isDone, demands.receipts[activity] != nil else { return }
      if !isCounted { receiptsDone[activity]?.removeAll() }
      receiptsDone[activity, default: []].append((times.moment(of: entry), entry))
    case .condemn: condemnedAt[entry] = times.moment(of: entry)
    case .sweep(let entries): judgeSweep(entries, entry)
    }
  }

  private mutating func setLive(_ place: Int32) {
    guard !isLive[Int(place)] else { return }
    isLive[Int(place)] = true
    liveCount += 1
    let snapshot = history.snapshots[Int(place)]
    guard !snapshot.isPartial, let source = snapshot.source else { return }
    let index = sources[Int(source)].live.partitioningIndex { !isBefore($0, place) }
    sources[Int(source)].live.insert(place, at: index)
  }

  private mutating func setForgotten(_ place: Int32) {
    guard isLive[Int(place)] else { return }
    isLive[Int(place)] = false
    liveCount -= 1
    guard let source = history.snapshots[Int(place)].source else { return }
    let index = sources[Int(source)].live.partitioningIndex { !isBefore($0, place) }
    if index < sources[Int(source)].live.count, sources[Int(source)].live[index] == place {
      sources[Int(source)].live.remove(at: index)
    }
  }

  private func isBefore(_ a: Int32, _ b: Int32) -> Bool {
    let (first, second) = (times.taken[Int(a)], times.taken[Int(b)])
    return first == second ? a < b : first < second
  }

  private mutating func log(_ source: Int32, _ entry: UInt64, _ isCounted: Bool) {
    if !isCounted { sources[Int(source)].logged.removeAll() }
    sources[Int(source)].logged.append((times.moment(of: entry), entry))
  }

  private mutating func note(_ scope: String, _ entry: UInt64) {
    for demanded in demands.checks.keys
    where demanded.isEmpty || scope == demanded || scope.hasPrefix(demanded + " ") {
      if !period.contains(entry) { successfulChecks[demanded]?.removeAll() }
      successfulChecks[demanded, default: []].append((times.moment(of: entry), entry))
    }
  }

  private mutating func judgeSweep(_ condemned: [UInt64], _ entry: UInt64) {
    guard period.contains(entry), let grace = demands.grace else { return }
    for index in condemned {
      guard let start = condemnedAt[index], times.moment(of: entry).going(back: grace) < start
      else { continue }
      findings.append(
        AuditFinding(
          .broken, .deletion, entry: entry,
          "entry \(entry) sweeps what entry \(index) condemned at \(start.utcSeconds), sooner than \(grace) later"
        ))
    }
  }

  // MARK: Distances

  private mutating func judgeDistances() {
    for index in sources.indices {
      let limit = demands.gap(ofSource: history.sources[index])
      let logged = sources[index].logged
      guard let first = logged.first else { continue }
      let what = "the source \(history.sources[index].hex.prefix(8)) has no complete snapshot"
      var start = first
      for point in logged.dropFirst() + [(end, period.upperBound)] {
        let isEnd = point.entry == period.upperBound
        let gap = point.time.seconds - start.time.seconds
        if gap > sources[index].longestGap {
          sources[index].longestGap = gap
          sources[index].gapEnd = point.time
        }
        if let limit, point.time.going(back: limit) > start.time {
          report(.gap, what, start, point, isEnd: isEnd, limit)
        }
        start = point
      }
    }
    for (scope, limit) in demands.checks.sorted(by: { $0.key < $1.key }) {
      let what =
        scope.isEmpty
        ? "no check without damage is recorded" : "no check \"\(scope)\" without damage is recorded"
      judge(successfulChecks[scope] ?? [], .check, what, limit)
    }
    for (activity, limit) in demands.receipts.sorted(by: { $0.key < $1.key }) {
      judge(
        receiptsDone[activity] ?? [], .receipt,
        "no receipt of \"\(activity)\" that went well is there", limit)
    }
    if let limit = demands.cosigned {
      judge(
        attestations(isCosignature: true), .witness, "the log has no cosignatures of a quorum",
        limit)
    }
    if let limit = demands.anchored {
      judge(
        attestations(isCosignature: false), .witness, "the log has no trusted time stamp", limit)
    }
  }

  /// A drill that fails says so; one that says nothing was killed, or its end was not to be seen.
  private mutating func judgeDrills() {
    let limit = demands.drill ?? AuditPolicy.usualDrill
    for (entry, started) in openDrills.sorted(by: { $0.key < $1.key }) {
      guard period.contains(entry), end.going(back: limit) > started else { continue }
      findings.append(
        AuditFinding(
          demands.drill == nil ? .notice : .broken, .drill, entry: entry,
          "entry \(entry) says that a drill was begun at \(started.utcSeconds), and nothing says what came of it"
        ))
    }
  }

  /// Of the period, and the last one before it; by the time that they prove.
  private func attestations(isCosignature: Bool) -> [(time: Timestamp, entry: UInt64)] {
    let all = attested.filter {
      $0.isCosignature == isCosignature && $0.proof.entry < period.upperBound
    }
    .map { (time: $0.proof.after, entry: $0.proof.entry) }
    let before = all.last { $0.entry < period.lowerBound }
    return (before.map { [$0] } ?? []) + all.filter { $0.entry >= period.lowerBound }
  }

  /// From the beginning of the period, or of the log, to its end.
  private mutating func judge(
    _ points: [(time: Timestamp, entry: UInt64)], _ kind: AuditFinding.Kind, _ what: String,
    _ limit: RetentionDuration
  ) {
    guard !history.entries.isEmpty else { return }
    let origin = min(period.lowerBound, UInt64(history.entries.count - 1))
    var start = points.first { $0.entry < period.lowerBound } ?? (times.moment(of: origin), origin)
    for point in points.filter({ $0.entry >= period.lowerBound }) + [(end, period.upperBound)] {
      if point.time.going(back: limit) > start.time {
        report(kind, what, start, point, isEnd: point.entry == period.upperBound, limit)
      }
      start = point
    }
  }

  private mutating func report(
    _ kind: AuditFinding.Kind, _ what: String, _ start: (time: Timestamp, entry: UInt64),
    _ point: (time: Timestamp, entry: UInt64), isEnd: Bool, _ limit: RetentionDuration
  ) {
    let until =
      isEnd ? "the end, \(point.time.utcSeconds)" : "entry \(point.entry), \(point.time.utcSeconds)"
    findings.append(
      AuditFinding(
        .broken, kind, entry: isEnd ? start.entry : point.entry,
        "\(what) from entry \(start.entry), \(start.time.utcSeconds), to \(until): longer than \(limit)"
      ))
  }
}

extension Array {
  /// The first index whose element and all after it satisfy `predicate`; the array must be so parted.
  fileprivate func partitioningIndex(where predicate: (Element) -> Bool) -> Int {
    var (low, high) = (0, count)
    while low < high {
      let middle = (low + high) / 2
      if predicate(self[middle]) { high = middle } else { low = middle + 1 }
    }
    return low
  }
}
