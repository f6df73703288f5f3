public import VarveFormat
public import VarveRepository

/// What was read of a repository, for its status.
public struct RepositoryFacts: Sendable {
  /// How far reading got.
  public enum Access: Sendable, Equatable {
    case read
    /// Somebody's fault, not the network's: a rollback, a broken chain, damage.
    case broken(String)
    case unreachable(String)
    case locked(String)
    /// Its log lacks cosignatures without which it is not believed.
    case unwitnessed(String)
  }

  /// A live snapshot whose record could be opened.
  public struct Snapshot: Sendable, Equatable {
    public var id: Digest
    public var entry: UInt64
    public var heading: SnapshotHeading

    public init(id: Digest, entry: UInt64, heading: SnapshotHeading) {
      self.id = id
      self.entry = entry
      self.heading = heading
    }

    public var profile: String? { heading.meta["profile"] }
    public var source: String? { heading.meta["source"] }
    public var set: String? { heading.meta["set"] }
  }

  /// A check that the log records.
  public struct Check: Sendable, Equatable {
    public var time: Timestamp
    public var isDamaged: Bool
    public var scope: String
    public var entry: UInt64
    /// Whether it read every pack that there was, whatever its scope.
    public var hasReadAllPacks: Bool
    /// Whether it was made with a writer's credential, which opens no records and no trees.
    public var isWriters: Bool

    public init(
      time: Timestamp, isDamaged: Bool, scope: String, entry: UInt64 = 0,
      hasReadAllPacks: Bool = false, isWriters: Bool = false
    ) {
      self.time = time
      self.isDamaged = isDamaged
      self.scope = scope
      self.entry = entry
      self.hasReadAllPacks = hasReadAllPacks
      self.isWriters = isWriters
    }

    init(_ check: LogState.Check, by role: Role?) {
      let counts = check.result.counts
      self.init(
        time: check.time, isDamaged: check.result.isDamaged, scope: check.result.scope,
        entry: check.entry,
        hasReadAllPacks: counts["packs"].flatMap { all in
          counts["packsRead"].map { $0 >= all }
        } ?? false, isWriters: role == .writer)
    }
  }

  /// A live snapshot as the log alone has it.
  public struct LoggedSnapshot: Sendable, Equatable {
    public var id: Digest
    public var entry: UInt64
    /// The opaque id of the host and paths saved; nil in entries from before there were any.
    public var source: Digest?
    /// The record's time where the entry says it; else that of the first entry of that tree that is known.
    public var taken: Timestamp
    public var isPartial: Bool

    public init(
      id: Digest, entry: UInt64, source: Digest?, taken: Timestamp, isPartial: Bool = false
    ) {
      self.id = id
      self.entry = entry
      self.source = source
      self.taken = taken
      self.isPartial = isPartial
    }
  }

  /// A drill that the log records, of one that the configuration names.
  public struct Drill: Sendable, Equatable {
    public var profile: String
    public var drill: String
    public var started: Timestamp
    public var hasPassed: Bool
    public var milliseconds: Int64
    /// Seconds between the snapshot and the start.
    public var recoveryPoint: Int64?
    public var entry: UInt64

    public init(
      profile: String, drill: String, started: Timestamp, hasPassed: Bool, milliseconds: Int64,
      recoveryPoint: Int64? = nil, entry: UInt64 = 0
    ) {
      self.profile = profile
      self.drill = drill
      self.started = started
      self.hasPassed = hasPassed
      self.milliseconds = milliseconds
      self.recoveryPoint = recoveryPoint
      self.entry = entry
    }

    public var seconds: Int64 { milliseconds / 1_000 }
  }

  public var access: Access
  /// When it was read.
  public var read: Timestamp
  public var origin = ""
  public var logSize: UInt64?
  public var liveCount: Int?
  public var storedBytes: UInt64?
  /// In the order of the log; nil where records cannot be opened.
  public var snapshots: [Snapshot]?
  /// In the order of the log; nil unless they were asked for (`readSnapshotEntries`).
  public var loggedSnapshots: [LoggedSnapshot]?
  /// What bounds the times of all of them.
  public var entryTimes = EntryTimes()
  /// In the order of the log.
  public var checks: [Check] = []
  /// In the order of the log.
  public var maintenance: [MaintenanceEntry] = []
  /// In the order of the log, by authors who can restore; none where the names of drills cannot be told from their ids.
  public var drills: [Drill] = []
  /// When witnesses or authorities attested the log's state.
  public var attestations: [Timestamp] = []
  /// When something was condemned or swept.
  public var deletions: [Timestamp] = []
  /// Where a witness policy is configured: when a quorum last cosigned, or why the log is not believed.
  public var witnessed: Timestamp?
  public var witnessFailure: String?

  public init(_ access: Access, read: Timestamp) {
    self.access = access
    self.read = read
  }

  /// What an error says of a repository that was to be read.
  public init(_ error: any Error, read: Timestamp) {
    let known = error as? VarveError
    let message = known?.message ?? "\(error)"
    switch known?.code {
    case .rollback?, .damaged?, .unauthorized?, .missing?:
      self.init(.broken(message), read: read)
    case .unproved?: self.init(.unwitnessed(message), read: read)
    case .wrongPassword?, .forbidden?, .usage?, .unsupportedFormat?:
      self.init(.locked(message), read: read)
    default: self.init(.unreachable(message), read: read)
    }
  }

  /// What the log says by itself.
  public init(_ log: Log, read: Timestamp) {
    self.init(.read, read: read)
    let state = log.state
    origin = log.config.origin
    logSize = state.size
    liveCount = state.snapshots.count
    entryTimes = EntryTimes(state)
    checks = state.checks.map { Check($0, by: state.authors[$0.author]?.role) }
    maintenance = MaintenanceEntry.all(in: state)
    attestations = state.attestations.map(\.time)
    deletions = state.condemnations.values.map(\.time).sorted()
  }

  /// What the log says, and what records that this credential can open.
  ///
  /// - Parameter profiles: whose drills are looked for.
  /// - Throws: `VarveError.Code.missing` or `damaged` naming the record or inventory that is.
  public init(
    _ repository: UnlockedRepository, profiles: [Profile] = [], read: Timestamp
  ) throws {
    self.init(repository.log, read: read)
    let objects = try KnownObjects(repository.log.state, storage: repository.metadata).live
    storedBytes = (objects.packs.values.reduce(0, &+)) &+ objects.indexSegments.values.reduce(0, &+)
    let live = repository.log.state.snapshotsInOrder
    let headings =
      repository.role == .writer ? [] : try repository.snapshotHeadings(live.map(\.id))
    drills = Self.drills(
      of: profiles, DrillIDs(try repository.keys.opaqueIDs(), profiles, headings),
      repository.log.state)
    guard repository.role != .writer else { return }
    snapshots = zip(live, headings).map {
      Snapshot(id: $0.id, entry: $0.entry, heading: $1)
    }
  }

  /// Reads what the log says of live snapshots to somebody who cannot open their records.
  ///
  /// - Throws: what reading entries throws.
  /// - Complexity: O(live snapshots), each an entry that is read.
  public mutating func readSnapshotEntries(of log: Log) throws {
    let state = log.state
    loggedSnapshots = try state.snapshotsInOrder.map { snapshot in
      var taken: Timestamp?
      try log.forEachEntry(in: snapshot.entry..<snapshot.entry + 1) { entry in
        if case .snapshot(let addition) = entry.statement.body { taken = addition.taken }
      }
      // A change of tags has an entry of today, and data of then.
      let first = snapshot.original.flatMap { state.forgotten[$0]?.snapshot.time }
      return LoggedSnapshot(
        id: snapshot.id, entry: snapshot.entry, source: snapshot.source,
        taken: taken ?? first.map { min($0, snapshot.time) } ?? snapshot.time,
        isPartial: snapshot.isPartial)
    }
  }

  private static func drills(
    of profiles: [Profile], _ ids: DrillIDs, _ state: LogState
  ) -> [Drill] {
    var names: [Digest: (profile: String, drill: String)] = [:]
    for profile in profiles {
      for drill in profile.drills {
        for id in ids.all(drill.name, ofProfile: profile.name) {
          names[id] = (profile.name, drill.name)
        }
      }
    }
    return state.credibleReceipts.compactMap { entry in
      let receipt = entry.receipt
      guard receipt.activity == .drill, let name = receipt.digests["drill"].flatMap({ names[$0] })
      else { return nil }
      return Drill(
        profile: name.profile, drill: name.drill, started: receipt.started,
        hasPassed: receipt.result == .ok, milliseconds: max(0, receipt.counts["milliseconds"] ?? 0),
        recoveryPoint: receipt.counts["recoveryPointSeconds"], entry: entry.entry)
    }
  }
}
