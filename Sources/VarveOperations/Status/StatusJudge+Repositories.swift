import VarveFormat

extension StatusJudge {
  func repository(_ settings: RepositorySettings) -> RepositoryStatus {
    var status = RepositoryStatus(name: settings.name)
    status.maximumUnverifiedAge = settings.maximumUnverifiedAge
    guard let facts = facts[settings.name] else {
      status.problems.append(StatusProblem(.unreachable, "it has not been read yet"))
      return status
    }
    status.read = facts.read
    status.logSize = facts.logSize
    status.snapshotCount = facts.liveCount
    status.storedBytes = facts.storedBytes
    status.witnessed = facts.witnessed
    switch facts.access {
    case .read: break
    case .broken(let message): status.problems.append(StatusProblem(.broken, message))
    case .unreachable(let message): status.problems.append(StatusProblem(.unreachable, message))
    case .locked(let message): status.problems.append(StatusProblem(.locked, message))
    case .unwitnessed(let message): status.problems.append(StatusProblem(.unwitnessed, message))
    }
    if case .read = facts.access {
      judgeChecks(of: &status, facts.checks)
      if let failure = facts.witnessFailure {
        status.problems.append(StatusProblem(.unwitnessed, failure))
      }
      if now.seconds - facts.read.seconds > Self.factsAge {
        status.problems.append(
          StatusProblem(.unreachable, "it has not answered since \(ago(facts.read))"))
      }
    }
    status.problems.sort { $0.kind.rank < $1.kind.rank }
    return status
  }

  private func judgeChecks(of status: inout RepositoryStatus, _ checks: [RepositoryFacts.Check]) {
    status.verified = checks.last { !$0.isDamaged && $0.depth > 0 }?.time
    let damage = checks.indices.last { checks[$0].isDamaged }
    if let damage {
      let isCleared = checks[(damage + 1)...].contains { $0.depth >= checks[damage].depth }
      if !isCleared {
        status.problems.append(
          StatusProblem(.damaged, "the check of \(ago(checks[damage].time)) found damage"))
      }
    }
    guard let limit = status.maximumUnverifiedAge else { return }
    guard let verified = status.verified else {
      status.problems.append(StatusProblem(.unverified, "no check has read its data"))
      return
    }
    let age = now.seconds - verified.seconds
    guard age > limit else { return }
    status.problems.append(
      StatusProblem(
        .unverified,
        "the last check that read data was \(HumanText.span(age)) ago, and \(HumanText.span(limit)) are allowed"
      ))
  }

  // MARK: Drills

  func drill(_ drill: Drill, _ profile: Profile) -> DrillStatus {
    var status = DrillStatus(profile: profile.name, drill: drill.name)
    status.recoveryTimeTarget = drill.recoveryTime
    status.recoveryPointTarget = drill.recoveryPoint
    let runs = journal.filter {
      $0.activity == .drill && $0.name == profile.name && $0.detail == drill.name
    }
    let remembered = runs.last { $0.result != .started }
    let logged = facts.values.flatMap(\.drills)
      .filter { $0.profile == profile.name && $0.drill == drill.name }
      // Of two of one second, the later in the log.
      .max { $0.started <= $1.started }
    if let logged, remembered.map({ $0.started.seconds <= logged.started.seconds + 60 }) ?? true {
      status.lastRun = logged.started
      status.passed = logged.hasPassed
      status.seconds = logged.seconds
      status.recoveryPoint = logged.recoveryPoint
    } else if let remembered {
      status.lastRun = remembered.started
      status.passed = remembered.result == .success
      status.seconds = remembered.ended.map { max(0, $0.seconds - remembered.started.seconds) }
    }
    if let last = status.lastRun, status.passed == false {
      // This host knows why, if it was the one.
      let isSame = remembered.map { abs($0.started.seconds - last.seconds) <= 60 } ?? false
      let reason = (isSame ? remembered?.message : nil).map { ": \($0)" } ?? ""
      status.problems.append(StatusProblem(.failed, "the last one, \(ago(last)), failed\(reason)"))
    }
    if let open = runs.last, open.result == .started {
      if now.seconds - open.started.seconds > Self.unfinishedAfter {
        status.problems.append(
          StatusProblem(.unfinished, "the one begun \(ago(open.started)) has no end"))
      } else {
        status.runningSince = open.started
      }
    }
    judgeSchedule(of: &status, drill.schedule)
    status.problems.sort { $0.kind.rank < $1.kind.rank }
    return status
  }

  private func judgeSchedule(of status: inout DrillStatus, _ schedule: Schedule?) {
    guard let schedule else { return }
    guard let last = status.lastRun else {
      status.problems.append(StatusProblem(.never, "it has never run"))
      return
    }
    guard let due = schedule.next(after: last) else { return }
    status.due = due
    let period = (schedule.next(after: due)?.seconds ?? due.seconds) - due.seconds
    let grace = min(max(period / 4, 3600), 2 * 86_400)
    guard now.seconds > due.seconds + grace else { return }
    status.problems.append(
      StatusProblem(.overdue, "it has been due for \(HumanText.span(now.seconds - due.seconds))"))
  }
}
