import VarveFormat

extension StatusJudge {
  func drill(_ drill: Drill, _ profile: Profile) -> DrillStatus {
    var status = DrillStatus(profile: profile.name, drill: drill.name)
    status.recoveryTimeTarget = drill.recoveryTime
    status.recoveryPointTarget = drill.recoveryPoint
    let runs = journal.records.filter {
      $0.activity == .drill && $0.name == profile.name && $0.detail == drill.name
    }
    let remembered = runs.last { $0.result != .started }
    let logged = newestDrill(drill, profile)
    let loggedTime = logged?.time(at: now)
    var undated: Timestamp?
    // What claims to be of tomorrow does not show that a failure here is over.
    let hidesFailure = (logged?.isAhead ?? false) && remembered?.result == .failure
    if let logged, let loggedTime, !hidesFailure,
      remembered.map({ $0.started.seconds <= loggedTime.seconds + 60 }) ?? true
    {
      status.lastRun = loggedTime
      status.passed = logged.item.hasPassed
      status.seconds = logged.item.seconds
      status.recoveryPoint = logged.item.recoveryPoint
      if logged.time == nil { undated = logged.claimed }
    } else if let remembered {
      status.lastRun = remembered.started
      status.passed = remembered.result == .success
      status.seconds = remembered.ended.map { max(0, $0.seconds - remembered.started.seconds) }
      if let ahead = journal.ahead[remembered.id], ahead.isUndated { undated = ahead.claimed }
    }
    if let last = status.lastRun, status.passed == false {
      // This host knows why, if it was the one.
      let isSame = remembered.map { abs($0.started.seconds - last.seconds) <= 60 } ?? false
      let reason = (isSame ? remembered?.message : nil).map { ": \($0)" } ?? ""
      status.problems.append(StatusProblem(.failed, "the last one, \(ago(last)), failed\(reason)"))
    }
    if let open = runs.last, open.result == .started {
      if let message = unfinished(open.started, "the one") {
        status.problems.append(StatusProblem(.unfinished, message))
      } else {
        status.runningSince = open.started
      }
    }
    judgeSchedule(of: &status, drill.schedule, undated: undated)
    status.problems.sort { $0.kind.rank < $1.kind.rank }
    return status
  }

  /// The newest that the log of a repository has.
  private func newestDrill(_ drill: Drill, _ profile: Profile) -> Dated<RepositoryFacts.Drill>? {
    facts.keys.sorted().compactMap { repository in
      let all = (facts[repository]?.drills ?? []).filter {
        $0.profile == profile.name && $0.drill == drill.name
      }
      return times(of: repository).dated(all) { ($0.entry, $0.started) }.last
    }.max { $0.time(at: now) < $1.time(at: now) }
  }

  /// - Parameter undated: what the last one claims to be its time, where nothing shows when it was.
  private func judgeSchedule(
    of status: inout DrillStatus, _ schedule: Schedule?, undated: Timestamp?
  ) {
    guard let schedule else { return }
    guard let last = status.lastRun else {
      status.problems.append(StatusProblem(.never, "it has never run"))
      return
    }
    guard let deadline = ScheduleDeadline(schedule, after: last) else { return }
    status.due = deadline.due
    if let undated, undated.seconds - now.seconds > deadline.period {
      status.problems.append(
        StatusProblem(
          .overdue,
          "nothing shows when it last ran: it says at \(undated.utcSeconds), which is to come"))
      return
    }
    guard deadline.isOver(at: now) else { return }
    let late = HumanText.span(now.seconds - deadline.due.seconds)
    status.problems.append(StatusProblem(.overdue, "it has been due for \(late)"))
  }
}
