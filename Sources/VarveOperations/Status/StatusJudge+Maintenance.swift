import VarveFormat

extension StatusJudge {
  /// Of each kind of scheduled maintenance: whether the last one failed, by the log or by this host's journal, whichever is
  /// newer; else whether it has been due for too long. What was never done counts from the log's first entry that has a
  /// known time.
  func judgeMaintenance(
    of status: inout RepositoryStatus, _ settings: Maintenance, _ facts: RepositoryFacts
  ) {
    for task in MaintenanceTask.allCases {
      guard let schedule = task.schedule(settings) else { continue }
      let entries = facts.maintenance.filter { $0.task == task && settings.counts($0) }
      let ends = times(of: status.name).dated(entries.filter { $0.kind != .claimed }) {
        ($0.entry, $0.time)
      }
      let message =
        failure(of: task, status.name, ends.last)
        ?? overdue(
          task, schedule, last: ends.last { $0.item.kind != .failed },
          since: facts.entryTimes.first, isClaimed: isClaimed(entries))
      if let message { status.problems.append(StatusProblem(.maintenance, message)) }
    }
  }

  private func failure(
    of task: MaintenanceTask, _ repository: String, _ last: Dated<MaintenanceEntry>?
  ) -> String? {
    let remembered = journal.records.last {
      $0.activity == task.journalActivity && $0.name == repository && $0.result != .started
        && !$0.isInterrupted
    }
    let time = last?.time(at: now)
    // What claims to be of tomorrow does not show that a failure here is over.
    if let remembered, remembered.result == .failure,
      last?.isAhead ?? true || time.map({ $0 < remembered.started }) ?? true
    {
      return "the last \(task.rawValue), \(ago(remembered.started)), failed"
        + (remembered.message.map { ": \($0)" } ?? "")
    }
    guard let last, let time, last.item.kind == .failed else { return nil }
    // This host knows why, if it was the one.
    let same = remembered.flatMap {
      $0.result == .failure && abs(($0.ended ?? $0.started).seconds - time.seconds) <= 60 ? $0 : nil
    }
    return "the last \(task.rawValue), \(ago(time)), failed"
      + (same?.message.map { ": \($0)" } ?? "")
  }

  private func overdue(
    _ task: MaintenanceTask, _ schedule: Schedule, last: Dated<MaintenanceEntry>?,
    since first: Timestamp?, isClaimed: Bool
  ) -> String? {
    guard !isClaimed, let from = last?.time(at: now) ?? first,
      let deadline = ScheduleDeadline(schedule, after: from)
    else { return nil }
    if let last, last.isUndated(beyond: deadline.period, at: now) {
      return "nothing shows when the last \(task.rawValue) was: it says at "
        + "\(last.claimed.utcSeconds), which is to come"
    }
    guard deadline.isOver(at: now) else { return nil }
    return "\(task.rawValue) has been due for \(HumanText.span(now.seconds - deadline.due.seconds))"
      + (last == nil ? ", and was never done" : "")
  }

  /// Whether a host is at it, as far as its claim counts.
  private func isClaimed(_ entries: [MaintenanceEntry]) -> Bool {
    guard let last = entries.last, last.kind == .claimed else { return false }
    return abs(now.seconds - last.time.seconds) < MaintenanceClaim.lifetime
  }
}
