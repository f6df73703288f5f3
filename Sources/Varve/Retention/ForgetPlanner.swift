import VarveFormat
import VarveRepository

/// Computes what a request forgets of the snapshots of one log state.
struct ForgetPlanner {
  struct Candidate {
    let id: Digest
    /// Where the record is lost, what the log says: the time, and neither host, paths nor tags.
    let heading: SnapshotHeading
    var isReadable = true
  }

  let state: LogState
  let times: BelievedTimes
  let now: Timestamp
  /// See `ForgetRequest`.
  let sparesLastFilled: Bool
  private let ids: OpaqueIDs
  /// By time recorded, newest first; of equal times, the later in the log first.
  private let newestFirst: [Candidate]
  private let places: [Digest: Int]
  /// Of each source that has partial snapshots, the complete ones.
  let besidePartial: [SnapshotSource: [Candidate]]
  private let tagNames: [Digest: String]

  /// - Parameter candidates: each live snapshot of `state`, in the order of the log.
  init(
    _ state: LogState, candidates: [Candidate], _ times: BelievedTimes, ids: OpaqueIDs,
    now: Timestamp, sparesLastFilled: Bool
  ) {
    self.state = state
    self.times = times
    self.now = now
    self.sparesLastFilled = sparesLastFilled
    self.ids = ids
    newestFirst = candidates.enumerated().sorted {
      ($0.element.heading.time, $0.offset) > ($1.element.heading.time, $1.offset)
    }.map(\.element)
    places = Dictionary(uniqueKeysWithValues: newestFirst.enumerated().map { ($1.id, $0) })
    besidePartial = Self.besidePartial(candidates)
    tagNames = ids.names(ofTags: candidates.lazy.flatMap(\.heading.tags))
  }

  /// - Throws: `.refused` for a snapshot that was chosen and is held, and when rules would keep nothing of
  ///   a group.
  func plan(_ request: ForgetRequest) throws -> ForgetPlan {
    switch request.choice {
    case .snapshots(let chosen): return try plan(chosen)
    case .rules(let rules, let grouping):
      return try plan(request, grouping, keepsSome: true) { members, _ in
        (rules, reasons(rules, members))
      }
    case .everything:
      return try plan(request, .source, keepsSome: false) { members, _ in
        (nil, members.map { _ in [] })
      }
    case .policies: return try planByPolicy(request)
    case .policiesOfFiltered: return try planByPolicyOfFiltered(request)
    }
  }

  private func plan(_ chosen: [Digest]) throws -> ForgetPlan {
    let chosen = chosen.withoutRepeats()
    let live = chosen.filter { places[$0] != nil }
    for id in live {
      guard let hold = state.hold(on: id, at: now) else { continue }
      throw VarveError(
        .refused, "log entry \(hold.entry) holds the snapshot \(id.hex.prefix(8))",
        hint: hold.term == .permanent
          ? "the hold is permanent" : "release it first, with 'varve hold remove'")
    }
    let members = live.compactMap { places[$0] }.sorted().map { newestFirst[$0] }
    let policies = PolicyReasons(self)
    let group = ForgetPlan.Group(
      key: SnapshotGrouping.Key(), rules: nil, kept: [],
      removed: members.map { removed($0, policies) })
    return ForgetPlan(
      groups: members.isEmpty ? [] : [group], absent: chosen.filter { places[$0] == nil })
  }

  /// Policies look at whole sources, whatever the filter says; it narrows what is listed and forgotten.
  private func planByPolicy(_ request: ForgetRequest) throws -> ForgetPlan {
    let policies = PolicyReasons(self)
    return try plan(request, .source, keepsSome: false) { members, source in
      guard let rules = policies.rules(of: source) else {
        return (nil, members.map { _ in [.noPolicy] })
      }
      try requireKept(policies.all(of: source), members[0].heading, .source)
      return (
        rules,
        members.map { member in
          member.heading.isPartial ? unfinished(member) : policies.reasons(for: member)
        }
      )
    }
  }

  /// Policies look at what the filter lets through as if their sources had nothing else; what they keep of the whole source
  /// stays, too.
  private func planByPolicyOfFiltered(_ request: ForgetRequest) throws -> ForgetPlan {
    let policies = PolicyReasons(self)
    return try plan(request, .source, keepsSome: false) { members, source in
      guard let rules = policies.rules(of: source) else {
        return (nil, members.map { _ in [.noPolicy] })
      }
      let decided = zip(members, reasons(rules, members)).map { member, reasons in
        reasons.isEmpty && !member.heading.isPartial ? policies.reasons(for: member) : reasons
      }
      try requireKept(Array(zip(members, decided)), members[0].heading, .source)
      return (rules, decided)
    }
  }

  private func plan(
    _ request: ForgetRequest, _ grouping: SnapshotGrouping, keepsSome: Bool,
    _ decide: ([Candidate], SnapshotSource) throws -> (RetentionRules?, [[RetentionReason]])
  ) throws -> ForgetPlan {
    var members: [SnapshotGrouping.Key: [Candidate]] = [:]
    for candidate in newestFirst
    where candidate.isReadable && request.filter.matches(candidate.heading) {
      members[grouping.key(candidate.heading), default: []].append(candidate)
    }
    let policies = PolicyReasons(self)
    let groups = try members.sorted { $0.key.precedes($1.key) }.map { key, members in
      let (rules, reasons) = try decide(members, SnapshotSource(members[0].heading))
      if keepsSome { try requireKept(Array(zip(members, reasons)), members[0].heading, grouping) }
      var kept: [ForgetPlan.Snapshot] = []
      var gone: [ForgetPlan.Snapshot] = []
      for (member, reasons) in zip(members, reasons) {
        let reasons =
          reasons + (state.hold(on: member.id, at: now) == nil ? [] : [.hold])
          + (reasons.isEmpty && request.spared.contains(member.id) ? [.spared] : [])
        if reasons.isEmpty {
          gone.append(removed(member, policies))
        } else {
          kept.append(
            ForgetPlan.Snapshot(
              id: member.id, heading: member.heading, reasons: reasons, policyReasons: []))
        }
      }
      return ForgetPlan.Group(key: key, rules: rules, kept: kept, removed: gone)
    }
    return ForgetPlan(groups: groups, unreadable: unreadable)
  }

  private var unreadable: [ForgetPlan.Snapshot] {
    newestFirst.filter { !$0.isReadable }.map {
      ForgetPlan.Snapshot(
        id: $0.id, heading: $0.heading, isReadable: false, reasons: [.unreadable],
        policyReasons: [])
    }
  }

  /// Rules must keep a complete snapshot where they let one go: neither a hold nor a backup that has not come to its end
  /// stands in for it, nor one that is kept because others are empty.
  ///
  /// - Throws: `.refused`.
  private func requireKept(
    _ decided: [(Candidate, [RetentionReason])], _ heading: SnapshotHeading,
    _ grouping: SnapshotGrouping
  ) throws {
    let complete = decided.filter { !$0.0.heading.isPartial }
    guard complete.allSatisfy({ $0.1.allSatisfy { $0 == .lastFilled } }),
      complete.contains(where: { state.hold(on: $0.0.id, at: now) == nil })
    else { return }
    throw VarveError(
      .refused, "refusing to remove all snapshots of the group \(grouping.key(heading))",
      hint: "keep one at least (--keep-last 1), or name them by id; "
        + "--unsafe-allow-remove-all with a filter and without rules removes all")
  }

  private func removed(_ member: Candidate, _ policies: PolicyReasons) -> ForgetPlan.Snapshot {
    ForgetPlan.Snapshot(
      id: member.id, heading: member.heading, isReadable: member.isReadable, reasons: [],
      policyReasons: member.heading.isPartial ? [] : policies.reasons(for: member))
  }

  /// What the policies in force keep and why; each source is looked at once, and only when asked for.
  private final class PolicyReasons {
    private let planner: ForgetPlanner
    private var known: [SnapshotSource: [Digest: [RetentionReason]]] = [:]
    private lazy var sources = Dictionary(
      grouping: planner.newestFirst.filter(\.isReadable)
    ) { SnapshotSource($0.heading) }

    init(_ planner: ForgetPlanner) { self.planner = planner }

    func rules(of source: SnapshotSource) -> RetentionRules? {
      planner.state.policy(forSource: source.id(planner.ids)).map {
        RetentionRules($0.keep, tags: planner.tagNames)
      }
    }

    func reasons(for member: Candidate) -> [RetentionReason] {
      guard member.isReadable else {
        // Whatever the policy says of its source, it may keep this one.
        let source = planner.state.snapshots[member.id]?.source
        return planner.state.policy(forSource: source) == nil ? [] : [.unreadable]
      }
      return reasons(of: SnapshotSource(member.heading))[member.id] ?? []
    }

    /// All complete snapshots of a source, and why the policy keeps them.
    func all(of source: SnapshotSource) -> [(Candidate, [RetentionReason])] {
      let reasons = reasons(of: source)
      return members(of: source).map { ($0, reasons[$0.id] ?? []) }
    }

    private func members(of source: SnapshotSource) -> [Candidate] {
      (sources[source] ?? []).filter { !$0.heading.isPartial }
    }

    private func reasons(of source: SnapshotSource) -> [Digest: [RetentionReason]] {
      if known[source] == nil {
        let members = members(of: source)
        let reasons = rules(of: source).map { planner.reasons($0, members) }
        known[source] = Dictionary(
          uniqueKeysWithValues: zip(members.map(\.id), reasons ?? members.map { _ in [] }))
      }
      return known[source] ?? [:]
    }
  }
}

extension SnapshotGrouping.Key: CustomStringConvertible {
  fileprivate func precedes(_ other: Self) -> Bool {
    let (mine, theirs) = (ranked, other.ranked)
    return mine.lexicographicallyPrecedes(theirs) { $0.lexicographicallyPrecedes($1) }
  }

  private var ranked: [[UInt8]] {
    [host ?? []] + (paths ?? []) + [[]] + (tags ?? []).map { Array($0.utf8) }
  }

  public var description: String {
    var parts: [String] = []
    if let host { parts.append("host \(EscapedBytes.text(host))") }
    if let paths {
      parts.append("paths [\(paths.map { EscapedBytes.text($0) }.joined(separator: ", "))]")
    }
    if let tags {
      let names = tags.map { ByteText.printable($0) }
      parts.append("tags [\(names.joined(separator: ", "))]")
    }
    return parts.isEmpty ? "of all snapshots" : parts.joined(separator: ", ")
  }
}
