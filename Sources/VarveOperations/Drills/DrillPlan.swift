public import VarveFormat

/// What a drill is going to do: decided and logged before anything is read.
public struct DrillPlan: Sendable {
  public struct Snapshot: Sendable, Equatable {
    public var source: String
    /// Nil when the source has none.
    public var id: Digest?
    /// When it was taken, as far as that is believed.
    public var taken: Timestamp?
    public var host: String
    public var paths: [String]
  }

  public var profile: String
  public var drill: Drill
  public var snapshots: [Snapshot]
  /// What the log calls it.
  public var id: Digest
  public var challenge: Digest
  /// Whether somebody else gave the challenge.
  public var isChallenged: Bool
  /// Random: without it nobody can guess what the digest of the plan stands for.
  public var nonce: Digest

  /// Canonical; its SHA-256 is in both receipts.
  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "challenge": .string(challenge.hex), "challenged": .bool(isChallenged),
      "checks": .array(drill.checks.map { .string($0.text) }),
      "drill": .string(drill.name), "nonce": .string(nonce.hex), "profile": .string(profile),
      "sample": .string(drill.sample.text),
      "services": .array(drill.services.map { .string("\($0.name): \($0.command.text)") }),
      "snapshots": .array(snapshots.map(\.json)),
    ]
    members["recoveryPointTarget"] = drill.recoveryPoint.map { .integer($0) }
    members["recoveryTimeTarget"] = drill.recoveryTime.map { .integer($0) }
    return .object(members)
  }
}

extension DrillPlan.Snapshot {
  fileprivate var json: JSONValue {
    var members: [String: JSONValue] = [
      "host": .string(host), "paths": .array(paths.map { .string($0) }),
      "source": .string(source),
    ]
    members["id"] = id.map { .string($0.hex) }
    members["taken"] = taken.map { .string($0.utcSeconds) }
    return .object(members)
  }
}

extension CommandSpecification {
  /// As it was written, more or less; never its environment.
  package var text: String {
    switch form {
    case .shell(let text): text
    case .arguments(let words): words.joined(separator: " ")
    }
  }
}

extension DrillCheck {
  package var text: String {
    switch self {
    case .integrity(let path): "integrity \(path)"
    case .tables(let path, let tables):
      "tables \(path): "
        + tables.sorted { $0.key < $1.key }.map { "\($0.key) ≥ \($0.value)" }
        .joined(separator: ", ")
    case .minimumSize(let path, let bytes): "size \(path) ≥ \(bytes)"
    case .digest(let path, let digest): "digest \(path) \(digest.hex)"
    case .command(let command): "command \(command.text)"
    case .http(let probe): "http \(probe.url)"
    }
  }

  /// The step that it would be, when it is not reached.
  func skipped(_ finding: String) -> DrillStep {
    let (kind, subject): (DrillStep.Kind, String) =
      switch self {
      case .integrity(let path): (.integrity, path)
      case .tables(let path, _): (.tables, path)
      case .minimumSize(let path, _): (.size, path)
      case .digest(let path, _): (.digest, path)
      case .command(let command): (.command, command.text)
      case .http(let probe): (.http, probe.url)
      }
    return DrillStep(kind, ByteText.printable(subject), .skipped, finding)
  }

  /// The file that it looks at, which is restored whatever the sample.
  var path: String? {
    switch self {
    case .integrity(let path), .tables(let path, _), .minimumSize(let path, _),
      .digest(let path, _):
      path
    case .command, .http: nil
    }
  }
}
