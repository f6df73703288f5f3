public import VarveFormat

/// What repairing the stored objects will do: computed first, then shown, then done.
public struct StorageRepairPlan: Sendable {
  /// An object that is damaged or missing.
  public struct Lost: Sendable, Equatable {
    public let object: ObjectReference
    /// What is wrong with it, one sentence.
    public let reason: String
  }

  /// Live packs, and those of them that were read to the last byte.
  public internal(set) var packs: UInt64 = 0
  public internal(set) var packsRead: UInt64 = 0
  /// Live packs that are damaged or missing; what can be read of them is saved first.
  public internal(set) var lostPacks: [Lost] = []
  /// Live index segments that are damaged or missing.
  public internal(set) var lostSegments: [Lost] = []
  /// Live index segments that are intact and do not say what the packs say.
  public internal(set) var wrongSegments: [ObjectReference] = []
  /// Live packs for which new index segments are made.
  public internal(set) var unlistedPacks: UInt64 = 0
  /// Packs that were lost, and are there again as they were; and those that only a lost inventory may have listed.
  public internal(set) var returnedPacks: [ObjectReference] = []
  /// Why inventories cannot be read that list what was added: what they listed and is there still is declared anew.
  public internal(set) var lostLists: [VarveError] = []

  /// Whether there is nothing to be done.
  public var isEmpty: Bool {
    lostPacks.isEmpty && lostSegments.isEmpty && wrongSegments.isEmpty && unlistedPacks == 0
      && returnedPacks.isEmpty && lostLists.isEmpty
  }
}

/// What repairing the stored objects has done.
public struct StorageRepairReport: Sendable {
  public let plan: StorageRepairPlan
  /// Chunks of damaged packs that were stored again, and their bytes.
  public internal(set) var savedChunks: UInt64 = 0
  public internal(set) var savedByteCount: UInt64 = 0
  /// Blocks of damaged packs that do not open, as far as it is known where blocks begin.
  public internal(set) var lostBlocks: UInt64 = 0
  /// New packs and index segments, and their bytes.
  public internal(set) var storedObjects: UInt64 = 0
  public internal(set) var storedByteCount: UInt64 = 0
  /// The indices of the log entries that say so; empty when there was nothing to do.
  public internal(set) var entries: [UInt64] = []

  init(_ plan: StorageRepairPlan) { self.plan = plan }
}
