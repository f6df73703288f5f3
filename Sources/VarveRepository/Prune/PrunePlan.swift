public import VarveFormat

/// What pruning will do: computed first, then shown, then done.
public struct PrunePlan: Sendable {
  /// Live packs, and their bytes.
  public internal(set) var packs: UInt64 = 0
  public internal(set) var byteCount: UInt64 = 0
  /// Bytes in live packs that nothing needs.
  public internal(set) var unusedByteCount: UInt64 = 0
  /// Packs of which nothing is needed.
  public internal(set) var deadPacks: [ObjectReference] = []
  /// Packs whose used chunks go into new ones; the one with the largest part unused first.
  public internal(set) var repackedPacks: [ObjectReference] = []
  /// Bytes that are copied from them.
  public internal(set) var repackByteCount: UInt64 = 0
  /// Index segments that are replaced.
  public internal(set) var replacedSegments: [ObjectReference] = []
  /// Records of forgotten snapshots.
  public internal(set) var records: [ObjectReference] = []
  /// Packs and index segments that the log calls lost.
  public internal(set) var lost: [ObjectReference] = []
  /// Objects that no log entry names and no session at work can have stored.
  public internal(set) var orphans: [ObjectReference] = []
  /// Such objects as were left alone, since a session at work may have stored them or they are too young.
  public internal(set) var sparedOrphans: UInt64 = 0
  /// Objects that were swept before and are still there.
  public internal(set) var leftovers: [ObjectReference] = []
  /// Condemn entries that are swept, apart from the one that this plan makes.
  public internal(set) var sweptEntries: [UInt64] = []
  /// Bytes of what they condemn.
  public internal(set) var sweptByteCount: UInt64 = 0
  /// Objects that were condemned before and wait for the end of the grace period, and their bytes.
  public internal(set) var waitingObjects: UInt64 = 0
  public internal(set) var waitingByteCount: UInt64 = 0
  /// When the last of them may be swept; nil when none waits.
  public internal(set) var waitingUntil: Timestamp?
  /// Held snapshots that are not whole: what they have lost, and what could be reached only through it, stays lost.
  public internal(set) var heldWithLosses: [Digest] = []
  /// Live packs that no index segment lists: they stay.
  public internal(set) var unindexedPacks: UInt64 = 0

  /// Bytes that will be unused when the plan is done.
  public var remainingUnusedByteCount: UInt64 {
    unusedByteCount - min(unusedByteCount, removedUnusedByteCount)
  }
  var removedUnusedByteCount: UInt64 = 0

  /// What is condemned, ascending by name.
  var condemned: [ObjectReference] {
    (deadPacks + repackedPacks + replacedSegments + records + lost + orphans).sorted()
  }

  /// Of the packs that it was made to condemn.
  var condemnedPacks: Set<Digest> { Set((deadPacks + repackedPacks).compactMap(\.digest)) }

  /// Whether there is nothing to be done.
  public var isEmpty: Bool {
    condemned.isEmpty && leftovers.isEmpty && sweptEntries.isEmpty
  }
}

/// What pruning has done.
public struct PruneReport: Sendable {
  public let plan: PrunePlan
  /// The index of the condemn entry; nil when nothing was condemned.
  public internal(set) var condemnation: UInt64?
  /// Objects that were condemned, and their bytes.
  public internal(set) var condemnedObjects: UInt64 = 0
  public internal(set) var condemnedByteCount: UInt64 = 0
  /// Objects that were stored instead, and their bytes.
  public internal(set) var storedObjects: UInt64 = 0
  public internal(set) var storedByteCount: UInt64 = 0
  /// Objects that were deleted.
  public internal(set) var deleted = Deleted()
  /// Packs that were to be condemned, but which a snapshot needs that came meanwhile.
  public internal(set) var savedPacks: UInt64 = 0

  /// Objects that were there and are gone, and their bytes.
  public struct Deleted: Sendable {
    public internal(set) var objects: UInt64 = 0
    public internal(set) var byteCount: UInt64 = 0
  }

  public var deletedObjects: UInt64 { deleted.objects }
  public var deletedByteCount: UInt64 { deleted.byteCount }

  init(_ plan: PrunePlan) { self.plan = plan }
}
