import VarveFormat

extension StatusJudge {
  /// Without a limit a source may be as old as its profile's schedule has it.
  ///
  /// - Parameter saved: when the run that made the newest snapshot ended, where this host knows it: one that takes longer than
  ///   from one time to the next is not late because of that.
  func judgeSchedule(of status: inout SourceStatus, _ schedule: Schedule?, saved: Timestamp?) {
    // What is under way says itself when it takes too long.
    guard status.maximumAge == nil, status.runningSince == nil, let schedule,
      let newest = status.newest, let age = status.age(at: now)
    else { return }
    let known = saved.flatMap { isAhead($0) ? nil : $0 }
    guard let deadline = ScheduleDeadline(schedule, after: max(newest, known ?? newest))
    else { return }
    if status.isUndated, let claimed = status.claimed,
      claimed.seconds - now.seconds > deadline.period
    {
      status.problems.append(
        StatusProblem(
          .stale,
          "nothing shows how old the newest snapshot is: a clock was ahead when it was made, by more than its schedule's period"
        ))
    } else if deadline.isOver(at: now) {
      status.problems.append(
        StatusProblem(
          .stale,
          "the newest snapshot is \(HumanText.span(age)) old, and the next has been due for "
            + HumanText.span(now.seconds - deadline.due.seconds)))
    }
  }
}

/// When what has a schedule should have come round again.
struct ScheduleDeadline {
  /// The next time.
  let due: Timestamp
  /// Seconds from then to the one after.
  let period: Int64

  /// - Returns: nil for a schedule that never comes round.
  init?(_ schedule: Schedule, after last: Timestamp) {
    guard let due = schedule.next(after: last) else { return nil }
    self.due = due
    period = (schedule.next(after: due)?.seconds ?? due.seconds) - due.seconds
  }

  /// Whether it has been due for a quarter of the period, at least an hour and at most two days.
  func isOver(at now: Timestamp) -> Bool {
    now.seconds > due.seconds + min(max(period / 4, 3600), 2 * 86_400)
  }
}
