public import VarveFormat
import VarveRepository

/// What a log says of a piece of maintenance. It counts only by authors whose role can do the task.
public struct MaintenanceEntry: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// Somebody is about to do it.
    case claimed
    case done
    /// A check was made, and found damage.
    case foundDamage
    case failed
  }

  public var task: MaintenanceTask
  public var kind: Kind
  public var time: Timestamp
  public var entry: UInt64
  /// Of a check that was made: whether it has read any data.
  public var readsData: Bool

  public init(
    _ task: MaintenanceTask, _ kind: Kind, time: Timestamp, entry: UInt64, readsData: Bool = true
  ) {
    self.task = task
    self.kind = kind
    self.time = time
    self.entry = entry
    self.readsData = readsData
  }

  /// In the order of the log.
  static func all(in state: LogState) -> [MaintenanceEntry] {
    let receipts = state.credibleReceipts.compactMap { entry -> MaintenanceEntry? in
      let receipt = entry.receipt
      if receipt.activity == .claim {
        return MaintenanceTask(rawValue: receipt.scope).map {
          MaintenanceEntry($0, .claimed, time: entry.time, entry: entry.entry)
        }
      }
      guard let task = MaintenanceTask.allCases.first(where: { $0.activity == receipt.activity })
      else { return nil }
      return MaintenanceEntry(
        task, receipt.result == .failed ? .failed : .done, time: entry.time, entry: entry.entry)
    }
    let checks = state.credibleChecks.map { check in
      MaintenanceEntry(
        .check, check.result.isDamaged ? .foundDamage : .done, time: check.time,
        entry: check.entry, readsData: check.result.scope.hasPrefix("read-data"))
    }
    return (receipts + checks).sorted { $0.entry < $1.entry }
  }
}

extension Maintenance {
  /// Whether an entry is about what the schedule of its task wants to be done.
  func counts(_ entry: MaintenanceEntry) -> Bool {
    entry.task != .check || readDataSubset == nil || entry.readsData
  }

  /// Whether the last of any scheduled task failed, or found damage.
  func isFailing(in entries: [MaintenanceEntry]) -> Bool {
    MaintenanceTask.allCases.contains { task in
      guard task.schedule(self) != nil else { return false }
      let last = entries.last { $0.task == task && $0.kind != .claimed && counts($0) }
      return last.map { $0.kind != .done } ?? false
    }
  }
}
