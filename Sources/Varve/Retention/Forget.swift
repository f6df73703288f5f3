import VarveFormat
public import VarveRepository

/// Forgets snapshots: they are live no more, and `prune` may free what only they needed.
///
/// A snapshot whose record cannot be read is forgotten by its id only: it counts for no rule, and whatever rules say it
/// stays.
///
/// The plan is computed against the very state on which its entries are appended: a snapshot, a hold or a
/// policy that came or went meanwhile makes it anew.
public struct Forget {
  private let repository: UnlockedRepository
  private let ids: OpaqueIDs
  private let trust: TimeTrust

  /// - Parameter trust: whose word about times counts besides the records'; what they contradict is kept by either.
  /// - Throws: `.forbidden` for a role without the key that names sources.
  public init(_ repository: UnlockedRepository, trust: TimeTrust = TimeTrust()) throws {
    self.repository = repository
    self.trust = trust
    ids = try repository.keys.opaqueIDs()
  }

  /// What `request` would do to the present state.
  ///
  /// - Throws: as `run`, but for going against a policy.
  public func plan(_ request: ForgetRequest) throws -> ForgetPlan {
    try plan(request, repository.log.state)
  }

  /// Forgets what `request` asks for, in one commit where there are not more than 32,640.
  ///
  /// - Returns: what was done.
  /// - Throws: `.refused` when a snapshot that was chosen is held, rules would keep nothing of a group, or
  ///   a policy in force keeps what would go; `.forbidden` for other roles than the owner; `.missing` and
  ///   `.damaged`.
  public func run(
    _ request: ForgetRequest, cancellation: CancellationFlag = CancellationFlag()
  ) throws -> ForgetPlan {
    try repository.require(.owner, to: "forget snapshots")
    var first: ForgetPlan?
    var isComplete = false
    while !isComplete {
      try cancellation.check()
      var last: ForgetPlan?
      try repository.log.append { state in
        let plan = try plan(request, state)
        if !request.overridesPolicy { try plan.requireObedience() }
        last = plan
        let entries = bodies(plan, request)
        isComplete = entries.count <= Self.entryLimit
        return Array(entries.prefix(Self.entryLimit))
      }
      first = first ?? last
    }
    return first ?? ForgetPlan(groups: [], absent: [])
  }

  private static let entryLimit = 255

  private func bodies(_ plan: ForgetPlan, _ request: ForgetRequest) -> [LogStatement.Body] {
    let (obedient, overriding) = (
      plan.removed.filter { $0.policyReasons.isEmpty }.map(\.id), plan.overriding.map(\.id)
    )
    return LogStatement.Forgetting.bodies(forgetting: obedient, reason: request.reason)
      + LogStatement.Forgetting.bodies(
        forgetting: overriding, reason: "\(request.reason); overrides the policy in force")
  }

  private func plan(_ request: ForgetRequest, _ state: LogState) throws -> ForgetPlan {
    let now = WallClock.now()
    let times = try BelievedTimes(repository.log, state, trust, now: now)
    return try ForgetPlanner(
      state, candidates: try candidates(state), times, ids: ids, now: now,
      sparesLastFilled: request.sparesLastFilled
    ).plan(request)
  }

  private func candidates(_ state: LogState) throws -> [ForgetPlanner.Candidate] {
    let live = state.snapshotsInOrder
    let headings = try repository.eachSnapshotHeading(live.map(\.id))
    return zip(live, headings).map { snapshot, heading in
      if case .success(let heading) = heading {
        return ForgetPlanner.Candidate(id: snapshot.id, heading: heading)
      }
      // It can be forgotten by its id, but of what it holds nothing is known.
      let record = SnapshotRecord(
        time: snapshot.time, host: [], user: [], uid: 0, gid: 0, paths: [],
        tree: SnapshotRecord.Tree(id: .zero, root: .zero, entries: 0),
        isPartial: snapshot.isPartial, program: "")
      return ForgetPlanner.Candidate(
        id: snapshot.id, heading: SnapshotHeading(record), isReadable: false)
    }
  }
}
