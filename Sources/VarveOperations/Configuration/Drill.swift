public import VarveFormat

/// A restore that is made to see that restores work (docs/drills.md).
public struct Drill: Sendable, Equatable {
  public enum Sample: Sendable, Equatable {
    case all
    /// So many files, chosen at random.
    case files(Int)
    /// So many hundredths of the files, chosen at random.
    case percent(Double)
  }

  /// Unique in its profile.
  public var name: String
  public var schedule: Schedule?
  /// Names of sources; empty for all of the profile's.
  public var sources: [String] = []
  public var sample: Sample = .all
  /// Seconds from the start to the last check; longer fails.
  public var recoveryTime: Int64?
  /// Seconds between the snapshot and the start; an older one fails.
  public var recoveryPoint: Int64?
  public var checks: [DrillCheck] = []
  /// Programs that run on what was restored while the checks that come after run.
  public var services: [DrillService] = []

  public init(name: String) { self.name = name }
}

/// What must hold of what was restored. Paths are those of the source, and looked up below the directory of the drill.
public enum DrillCheck: Sendable, Equatable {
  /// `PRAGMA integrity_check` says `ok`.
  case integrity(path: String)
  /// Tables that must exist, each with at least so many rows.
  case tables(path: String, [String: Int64])
  case minimumSize(path: String, bytes: Int64)
  /// The SHA-256 of a file.
  case digest(path: String, Digest)
  /// Exit status 0. It runs in the directory of the drill; `VARVE_DRILL_DIRECTORY` names it.
  case command(CommandSpecification)
  case http(HTTPProbe)
}

public struct HTTPProbe: Sendable, Equatable {
  public var url: String
  public var status = 200
  /// What the body must have in it.
  public var contains: String?
  /// Seconds; asked again until then.
  public var timeout: Double = 30

  public init(url: String) { self.url = url }
}

public struct DrillService: Sendable, Equatable {
  public var name: String
  public var command: CommandSpecification
  /// Asked until it answers; nil: it is taken for ready at once.
  public var ready: HTTPProbe?

  public init(name: String, command: CommandSpecification) {
    self.name = name
    self.command = command
  }
}
