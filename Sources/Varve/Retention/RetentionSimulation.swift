public import VarveFormat
public import VarveRepository

/// What rules would keep in the year to come, and what they cost now. Changes nothing.
public struct RetentionSimulation: Sendable {
  /// How often backups are made.
  public enum Interval: Sendable, Equatable {
    case given(Int64)
    /// As the newest snapshots are apart.
    case observed(Int64)
    /// One a day, because there is but one snapshot.
    case assumed(Int64)

    public var seconds: Int64 {
      switch self {
      case .given(let seconds), .observed(let seconds), .assumed(let seconds): seconds
      }
    }
  }

  public struct Group: Sendable {
    public let key: SnapshotGrouping.Key
    /// Nil where no policy is in force.
    public let rules: RetentionRules?
    /// Complete snapshots now, newest first.
    public let present: [Timestamp]
    public let interval: Interval
    public let forecast: RetentionForecast
  }

  public let groups: [Group]
  public let cost: RetentionCost

  /// - Parameters:
  ///   - request: `.rules` or `.policies`.
  ///   - trust: as in `Forget`, for what rules keep now.
  ///   - interval: seconds between backups; nil for as observed.
  /// - Throws: as `Forget.plan`; `.missing` and `.damaged`; `.forbidden` for a writer; `.interrupted`.
  public init(
    _ request: ForgetRequest, in repository: IndexedRepository, trust: TimeTrust = TimeTrust(),
    interval: Int64? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) throws {
    let unlocked = repository.unlocked
    let plan = try Forget(unlocked, trust: trust).plan(request)
    let now = WallClock.now()
    let state = unlocked.log.state
    groups = try plan.groups.map { group in
      try cancellation.check()
      let complete = (group.kept + group.removed).filter { !$0.heading.isPartial }
        .sorted { $0.heading.time > $1.heading.time }
      let times = complete.map(\.heading.time)
      let pace: Interval =
        if let interval {
          .given(interval)
        } else if let observed = RetentionForecast.interval(of: times) {
          .observed(observed)
        } else {
          .assumed(86_400)
        }
      let present = complete.map { snapshot in
        RetentionForecast.Present(
          item: RetentionItem(time: snapshot.heading.time, tags: snapshot.heading.tags),
          hold: state.hold(on: snapshot.id, at: now)?.term)
      }
      return Group(
        key: group.key, rules: group.rules, present: times, interval: pace,
        forecast: RetentionForecast(
          present, rules: group.rules, interval: pace.seconds, from: now))
    }
    let index = repository.index
    let reader = CancellableSource(try repository.makeReader(), cancellation)
    // What cannot be read needs nobody knows what.
    let planned = Set(
      (plan.groups.flatMap { $0.kept + $0.removed } + plan.unreadable).map(\.id))
    let others = unlocked.liveSnapshots.filter { !planned.contains($0) }
    cost = try RetentionCost(
      plan, others: others, from: reader, record: { try unlocked.snapshotRecord($0) },
      locate: { index.locate($0) })
  }
}
