// What a commit forgets:
//
//     partial snapshots   go freely
//     replaced ones       another record of the same tree, source and time is added in the same commit: nothing is gone, unless
//                         that lacks a tag which the policy in force names, and by which it would stay
//     all others          must be such that no rule of the policy keeps them that was in force when the commit was made, each
//                         rule applied to all complete snapshots of the source that were live then
//                         (Retention/RetentionDecision.swift; times as TimeAudit believes them)
//     held ones           must not go: what a hold protected at the moment when the commit was made
//
// Where clocks contradict the log's order, which TimeAudit finds to be broken links, `forget` keeps what its rules keep by any of
// them (Retention/ClockDoubts.swift). Earlier programs went by the claims alone, and an owner can have meant the one clock or
// the other: what only that would have kept is noted, and no broken link of its own.

internal import VarveFormat
internal import VarveRepository

extension HistoryAudit {
  /// A complete snapshot that a commit forgets.
  private struct Gone {
    let place: Int32
    let entry: UInt64
  }

  mutating func judgeForgotten(_ commit: ArraySlice<(entry: UInt64, act: AuditHistory.Act)>) {
    var forgotten: [Gone] = []
    var added: [Int32] = []
    for (entry, act) in commit {
      switch act {
      case .forget(let places): forgotten += places.map { Gone(place: $0, entry: entry) }
      case .add(let place): added.append(place)
      default: break
      }
    }
    guard !forgotten.isEmpty else { return }
    var gone: [Int32?: [Gone]] = [:]
    for item in forgotten {
      judgeHold(item.place, item.entry)
      let snapshot = history.snapshots[Int(item.place)]
      guard !snapshot.isPartial else { continue }
      let replacements = added.filter {
        $0 != item.place && isSame(history.snapshots[Int($0)], as: snapshot)
      }
      if replacements.isEmpty {
        gone[snapshot.source, default: []].append(item)
      } else {
        judgeReplacement(of: snapshot, by: replacements, item.entry)
      }
    }
    for (source, items) in gone.sorted(by: { $0.value[0].place < $1.value[0].place }) {
      judge(items, of: source, added)
    }
  }

  /// - Parameter items: what one commit forgets of one source.
  private mutating func judge(_ items: [Gone], of source: Int32?, _ added: [Int32]) {
    let counted = items.filter { period.contains($0.entry) }
    guard let source, let policy = policies.inForce(for: history.sources[Int(source)]) else {
      counts.forgotten += UInt64(counted.count)
      if source == nil, policies.hasAny { isWithoutTime += items.count }
      return
    }
    let decided = decide(source, policy, at: items[0].entry, gone: Set(items.map(\.place)))
    let areDated = sources[Int(source)].live.allSatisfy { history.snapshots[Int($0)].taken != nil }
    if areDated && !times.isOrdered {
      noteDoubts(counted.filter { decided[$0.place]?.isEmpty ?? true }, of: source, policy)
    }
    for item in counted {
      let reasons = decided[item.place] ?? []
      guard !reasons.isEmpty else {
        counts.forgotten += 1
        continue
      }
      guard areDated else {
        isWithoutTime += 1
        continue
      }
      counts.overridden += 1
      report(history.snapshots[Int(item.place)], item.entry, policy, reasons, added)
    }
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

  /// - Parameter items: what one commit forgets of one source, and the policy does not keep by the times believed.
  private mutating func noteDoubts(
    _ items: [Gone], of source: Int32, _ policy: PoliciesInForce.Policy
  ) {
    guard let first = items.first else { return }
    let live = sources[Int(source)].live
    let dated = live.map { place in
      let snapshot = history.snapshots[Int(place)]
      let taken = times.taken[Int(place)]
      return DatedSnapshot(
        entry: snapshot.entry, tags: tagNames[Int(snapshot.tags)], claimed: taken, taken: taken,
        believed: taken, logged: times.moment(of: snapshot.entry))
    }
    guard let doubts = ClockDoubts(dated, now: now(at: first.entry)) else { return }
    let gone = Dictionary(items.map { ($0.place, $0.entry) }) { first, _ in first }
    let asked = live.indices.filter { gone[live[$0]] != nil }
    let reasons = doubts.reasons(policy.rules, of: asked)
    for index in asked where !reasons[index].isEmpty {
      guard let entry = gone[live[index]] else { continue }
      let id = history.snapshots[Int(live[index])].id.hex.prefix(8)
      let words = reasons[index].map { policies.text($0) }.joined(separator: ", ")
      findings.append(
        AuditFinding(
          .notice, .retention, entry: entry,
          "entry \(entry) forgets the snapshot \(id), which the policy of entry \(policy.entry) keeps (\(words)) where "
            + "no clock that contradicts the log's order pushes it out; earlier programs went by what clocks claimed"
        ))
    }
  }

  // MARK: Replacement

  /// Whether a record says the same of the same tree. Old entries do not name their trees: of them the log's word
  /// counts, that the one has the tree of the other.
  private func isSame(_ new: AuditHistory.Snapshot, as old: AuditHistory.Snapshot) -> Bool {
    guard new.source == old.source, new.taken == old.taken, !new.isPartial else { return false }
    if let tree = old.tree { return new.tree == tree }
    return new.original == old.id || (new.original != nil && new.original == old.original)
  }

  /// A snapshot that loses a tag of the policy's can go by the next one that is in force.
  private mutating func judgeReplacement(
    of snapshot: AuditHistory.Snapshot, by replacements: [Int32], _ entry: UInt64
  ) {
    guard period.contains(entry) else { return }
    let kept = Set(replacements.flatMap { tagNames[Int(history.snapshots[Int($0)].tags)] })
    let policy = snapshot.source.flatMap { policies.inForce(for: history.sources[Int($0)]) }
    let named = Set((policy?.rules.tagLists ?? []).joined())
    let lost = tagNames[Int(snapshot.tags)].filter { named.contains($0) && !kept.contains($0) }
    guard let policy, !lost.isEmpty else {
      counts.replaced += 1
      return
    }
    counts.overridden += 1
    findings.append(
      AuditFinding(
        .broken, .retention, entry: entry,
        "entry \(entry) takes the tags \(policies.text(ofTags: lost)) from the snapshot "
          + "\(snapshot.id.hex.prefix(8)), by which the policy of entry \(policy.entry) keeps it"))
  }

  // MARK: Decision

  /// What the policy says of all complete snapshots of a source that are live.
  ///
  /// - Parameter gone: those of them that the commit forgets.
  private func decide(
    _ source: Int32, _ policy: PoliciesInForce.Policy, at entry: UInt64, gone: Set<Int32>
  ) -> [Int32: [RetentionReason]] {
    let now = now(at: entry)
    var best: (broken: Int, reasons: [Int32: [RetentionReason]])?
    for newestFirst in orders(of: sources[Int(source)].live.reversed(), gone: gone) {
      let items = newestFirst.map { place in
        RetentionItem(
          time: times.taken[Int(place)], tags: tagNames[Int(history.snapshots[Int(place)].tags)])
      }
      let reasons = Dictionary(
        uniqueKeysWithValues: zip(newestFirst, policy.rules.reasons(for: items, now: now)))
      let broken = gone.count { !(reasons[$0]?.isEmpty ?? true) }
      if best.map({ broken < $0.broken }) ?? true { best = (broken, reasons) }
    }
    return best?.reasons ?? [:]
  }

  /// Whole seconds: what was taken in the very second of the entry is not in its future.
  private func now(at entry: UInt64) -> Timestamp {
    Timestamp(seconds: times.moment(of: entry).seconds + 1)
  }

  /// The orders in which the snapshots can have been taken: entries have whole seconds, and `forget` goes by the nanoseconds
  /// of records. Of those of one second the ones that stay count as newer, since rules keep the newest of a period; but of
  /// the oldest second, one of them may be the oldest of all, which rules keep, too.
  ///
  /// - Parameter newestFirst: by whole seconds.
  private func orders(of newestFirst: [Int32], gone: Set<Int32>) -> [[Int32]] {
    var order: [Int32] = []
    order.reserveCapacity(newestFirst.count)
    var start = 0
    while start < newestFirst.count {
      var end = start + 1
      let second = times.taken[Int(newestFirst[start])].seconds
      while end < newestFirst.count, times.taken[Int(newestFirst[end])].seconds == second {
        end += 1
      }
      let group = newestFirst[start..<end]
      let (stay, go) = (group.filter { !gone.contains($0) }, group.filter(gone.contains))
      if end == newestFirst.count, !stay.isEmpty, !go.isEmpty {
        return [order + stay + go, order + stay.dropLast() + go + stay.suffix(1)]
      }
      order += stay + go
      start = end
    }
    return [order]
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
}
