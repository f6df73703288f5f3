public import VarveFormat
public import VarveRepository

/// What the service can be asked to do, carried out one after the other on a thread for each.
public struct ServiceActions: Sendable {
  /// A source of a profile, from one of its snapshots, to where it was or elsewhere.
  public struct Restore: Sendable, Equatable {
    public var profile: String
    public var source: String
    public var repository: String
    /// What a snapshot is named by: `latest`, `latest~N`, an id or the beginning of one.
    public var snapshot: String
    /// A directory of this host; nil for where it was saved.
    public var target: String?
    /// Whether somebody said that it is meant, of a source that is sensitive.
    public var isConfirmed: Bool
  }

  /// What came of an action.
  public struct Outcome: Sendable {
    public var isGood: Bool
    /// One line for people.
    public var summary: String
    public var details: JSONValue

    public init(isGood: Bool, summary: String, details: JSONValue) {
      self.isGood = isGood
      self.summary = summary
      self.details = details
    }
  }

  public typealias Progress = @Sendable (String) -> Void

  /// With a safety snapshot of what will be overwritten.
  public var restore: @Sendable (Restore, CancellationFlag, @escaping Progress) throws -> Outcome
  public var drill:
    @Sendable (_ profile: String, _ drill: String, CancellationFlag, @escaping Progress) throws -> Outcome
  public var audit: @Sendable (_ repository: String, CancellationFlag, @escaping Progress) throws -> Outcome

  public init(
    restore: @escaping @Sendable (Restore, CancellationFlag, @escaping Progress) throws -> Outcome,
    drill: @escaping @Sendable (String, String, CancellationFlag, @escaping Progress) throws -> Outcome,
    audit: @escaping @Sendable (String, CancellationFlag, @escaping Progress) throws -> Outcome
  ) {
    self.restore = restore
    self.drill = drill
    self.audit = audit
  }
}
