// Whose word counts for what was done. A receipt or check is a claim, which any author may append; it counts as done only
// if the author's role can do it. A claim on a piece of maintenance is one of doing it.

public import VarveFormat

extension LogStatement.Receipt.Activity {
  /// The roles whose credentials can do it; all for one that is not known here.
  public var capableRoles: Set<Role> {
    switch self {
    case .forget, .prune: [.owner]
    case .restore, .drill, .drillStart, .check: [.owner, .reader]
    // Of a copy the receipt is the target's.
    case .run, .copy: [.owner, .writer]
    default: Set(Role.allCases)
    }
  }
}

extension LogStatement.Receipt {
  /// The roles whose credentials can do what it says.
  public var capableRoles: Set<Role> {
    guard activity == .claim else { return activity.capableRoles }
    return Activity(rawValue: scope)?.capableRoles ?? Set(Role.allCases)
  }
}

extension LogStatement.CheckResult {
  /// The roles whose credentials can look at all of its scope: each has records and trees, which a writer's do not open.
  public var capableRoles: Set<Role> { LogStatement.Receipt.Activity.check.capableRoles }
}

extension LogState {
  /// Receipts by authors whose role can do what they say, in the order of the log.
  public var credibleReceipts: [Receipt] {
    receipts.filter { isCredible($0.receipt.capableRoles, $0.author) }
  }

  /// Checks by authors whose role can look at all of their scope, in the order of the log.
  public var credibleChecks: [Check] {
    checks.filter { isCredible($0.result.capableRoles, $0.author) }
  }

  private func isCredible(_ roles: Set<Role>, _ author: KeyID) -> Bool {
    authors[author].map { roles.contains($0.role) } ?? false
  }
}
