import VarveFormat

extension StatusJudge {
  /// - Parameter checks: of the repository, in the order of its log.
  func judgeChecks(of status: inout RepositoryStatus, _ checks: [RepositoryFacts.Check]) {
    judgeDamage(of: &status, CheckCoverage.open(checks))
    let limit = status.maximumUnverifiedAge
    let times = times(of: status.name)
    let verification = DataVerification(
      checks.filter { !$0.isDamaged && !$0.isWriters }.compactMap { check in
        let dated = Dated(
          item: check, claimed: check.time,
          time: times.latest(check.time, ofEntry: check.entry))
        guard !dated.isUndated(beyond: limit ?? .max, at: now) else { return nil }
        return (check, dated.time(at: now))
      })
    status.verified = verification.time
    guard let limit else { return }
    guard let verified = verification.time else {
      let parts = verification.unfinished.map {
        ": \($0.read) of \($0.of) parts were read"
      }
      status.problems.append(
        StatusProblem(.unverified, "no check has read all of its data" + (parts ?? "")))
      return
    }
    let age = now.seconds - verified.seconds
    guard age > limit else { return }
    status.problems.append(
      StatusProblem(
        .unverified,
        "all data was last read \(HumanText.span(age)) ago, and \(HumanText.span(limit)) are allowed"
      ))
  }

  private func judgeDamage(
    of status: inout RepositoryStatus, _ open: [RepositoryFacts.Check]
  ) {
    guard let last = open.last else { return }
    let scope = last.scope == "structure" ? "" : " (\(ByteText.printable(last.scope)))"
    let others = open.count - 1
    status.problems.append(
      StatusProblem(
        .damaged,
        "the check of \(ago(last.time))\(scope) found damage"
          + (others == 0 ? "" : ", as did \(HumanText.count(others, "other"))")
          + "; no later one has looked at as much of the same and found none"))
  }
}
