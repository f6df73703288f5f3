/// What a restore did: restic's summary (docs/json.md, "restore"), and what failed.
public struct RestoreReport: Sendable {
  /// Files, directories, links and special files selected.
  public var itemsTotal: UInt64 = 0
  /// Of them, those that were written or whose metadata was set.
  public var itemsRestored: UInt64 = 0
  /// Left as they were, because of the overwrite rule or because they were equal.
  public var itemsSkipped: UInt64 = 0
  /// Removed from the target.
  public var itemsDeleted: UInt64 = 0
  public var bytesTotal: UInt64 = 0
  public var bytesRestored: UInt64 = 0
  public var bytesSkipped: UInt64 = 0
  /// Files read back and compared, and their bytes; 0 without `verify`.
  public var filesVerified: UInt64 = 0
  public var bytesVerified: UInt64 = 0
  /// Each item that is not as the snapshot has it, by path in the target.
  public var problems: [RestoreProblem] = []
  /// What holds for many items and is no failure: owners that only root may set, for one.
  public var warnings: [String] = []
  public var dryRun = false
  /// In nanoseconds.
  public var duration: UInt64 = 0

  public init() {}
}

/// Something that could not be restored, or could not be restored in full.
public struct RestoreProblem: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// The operating system refused.
    case target
    /// The repository's data is damaged or missing; the command exits with 20.
    case damage
    /// `verify` found a difference.
    case verification
  }

  /// Relative to the target.
  public var path: [UInt8]
  public var message: String
  public var kind: Kind
  /// Whether its content is in the target all the same, and only metadata could not be set.
  var isWhole = false

  public init(path: [UInt8], message: String, kind: Kind) {
    self.path = path
    self.message = message
    self.kind = kind
  }
}
