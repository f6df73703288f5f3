extension LogStatement {
  /// Somebody did something with the repository, and says what came of it (docs/format.md, section 12).
  public struct Receipt: Equatable, Sendable {
    /// What was done: 1 to 32 of the letters a to z and `-`; others than these may come.
    public struct Activity: RawRepresentable, Hashable, Sendable {
      public let rawValue: String

      private init(_ rawValue: String) { self.rawValue = rawValue }

      /// Nil for other characters, too few of them or too many.
      public init?(rawValue: String) {
        let letters = UInt8(ascii: "a")...UInt8(ascii: "z")
        guard (1...32).contains(rawValue.utf8.count),
          rawValue.utf8.allSatisfy({ letters.contains($0) || $0 == UInt8(ascii: "-") })
        else { return nil }
        self.rawValue = rawValue
      }

      public static let copy = Activity("copy")
      /// A drill and what came of it; `drillStart` says before that it begins.
      public static let drill = Activity("drill")
      public static let drillStart = Activity("drill-start")
      public static let prune = Activity("prune")
      public static let restore = Activity("restore")
      /// The sources of a profile were captured as one set.
      public static let run = Activity("run")
      public static let forget = Activity("forget")
      public static let check = Activity("check")
      /// A host is about to do what the scope names (decisions/0012).
      public static let claim = Activity("claim")
    }

    public enum Result: String, CaseIterable, Sendable {
      case ok
      /// Some of it could not be done.
      case incomplete
      case failed
    }

    /// More snapshots are not named in the entry.
    public static let snapshotLimit = 128
    /// The most counts, and the most digests.
    public static let memberLimit = 64
    /// The longest scope, and the longest name of a count or digest, in bytes.
    public static let textByteLimit = 256

    public let activity: Activity
    public let result: Result
    /// Whole seconds; it ended when the entry was signed.
    public let started: Timestamp
    public let counts: [String: Int64]
    public let digests: [String: Digest]
    /// How much of it was done, in the program's own words: never a path, a host, a user or a tag.
    public let scope: String
    /// Ascending, each once; at most `snapshotLimit`.
    public let snapshots: [Digest]

    public init(
      activity: Activity, result: Result, started: Timestamp, counts: [String: Int64],
      digests: [String: Digest] = [:], scope: String, snapshots: [Digest]
    ) {
      self.activity = activity
      self.result = result
      self.started = Timestamp(seconds: started.seconds)
      self.counts = counts
      self.digests = digests
      self.scope = scope
      self.snapshots = Array(Set(snapshots).sorted().prefix(Self.snapshotLimit))
    }
  }
}

extension LogStatement.Receipt {
  /// - Throws: `.damaged`.
  package init(_ json: JSONValue) throws {
    guard let activity = Activity(rawValue: try json.string("activity")) else {
      throw VarveError(.damaged, "its activity is not 1 to 32 small letters")
    }
    self.activity = activity
    guard let result = Result(rawValue: try json.string("result")) else {
      throw VarveError(.damaged, "its result is none that is known")
    }
    self.result = result
    started = try json.utcTime("started")
    scope = try json.string("scope")
    counts = try json.object("counts").mapValues { value in
      guard case .integer(let count) = value else {
        throw VarveError(.damaged, "a count is not an integer")
      }
      return count
    }
    let digests = try json.object("digests")
    let texts = JSONValue.object(digests)
    self.digests = try Dictionary(
      uniqueKeysWithValues: digests.keys.map { ($0, try texts.digest($0)) })
    let limit = Self.textByteLimit
    guard counts.count <= Self.memberLimit, digests.count <= Self.memberLimit,
      ([scope] + counts.keys + digests.keys).allSatisfy({ $0.utf8.count <= limit })
    else { throw VarveError(.damaged, "it has too many counts or digests, or too long a text") }
    snapshots = try json.digests("snapshots")
    guard snapshots.count <= Self.snapshotLimit,
      zip(snapshots, snapshots.dropFirst()).allSatisfy({ $0 < $1 })
    else { throw VarveError(.damaged, "its snapshots do not ascend, or are too many") }
  }

  package var members: [String: JSONValue] {
    [
      "activity": .string(activity.rawValue),
      "counts": .object(counts.mapValues { .integer($0) }),
      "digests": .object(digests.mapValues { .string($0.hex) }),
      "result": .string(result.rawValue), "scope": .string(scope),
      "snapshots": .digests(snapshots), "started": .string(started.utcSeconds),
    ]
  }
}
