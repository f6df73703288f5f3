public import VarveFormat
public import VarveRepository

/// What the log says of drills: what was begun, what came of it, in the order of the log. No host can leave one out. What
/// authors say who cannot restore is none.
public struct DrillHistory: Sendable {
  public struct Run: Sendable {
    public var startEntry: UInt64
    public var started: Timestamp
    /// The keyed id of profile and drill.
    public var drill: Digest?
    public var author: KeyID
    public var snapshots: [Digest]
    public var scope: String
    /// The receipt; nil for one that was killed, or is under way.
    public var end: End?

    /// Whether it was begun so long ago that nobody waits for its end.
    public func isAbandoned(at now: Timestamp) -> Bool {
      end == nil && now.seconds &- started.seconds > DrillHistory.longestDrill
    }
  }

  public struct End: Sendable {
    public var entry: UInt64
    public var ended: Timestamp
    public var hasPassed: Bool
    public var counts: [String: Int64]
    public var document: Digest?

    public var milliseconds: Int64? { counts["milliseconds"] }
    public var recoveryPoint: Int64? { counts["recoveryPointSeconds"] }
    public var recoveryTimeTarget: Int64? { counts["recoveryTimeTarget"] }
    public var recoveryPointTarget: Int64? { counts["recoveryPointTarget"] }
  }

  /// In seconds; what has no end after it is a finding of audits, too.
  public static let longestDrill: Int64 = 86_400

  /// In the order in which they began.
  public private(set) var runs: [Run] = []

  public init(_ state: LogState) {
    var places: [UInt64: Int] = [:]
    for row in state.credibleReceipts {
      let receipt = row.receipt
      switch receipt.activity {
      case .drillStart:
        places[row.entry] = runs.count
        runs.append(
          Run(
            startEntry: row.entry, started: receipt.started, drill: receipt.digests["drill"],
            author: row.author, snapshots: receipt.snapshots, scope: receipt.scope))
      case .drill:
        // Somebody else's word, or a second one, is no end of it.
        guard let start = receipt.counts["startEntry"].flatMap({ UInt64(exactly: $0) }),
          let place = places[start], runs[place].author == row.author, runs[place].end == nil
        else { continue }
        runs[place].end = End(
          entry: row.entry, ended: row.time, hasPassed: receipt.result == .ok,
          counts: receipt.counts, document: receipt.digests["document"])
      default: break
      }
    }
  }

  /// Those with one of the ids.
  public func runs(of ids: [Digest]) -> [Run] {
    runs.filter { $0.drill.map(ids.contains) ?? false }
  }
}
