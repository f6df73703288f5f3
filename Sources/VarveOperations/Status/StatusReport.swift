public import VarveFormat

/// Whether the backups are good: one computation (`StatusJudge`), shown by `varve status`, as metrics, by the service and
/// on its pages.
public struct StatusReport: Sendable, Equatable {
  /// How much something matters.
  public enum Level: Int, Comparable, Sendable {
    case good
    /// Worth a look; the backups count as good.
    case warning
    /// Somebody has to act.
    case bad

    public static func < (a: Level, b: Level) -> Bool { a.rawValue < b.rawValue }
  }

  /// When it was computed.
  public var time: Timestamp
  public var repositories: [RepositoryStatus] = []
  public var sources: [SourceStatus] = []
  public var drills: [DrillStatus] = []

  public init(time: Timestamp) { self.time = time }

  /// Of everything.
  public var level: Level {
    max(
      repositories.map(\.level).max() ?? .good, sources.map(\.level).max() ?? .good,
      drills.map(\.level).max() ?? .good)
  }

  /// Whether nothing is bad.
  public var isGood: Bool { level < .bad }
}

/// Something that is not as it should be.
public struct StatusProblem<Kind: StatusProblemKind>: Sendable, Equatable {
  public let kind: Kind
  /// One sentence without its full stop.
  public let message: String

  public init(_ kind: Kind, _ message: String) {
    self.kind = kind
    self.message = message
  }
}

public protocol StatusProblemKind: RawRepresentable<String>, CaseIterable, Sendable, Equatable {
  var level: StatusReport.Level { get }
}

/// One source of a profile in one repository.
public struct SourceStatus: Sendable, Equatable {
  public enum ProblemKind: String, StatusProblemKind {
    /// There is no snapshot, and no run that made one.
    case never
    /// The newest attempt did not make a snapshot.
    case failed
    /// The newest snapshot is older than it may be.
    case stale
    /// A run was begun longer ago than it may take, and has no end.
    case unfinished
    /// The newest snapshot claims a time that cannot be: a clock is wrong.
    case future
    /// The newest run failed or was incomplete, though what it has saved is as it should be: a service may not be up again,
    /// or retention does not work.
    case run
    /// The newest snapshot lacks what could not be read, or changed while it was.
    case incomplete
    /// The newest run changed so much that somebody should look.
    case alarm

    public var level: StatusReport.Level {
      switch self {
      case .never, .failed, .stale, .unfinished: .bad
      case .future, .run, .incomplete, .alarm: .warning
      }
    }
  }

  /// Where it is known from.
  public enum Evidence: String, Sendable {
    case snapshots
    /// What the log's entries of them say: records cannot be opened, and there is no configuration.
    case log
    /// What this host remembers of its runs: records cannot be opened.
    case journal
  }

  /// Nil where no configuration names one: then the source is a host and its paths.
  public var profile: String?
  public var source: String
  public var repository: String
  public var evidence = Evidence.snapshots
  /// The time of the newest complete snapshot, no later than it can be, and its id where one is known.
  public var newest: Timestamp?
  /// What that claims to be its time, where it cannot be.
  var claimed: Timestamp?
  /// Whether nothing shows when the newest was made: it counts as now.
  var isUndated = false
  public var snapshot: Digest?
  /// Live and complete ones; nil where records cannot be opened.
  public var snapshotCount: Int?
  public var files: Int64?
  public var bytes: Int64?
  /// Seconds; nil: there is no limit.
  public var maximumAge: Int64?
  /// When the newest run began, and what came of it for this source.
  public var lastRun: Timestamp?
  public var lastResult: RunRecord.Result?
  /// Since when a run is under way, as far as is known.
  public var runningSince: Timestamp?
  /// The worst first.
  public var problems: [StatusProblem<ProblemKind>] = []

  public init(profile: String?, source: String, repository: String) {
    self.profile = profile
    self.source = source
    self.repository = repository
  }

  public var level: StatusReport.Level { problems.map(\.kind.level).max() ?? .good }

  /// `ok`, `running`, or the worst that is wrong.
  public var state: String {
    problems.first?.kind.rawValue ?? (runningSince == nil ? "ok" : "running")
  }

  /// Seconds since the newest snapshot.
  public func age(at now: Timestamp) -> Int64? { newest.map { max(0, now.seconds - $0.seconds) } }
}

/// A repository as a whole.
public struct RepositoryStatus: Sendable, Equatable {
  public enum ProblemKind: String, StatusProblemKind {
    /// The history was rolled back, or its chain is broken.
    case broken
    /// It has not been reached.
    case unreachable
    /// Its credential does not open it.
    case locked
    /// A check found damage, and no later one that looked at the same found none.
    case damaged
    /// Not all data has been read for too long.
    case unverified
    /// The log lacks cosignatures of a quorum of witnesses, or they are too old.
    case unwitnessed
    /// The last of a kind of scheduled maintenance failed, or it has been due for too long.
    case maintenance

    public var level: StatusReport.Level { .bad }
  }

  public var name: String
  /// Entries of the log.
  public var logSize: UInt64?
  public var snapshotCount: Int?
  /// Of live packs and index segments.
  public var storedBytes: UInt64?
  /// When checks last read all data and found no damage; of several that did it together, the time of the oldest.
  public var verified: Timestamp?
  /// Seconds; nil: there is no limit.
  public var maximumUnverifiedAge: Int64?
  /// When a quorum of witnesses last cosigned, where a policy is configured.
  public var witnessed: Timestamp?
  /// When all this was read.
  public var read: Timestamp?
  public var problems: [StatusProblem<ProblemKind>] = []

  public init(name: String) { self.name = name }

  public var level: StatusReport.Level { problems.map(\.kind.level).max() ?? .good }
  public var state: String { problems.first?.kind.rawValue ?? "ok" }
}

/// A drill of a profile.
public struct DrillStatus: Sendable, Equatable {
  public enum ProblemKind: String, StatusProblemKind {
    case failed
    /// It was begun longer ago than it may take, and has no end.
    case unfinished
    case overdue
    case never

    public var level: StatusReport.Level { .bad }
  }

  public var profile: String
  public var drill: String
  /// When the newest that ended began, how long it took in seconds, and whether it passed.
  public var lastRun: Timestamp?
  public var seconds: Int64?
  public var passed: Bool?
  /// Seconds between its oldest snapshot and its start, where the log says so.
  public var recoveryPoint: Int64?
  /// Seconds; nil: there is no target.
  public var recoveryTimeTarget: Int64?
  public var recoveryPointTarget: Int64?
  /// When it is due, by its schedule.
  public var due: Timestamp?
  public var runningSince: Timestamp?
  public var problems: [StatusProblem<ProblemKind>] = []

  public init(profile: String, drill: String) {
    self.profile = profile
    self.drill = drill
  }

  public var level: StatusReport.Level { problems.map(\.kind.level).max() ?? .good }
  public var state: String {
    problems.first?.kind.rawValue
      ?? (runningSince != nil ? "running" : lastRun == nil ? "none" : "ok")
  }
}
