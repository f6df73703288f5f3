/// When something is due, in local time.
///
/// ```
/// schedule := "hourly" | "daily" [at] | "weekly" [on] [at] | "monthly" [day] [at]
///           | "every" duration | cron
/// at       := "at" HH:MM        on := "on" weekday        day := "on" 1…28
/// cron     := minute hour day-of-month month day-of-week
/// ```
public struct Schedule: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// Seconds; counted from the last run.
    case every(Int64)
    /// Each a set of the values at which it is due; both days as cron has them: when both are restricted, either will do.
    case calendar(
      minutes: Set<Int>, hours: Set<Int>, days: Set<Int>, months: Set<Int>, weekdays: Set<Int>)
  }

  /// As it was written.
  public var text: String
  public var kind: Kind

  /// - Throws: `VarveError.Code.usage` for what is no schedule.
  public init(_ text: String) throws {
    self.init(text: text, kind: try ScheduleText.kind(text))
  }

  package init(text: String, kind: Kind) {
    self.text = text
    self.kind = kind
  }
}
