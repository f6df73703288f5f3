import VarveFormat

/// What is done with a repository as a whole.
public enum MaintenanceTask: String, CaseIterable, Sendable {
  /// Forgetting by the policies in force.
  case forget
  case prune
  case check

  var activity: LogStatement.Receipt.Activity {
    switch self {
    case .forget: .forget
    case .prune: .prune
    case .check: .check
    }
  }

  var journalActivity: RunRecord.Activity {
    switch self {
    case .forget: .forget
    case .prune: .prune
    case .check: .check
    }
  }

  func schedule(_ maintenance: Maintenance) -> Schedule? {
    switch self {
    case .forget: maintenance.forget
    case .prune: maintenance.prune
    case .check: maintenance.check
    }
  }
}
