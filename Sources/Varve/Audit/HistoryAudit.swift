// Judges what was done, in the order of the log:
//
//     for each commit
//       what it forgets    HistoryAudit+Forgotten.swift
//       what it sweeps     not sooner after the condemn entry than the auditor's policy says
//
// Then the distances: between complete snapshots of each source, checks without damage, and receipts. Checks and receipts
// count by authors whose role can do what they say (LogStateCapability.swift); what others say is noted.

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

  var findings: [AuditFinding] = []
  var counts = AuditReport.Snapshots()
  private(set) var sources: [SourceRecord]
  private(set) var checks: (all: UInt64, damaged: UInt64) = (0, 0)
  /// Receipts of the period.
  private(set) var receipts: UInt64 = 0
  /// Live snapshots of any kind at the end of the period.
  private(set) var liveCount = 0

  let history: AuditHistory
  let times: TimeAudit
  private let attested: [AttestedEntry]
  private let demands: AuditPolicy
  let period: Range<UInt64>
  private let end: Timestamp
  private let roles: [KeyID: Role]
  private(set) var policies = PoliciesInForce()
  private var isLive: [Bool]
  private(set) var holds: [Int32: (entry: UInt64, term: LogStatement.Hold.Term)] = [:]
  private var condemnedAt: [UInt64: Timestamp] = [:]
  private var successfulChecks: [String: [(time: Timestamp, entry: UInt64)]] = [:]
  private var receiptsDone: [String: [(time: Timestamp, entry: UInt64)]] = [:]
  /// Drills that were begun and have no end, by the entries of their starts.
  private var openDrills: [UInt64: Timestamp] = [:]
  /// What authors say whose role cannot do it, by activity: how often, and the newest entry.
  private var incredible: [String: (count: Int, entry: UInt64)] = [:]
  /// By place in `history.tagLists`.
  private(set) var tagNames: [[String]] = []
  var isWithoutTime = 0

  /// - Parameter roles: of all authors.
  init(
    _ history: AuditHistory, _ times: TimeAudit, _ attested: [AttestedEntry],
    _ demands: AuditPolicy, roles: [KeyID: Role], period: Range<UInt64>, to end: Timestamp
  ) {
    self.history = history
    self.times = times
    self.attested = attested
    self.demands = demands
    self.roles = roles
    self.period = period
    self.end = end
    sources = Array(repeating: SourceRecord(), count: history.sources.count)
    isLive = Array(repeating: false, count: history.snapshots.count)
    for list in history.tagLists { tagNames.append(list.map { policies.name(ofTag: $0) }) }
  }

  mutating func run() {
    for commit in history.commits where commit[commit.startIndex].entry < period.upperBound {
      judgeForgotten(commit)
      for (entry, act) in commit where entry < period.upperBound { take(act, entry) }
    }
    judgeDistances()
    judgeDrills()
    noteIncredible()
    if isWithoutTime > 0 {
      findings.append(
        AuditFinding(
          .notice, .retention,
          "\(isWithoutTime) forgotten snapshots are from before the log said when they were taken, and of which source: whether a policy kept them cannot be known"
        ))
    }
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
      // Whoever finds damage is heard.
      guard isDamaged || isCredible(.check, entry) else { return }
      if isCounted {
        checks.all += 1
        if isDamaged { checks.damaged += 1 }
      }
      if !isDamaged { note(scope, entry) }
    case .drillStart:
      guard isCredible(.drillStart, entry) else { return }
      if isCounted { receipts += 1 }
      openDrills[entry] = times.moment(of: entry)
    case .drill(let start, let isDone):
      guard isCredible(.drill, entry) else { return }
      // Somebody else's word is no end of it.
      if let start, start < entry, history.author(of: start) == history.author(of: entry) {
        openDrills[start] = nil
      }
      take(.receipt(activity: LogStatement.Receipt.Activity.drill.rawValue, isDone: isDone), entry)
    case .receipt(let activity, let isDone):
      guard LogStatement.Receipt.Activity(rawValue: activity).map({ isCredible($0, entry) }) ?? true
      else { return }
      if isCounted { receipts += 1 }
      guard isDone, demands.receipts[activity] != nil else { return }
      if !isCounted { receiptsDone[activity]?.removeAll() }
      receiptsDone[activity, default: []].append((times.moment(of: entry), entry))
    case .condemn: condemnedAt[entry] = times.moment(of: entry)
    case .sweep(let entries): judgeSweep(entries, entry)
    }
  }

  /// Whether the author's role can do what an entry says; what cannot be is noted.
  private mutating func isCredible(
    _ activity: LogStatement.Receipt.Activity, _ entry: UInt64
  ) -> Bool {
    guard let role = roles[history.author(of: entry)], !activity.capableRoles.contains(role) else {
      return true
    }
    if period.contains(entry) {
      incredible[activity.rawValue] = ((incredible[activity.rawValue]?.count ?? 0) + 1, entry)
    }
    return false
  }

  private mutating func noteIncredible() {
    for (activity, found) in incredible.sorted(by: { $0.key < $1.key }) {
      findings.append(
        AuditFinding(
          .notice, activity == "check" ? .check : .receipt, entry: found.entry,
          (found.count == 1 ? "1 entry says" : "\(found.count) entries say")
            + " \"\(activity)\" by an author whose role cannot do that, and counts for nothing; the newest is entry \(found.entry)"
        ))
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
