public import Varve

/// What is captured together, as one set: hooks run once around all sources.
public struct Profile: Sendable {
  public var name: String
  /// Names of repositories; each gets every source.
  public var repositories: [String] = []
  /// The host name recorded; nil for this machine's.
  public var host: String?
  public var tags: [String] = []
  /// When `varve run --due` runs it; nil when it is only run by hand.
  public var schedule: Schedule?
  /// A source whose newest snapshot is older than so many seconds is stale.
  public var maximumAge: Int64?
  public var sources: [Source] = []
  /// Recorded in each snapshot of the set.
  public var meta: [String: MetadataValue] = [:]
  public var hooks = Hooks()
  /// Names of notifications.
  public var notify: [String] = []
  /// Nil: no alarm about changes.
  public var changeAlarm: ChangeAlarm? = ChangeAlarm()
  public var drills: [Drill] = []

  public init(name: String) { self.name = name }
}

/// One thing that is captured into a snapshot of its own, with a retention of its own.
public struct Source: Sendable {
  public enum Origin: Sendable, Equatable {
    /// A file or directory. A change while it is read is reported.
    case path(String)
    /// A SQLite database, captured by the online backup interface and stored under its own path.
    case sqlite(String)
    /// The standard output of a command, stored as one file of this path.
    case command(CommandSpecification, fileName: String)
  }

  /// Unique in its profile: 1 to 64 of a–z, A–Z, 0–9, `.`, `_`, `-`.
  public var name: String
  public var origin: Origin
  public var excludes: [String] = []
  public var oneFileSystem = false
  public var excludeCaches = false
  /// The mean size of chunks; nil for what suits.
  public var chunkSize: Int?
  /// Nil: the policy that the repository has for it, if any.
  public var retention: RetentionRules?
  /// Overrides the profile's.
  public var maximumAge: Int64?
  /// That there is nothing in it any more, or that it is a symbolic link, is as it should be.
  public var mayBeEmpty = false
  /// A restore by profile asks first; the service restores it only when the request confirms it.
  public var isSensitive = false
  public var tags: [String] = []

  public init(name: String, origin: Origin) {
    self.name = name
    self.origin = origin
  }
}

/// A program that is run.
public struct CommandSpecification: Sendable, Equatable {
  public enum Form: Sendable, Equatable {
    /// For `/bin/sh -c`.
    case shell(String)
    /// A program, found through PATH, and its arguments.
    case arguments([String])
  }

  public var form: Form
  /// Seconds after which it is ended, first by SIGTERM, then by SIGKILL, with all of its process group.
  public var timeout: Double = 300
  public var environment: [String: String] = [:]
  public var workingDirectory: String?

  public init(_ form: Form) { self.form = form }
}

public enum MetadataValue: Sendable, Equatable {
  case text(String)
  /// What a command prints, without white space at its ends. When it fails, the run fails.
  case command(CommandSpecification)
  /// The SHA-256 of a file, in hex.
  case digest(path: String)
}

/// Commands around a run or a restore. They see `VARVE_PROFILE`, `VARVE_EVENT`, and afterwards `VARVE_RESULT`.
public struct Hooks: Sendable, Equatable {
  /// The first that fails stops the run.
  public var before: [CommandSpecification] = []
  /// All of them always run when any of `before` was begun.
  public var after: [CommandSpecification] = []
  public var onSuccess: [CommandSpecification] = []
  public var onFailure: [CommandSpecification] = []
  /// Around restores over live files: stop and start services.
  public var beforeRestore: [CommandSpecification] = []
  public var afterRestore: [CommandSpecification] = []

  public init() {}
}

/// When a run's change is so large that somebody should look: growth, mass rewriting, entropy.
public struct ChangeAlarm: Sendable, Equatable {
  /// New bytes of a run over the median of the runs before.
  public var growthFactor: Double = 10
  /// Part of the files that were changed or removed, from 0 to 1.
  public var rewrittenPart: Double = 0.5
  /// Stored over read bytes of what is new: from here on it looks encrypted, if it did not before.
  public var incompressiblePart: Double = 0.97
  /// Below so many new bytes nothing is said.
  public var minimumBytes: Int64 = 64 << 20

  public init() {}
}
