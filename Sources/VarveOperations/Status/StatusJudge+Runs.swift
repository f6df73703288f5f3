import VarveFormat

extension StatusJudge {
  /// What went wrong with the newest run that has ended and with none of its sources: an `after` hook, so that a service may
  /// not be up again, or retention. Each source that it saved has it.
  ///
  /// - Parameter runs: of the profile into the repository, in the order in which they began.
  func judgeWhole(of status: inout SourceStatus, _ profile: Profile, _ runs: [RunRecord]) {
    guard let run = runs.last(where: { $0.result != .started }),
      run.sources.contains(where: { $0.source == status.source }),
      run.sources.allSatisfy({ $0.result.rank < run.result.rank })
    else { return }
    // A source that it did not get to has failed, and says why.
    let hasReachedAll = profile.sources.allSatisfy { source in
      run.sources.contains { $0.source == source.name }
    }
    let verdict: String
    switch run.result {
    case .started, .success: return
    case .incomplete: verdict = "was incomplete"
    case .failure where hasReachedAll: verdict = "failed"
    case .failure: return
    }
    let reason = run.message.map { ": \($0)" } ?? ""
    status.problems.append(
      StatusProblem(
        .run, "the last run, \(ago(run.started)), \(verdict), though this was saved\(reason)"))
  }
}
