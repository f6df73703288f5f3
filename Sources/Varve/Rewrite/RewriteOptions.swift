public import VarveFormat

/// What a rewrite changes in snapshots.
public struct RewriteOptions: Sendable {
  /// Patterns of paths to leave out, as a backup takes them; of the snapshot's paths, which begin at its root.
  public var excludes: [[UInt8]] = []
  public var caseInsensitiveExcludes: [[UInt8]] = []
  /// The host that the new records name.
  public var host: [UInt8]?
  /// The time that the new records name.
  public var time: Timestamp?
  /// Whether the old snapshots are forgotten in the same commit. Otherwise the new ones have the tag `rewrite`.
  public var forgets = false
  public var dryRun = false
  /// Threads; nil for as many as there are processors.
  public var workers: Int?

  public init() {}
}

/// What a rewrite did.
public struct RewriteReport: Sendable, Equatable {
  /// A snapshot that changes.
  public struct Change: Sendable, Equatable {
    public let old: Digest
    /// Nil after a dry run.
    public internal(set) var new: Digest?
    /// Regular files in the new one, and their bytes; nil when nothing was excluded.
    public let files: UInt64?
    public let bytes: UInt64?
    /// How much less that is than in the old one, where its record says so.
    public let removedFiles: UInt64?
    public let removedBytes: UInt64?
  }

  /// In the order given.
  public internal(set) var changes: [Change] = []
  /// Snapshots to which nothing was to be done.
  public internal(set) var unchanged: [Digest] = []
  /// Snapshots that an earlier run has rewritten just so, and what it made of them.
  public internal(set) var present: [Digest: Digest] = [:]
  /// Old snapshots that were forgotten, or would be in a dry run: of those that change and of those in `present`.
  public internal(set) var forgotten: [Digest] = []

  public init() {}
}
