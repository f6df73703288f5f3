internal import VarveFormat
internal import VarveProof
internal import VarveRepository

/// Puts together what the parts of an audit have found.
struct AuditAssembly {
  let repository: Repository
  let chain: ChainAudit
  let times: TimeAudit
  let judged: HistoryAudit
  let options: AuditOptions
  let period: Range<UInt64>
  let from: Timestamp?
  let to: Timestamp
  let now: Timestamp
  let isKeyGiven: Bool

  private var history: AuditHistory { chain.history }

  func report(_ findings: [AuditFinding], _ objects: AuditReport.Objects?) -> AuditReport {
    let (events, omitted) = events()
    var snapshots = judged.counts
    snapshots.live = UInt64(judged.liveCount)
    return AuditReport(
      origin: repository.config.origin, key: repository.config.logKey, isKeyGiven: isKeyGiven,
      program: ProgramVersion.program, generated: now, head: chain.fold.head,
      isWhole: chain.isWhole, commits: chain.commitCount, tiles: chain.tileCount,
      checkpoint: chain.checkpoint, pins: chain.pins, period: judgedPeriod, kinds: kinds,
      authors: authors, snapshots: snapshots, sources: sources, checks: judged.checks,
      receipts: judged.receipts,
      timeProofs: UInt64(chain.attested.count), objects: objects, events: events,
      omittedEvents: omitted, timeline: timeline(findings), findings: Self.ordered(findings))
  }

  /// What breaks the chain itself first, then by entry.
  private static func ordered(_ findings: [AuditFinding]) -> [AuditFinding] {
    func rank(_ finding: AuditFinding) -> Int {
      finding.breaksChain ? 0 : finding.severity == .broken ? 1 : 2
    }
    return findings.enumerated().sorted {
      (rank($0.element), $0.element.entry ?? .max, $0.offset)
        < (rank($1.element), $1.element.entry ?? .max, $1.offset)
    }.map(\.element)
  }

  private var judgedPeriod: AuditReport.Period {
    let tree = chain.fold.tree
    func head(_ size: UInt64) -> TreeHead {
      tree.root(atSize: size).map { TreeHead(size: size, root: $0) } ?? .empty
    }
    return AuditReport.Period(
      from: from, to: to, first: head(period.lowerBound), last: head(period.upperBound),
      proof: tree.consistencyProof(from: period.lowerBound, to: period.upperBound) ?? [])
  }

  private var kinds: [String: UInt64] {
    var counts: [String: UInt64] = [:]
    for index in period { counts[history.kind(of: index), default: 0] += 1 }
    return counts
  }

  private var authors: [AuditReport.Author] {
    var counts: [KeyID: UInt64] = [:]
    for index in period { counts[history.author(of: index), default: 0] += 1 }
    return chain.fold.state.authors.values
      .sorted { ($0.added, $0.keyID.text) < ($1.added, $1.keyID.text) }
      .map {
        AuditReport.Author(
          keyID: $0.keyID, role: $0.role, credential: $0.credential, added: $0.added,
          removed: $0.removed, entries: counts[$0.keyID] ?? 0)
      }
  }

  private var sources: [AuditReport.Source] {
    history.sources.indices.map { index in
      let record = judged.sources[index]
      return AuditReport.Source(
        id: history.sources[index], snapshots: record.added, live: UInt64(record.live.count),
        newest: record.logged.last?.time, longestGap: record.longestGap, gapEnd: record.gapEnd,
        allowedGap: options.policy.gap(ofSource: history.sources[index]))
    }.sorted { ($0.snapshots, $1.id) > ($1.snapshots, $0.id) }
  }

  private func events() -> ([AuditReport.Event], omitted: UInt64) {
    var events: [AuditReport.Event] = []
    var omitted: UInt64 = 0
    for event in chain.events where period.contains(event.entry) {
      guard events.count < AuditReport.eventLimit else {
        omitted += 1
        continue
      }
      events.append(
        AuditReport.Event(
          entry: event.entry, time: times.moment(of: event.entry),
          kind: history.kind(of: event.entry), author: history.author(of: event.entry),
          text: event.text))
    }
    return (events, omitted)
  }

  // MARK: Timeline

  private func timeline(_ findings: [AuditFinding]) -> AuditTimeline {
    let first = period.isEmpty ? to : times.moment(of: period.lowerBound)
    let start = min(from ?? first, first)
    let span = max(to.seconds - start.seconds, 1)
    let count = AuditTimeline.partCount
    func part(_ entry: UInt64) -> Int {
      let offset = times.moment(of: entry).seconds - start.seconds
      return Int(min(max(offset, 0) * Int64(count) / (span + 1), Int64(count - 1)))
    }
    // The sources that have most get a lane each.
    let largest = judged.sources.indices.filter { judged.sources[$0].added > 0 }
      .sorted { (judged.sources[$0].added, $1) > (judged.sources[$1].added, $0) }
    let shown = largest.prefix(
      largest.count > AuditTimeline.sourceLimit ? AuditTimeline.sourceLimit - 1 : .max)
    var lanes = shown.map {
      AuditTimeline.Lane(
        kind: .snapshots, source: history.sources[$0], counts: Array(repeating: 0, count: count))
    }
    var laneOfSource: [Int32: Int] = [:]
    for (lane, source) in shown.enumerated() { laneOfSource[Int32(source)] = lane }
    var laneOfKind: [AuditTimeline.Lane.Kind: Int] = [:]
    func add(_ kind: AuditTimeline.Lane.Kind, _ entry: UInt64, _ number: UInt32 = 1) {
      let lane: Int
      if let known = laneOfKind[kind] {
        lane = known
      } else {
        lane = lanes.count
        laneOfKind[kind] = lane
        lanes.append(
          AuditTimeline.Lane(
            kind: kind, source: nil, counts: Array(repeating: 0, count: count)))
      }
      lanes[lane].counts[part(entry)] &+= number
    }
    for (entry, act) in history.acts where period.contains(entry) {
      switch act {
      case .add(let place):
        let snapshot = history.snapshots[Int(place)]
        guard !snapshot.isPartial else { continue }
        if let lane = snapshot.source.flatMap({ laneOfSource[$0] }) {
          lanes[lane].counts[part(entry)] &+= 1
        } else {
          add(.snapshots, entry)
        }
      case .forget(let places): add(.forgotten, entry, UInt32(places.count))
      case .check: add(.checks, entry)
      case .receipt, .drillStart, .drill: add(.receipts, entry)
      case .condemn, .sweep: add(.deletions, entry)
      case .policy, .hold, .release, .restore: add(.changes, entry)
      }
    }
    for finding in findings where finding.severity == .broken {
      if let entry = finding.entry, period.contains(entry) { add(.broken, entry) }
    }
    return AuditTimeline(
      start: start, end: to,
      lanes: lanes.enumerated().sorted {
        (order($0.element.kind), $0.offset) < (order($1.element.kind), $1.offset)
      }.map(\.element))
  }

  private func order(_ kind: AuditTimeline.Lane.Kind) -> Int {
    switch kind {
    case .snapshots: 0
    case .forgotten: 1
    case .checks: 2
    case .receipts: 3
    case .deletions: 4
    case .changes: 5
    case .broken: 6
    }
  }
}
