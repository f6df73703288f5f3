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
      judgeMaintenance(of: &status, settings.maintenance, facts)
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
}
