// What a drill was and what came of it: canonical JSON (docs/format.md, section 2), whose SHA-256 its receipt in the log
// has as `document`. Numbers are whole: durations in milliseconds, distances in seconds.

internal import VarveCrypto
public import VarveFormat

/// What a drill did.
public struct DrillRecord: Sendable, Equatable {
  package static let type = "varve-drill/1"
  /// Longer documents are none.
  package static let byteLimit = 64 << 20

  /// 16 random bytes in hex.
  public var id: String
  public var profile: String
  public var drill: String
  public var repository: String
  /// The log's verifier key.
  public var logKey: String
  public var host: String
  public var program: String
  public var started: Timestamp
  public var ended: Timestamp
  /// By a clock that never jumps, from the entry of the start to the last check.
  public var milliseconds: Int64 = 0
  /// Seconds between the oldest of the snapshots and the start; nil when one is missing.
  public var recoveryPoint: Int64?
  public var recoveryTimeTarget: Int64?
  public var recoveryPointTarget: Int64?
  public var plan: JSONValue
  public var planDigest: Digest
  /// The entry that says that it began.
  public var startEntry: UInt64
  public var filesTotal: Int64 = 0
  public var files: Int64 = 0
  public var bytes: Int64 = 0
  /// The SHA-256 of the list of what was restored.
  public var sampleDigest = Digest.zero
  public var steps: [DrillStep] = []
  public var warnings: [String] = []
  /// What somebody adds, such as the record of a decision.
  public var notes: [Note] = []

  public struct Note: Sendable, Equatable {
    public var name: String
    public var text: String

    public init(name: String, text: String) {
      self.name = name
      self.text = text
    }
  }

  public var hasPassed: Bool { failures.isEmpty }
  public var failures: [DrillStep] { steps.filter { $0.result == .failed } }

  /// What failed, in a line.
  public var summary: String? { failures.first.map { summary($0, $0.finding) } }

  /// The same without the names of files that were found in snapshots: what others are told.
  public var notice: String? {
    failures.first.map { first in
      let namesFiles = [.sample, .restore, .hashes, .cleanUp].contains(first.kind)
      return summary(first, namesFiles ? "it failed" : first.finding)
    }
  }

  private func summary(_ first: DrillStep, _ finding: String) -> String {
    let rest = failures.count - 1
    return "\(first.kind.rawValue) \(first.subject): \(finding)"
      + (rest > 0 ? " (and \(rest) more)" : "")
  }

  package var json: JSONValue {
    var members: [String: JSONValue] = [
      "bytes": .integer(bytes), "drill": .string(drill), "ended": .string(ended.utcSeconds),
      "files": .integer(files), "filesTotal": .integer(filesTotal), "host": .string(host),
      "id": .string(id), "logKey": .string(logKey),
      "notes": .array(notes.map { ["name": .string($0.name), "text": .string($0.text)] }),
      "plan": plan, "planDigest": .string(planDigest.hex), "profile": .string(profile),
      "program": .string(program), "recoveryTimeMilliseconds": .integer(milliseconds),
      "repository": .string(repository), "result": .string(hasPassed ? "passed" : "failed"),
      "sampleDigest": .string(sampleDigest.hex),
      "startEntry": .integer(Int64(clamping: startEntry)),
      "started": .string(started.utcSeconds), "steps": .array(steps.map(\.json)),
      "type": .string(Self.type), "warnings": .array(warnings.map { .string($0) }),
    ]
    members["recoveryPointSeconds"] = recoveryPoint.map { .integer($0) }
    members["recoveryTimeTarget"] = recoveryTimeTarget.map { .integer($0) }
    members["recoveryPointTarget"] = recoveryPointTarget.map { .integer($0) }
    return .object(members)
  }

  /// What the receipt's `document` is of.
  package var document: [UInt8] { json.canonicalBytes() }
  package var digest: Digest { SHA256.digest(document) }
}

extension DrillRecord {
  /// - Throws: `.damaged`; `.unsupportedFormat` for another type.
  package init(_ bytes: [UInt8], _ what: String) throws {
    guard bytes.count <= Self.byteLimit else {
      throw VarveError(.damaged, "\(what) is too long to be a drill's document")
    }
    let json = try JSONValue(canonical: bytes, what)
    guard try json.string("type") == Self.type else {
      throw VarveError(
        .unsupportedFormat, "\(what) is no drill's document that this version knows",
        hint: "use a newer version of varve")
    }
    id = try json.string("id")
    profile = try json.string("profile")
    drill = try json.string("drill")
    repository = try json.string("repository")
    logKey = try json.string("logKey")
    host = try json.string("host")
    program = try json.string("program")
    started = try json.utcTime("started")
    ended = try json.utcTime("ended")
    milliseconds = try json.integer("recoveryTimeMilliseconds")
    recoveryPoint = try json.optionalInteger("recoveryPointSeconds")
    recoveryTimeTarget = try json.optionalInteger("recoveryTimeTarget")
    recoveryPointTarget = try json.optionalInteger("recoveryPointTarget")
    plan = try json.member("plan")
    planDigest = try json.digest("planDigest")
    startEntry = try json.count("startEntry")
    filesTotal = try json.integer("filesTotal")
    files = try json.integer("files")
    self.bytes = try json.integer("bytes")
    sampleDigest = try json.digest("sampleDigest")
    steps = try json.array("steps").map(DrillStep.init)
    warnings = try json.strings("warnings")
    notes = try json.array("notes").map {
      Note(name: try $0.string("name"), text: try $0.string("text"))
    }
  }
}
