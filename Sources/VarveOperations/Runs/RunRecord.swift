public import VarveFormat

/// One run of a profile, a drill or a piece of maintenance, as this host remembers it. What the log cannot know is here:
/// that something failed, or that it was begun and has no end.
public struct RunRecord: Sendable, Equatable {
  public enum Activity: String, CaseIterable, Sendable {
    case backup, drill, forget, prune, check, restore, audit
    /// Opening a repository for what is due of these.
    case maintenance
  }

  public enum Result: String, CaseIterable, Sendable {
    /// Begun; where it is the last word, the run was killed or is under way.
    case started
    case success
    /// Snapshots were saved, but some files could not be read, or a tree changed while it was read.
    case incomplete
    case failure
  }

  /// 16 random bytes in hex; the same in the record of the start and of the end.
  public var id: String
  public var activity: Activity
  /// The profile; of maintenance: the repository.
  public var name: String
  /// Of a drill: its own name.
  public var detail: String?
  public var repository: String
  public var started: Timestamp
  public var ended: Timestamp?
  public var result: Result
  /// Whether it was stopped before its end, as by a shutdown.
  public var isInterrupted = false
  /// What went wrong, for people.
  public var message: String?
  /// The same without the names of files, where the message has any.
  public var notice: String?
  public var sources: [SourceOutcome] = []

  public init(
    id: String, activity: Activity, name: String, repository: String, started: Timestamp,
    result: Result
  ) {
    self.id = id
    self.activity = activity
    self.name = name
    self.repository = repository
    self.started = started
    self.result = result
  }
}

extension RunRecord {
  /// What others are told of what went wrong.
  var told: String? { notice ?? message }
}

extension SourceOutcome {
  /// As a run's.
  var told: String? { notice ?? message }
}

/// What came of one source in a run.
public struct SourceOutcome: Sendable, Equatable {
  public var source: String
  public var result: RunRecord.Result
  public var snapshot: Digest?
  public var message: String?
  /// As a run's.
  public var notice: String?
  public var files: Int64 = 0
  public var filesNew: Int64 = 0
  public var filesChanged: Int64 = 0
  public var filesRemoved: Int64 = 0
  public var bytes: Int64 = 0
  public var bytesAdded: Int64 = 0
  public var bytesStored: Int64 = 0
  /// What the last run that had any had, where nothing is left of it.
  public var filesMissing: Int64 = 0
  public var bytesMissing: Int64 = 0
  /// What a change alarm said.
  public var alarm: String?

  public init(source: String, result: RunRecord.Result) {
    self.source = source
    self.result = result
  }
}
