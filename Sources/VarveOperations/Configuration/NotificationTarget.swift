/// Whom to tell what.
public struct NotificationTarget: Sendable, Equatable {
  public enum Event: String, CaseIterable, Sendable {
    /// A run or a drill begins; for pings.
    case start
    case success
    /// Snapshots were saved, but something could not be read as it was, or retention failed.
    case incomplete
    case failure
    /// The first success after a run that was none.
    case recovery
    /// A change alarm.
    case alarm
  }

  public enum Means: Sendable, Equatable {
    /// JSON is sent by POST.
    case webhook(url: String, headers: [String: String])
    /// Through `sendmail -t`, or what takes its place.
    case mail(to: [String], from: String?, program: String)
    /// JSON on standard input, the event in the environment.
    case command(CommandSpecification)
    /// As healthchecks.io has it: the URL after a success, `/start` before, `/fail` after a failure.
    case ping(url: String, incomplete: IncompletePing = .fail)
  }

  /// What a ping says of a run that is incomplete.
  public enum IncompletePing: String, CaseIterable, Sendable {
    case fail, log, success
  }

  public var name: String
  public var means: Means
  public var events: Set<Event>

  public init(name: String, means: Means, events: Set<Event>) {
    self.name = name
    self.means = means
    self.events = events
  }
}
