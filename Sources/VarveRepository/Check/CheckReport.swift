public import VarveFormat

/// What a check found. Everything is collected; a check does not stop at the first damage.
public struct CheckReport: Sendable {
  /// One thing that is wrong with one object.
  public struct Damage: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
      /// The log says it is there, and it is not.
      case missing
      /// Its bytes are not what its name, seal, signature or grammar says.
      case damaged
      /// Storage refused to give it.
      case unreadable
    }

    /// The object's name, as section 3 of docs/format.md spells it.
    public var object: String
    public var kind: Kind
    /// What exactly is wrong, one sentence.
    public var message: String
    /// Whether the object can be derived again from the log's commits: a tile or the checkpoint.
    public var isDerived: Bool

    public init(object: String, kind: Kind, message: String, isDerived: Bool = false) {
      self.object = object
      self.kind = kind
      self.message = message
      self.isDerived = isDerived
    }
  }

  /// A live snapshot of which something cannot be restored.
  public struct AffectedSnapshot: Sendable, Hashable {
    public var id: Digest
    /// From its record; nil when the record itself cannot be read.
    public var time: Timestamp?
    public var host: [UInt8]
    /// What cannot be restored in full: files, and directories of which the entries are unknown, these
    /// with a `/` at the end. Relative to the snapshot's root, ascending. Of a record that cannot be
    /// read: empty.
    public var paths: [[UInt8]]
    /// Whether it is no longer known which files are hard links to each other.
    public var hasLostLinks = false

    public init(id: Digest, time: Timestamp? = nil, host: [UInt8] = [], paths: [[UInt8]] = []) {
      self.id = id
      self.time = time
      self.host = host
      self.paths = paths
    }
  }

  /// In the order in which they were found.
  public var damages: [Damage] = []
  /// In the order of the log.
  public var affected: [AffectedSnapshot] = []
  /// Objects in storage that the log does not name: left by interrupted runs, or of one that is still
  /// running. No damage.
  public var unreferenced: [ObjectReference] = []
  /// What could not be checked, and why; one sentence each. No damage.
  public var notChecked: [String] = []

  public var snapshots: UInt64 = 0
  /// Live objects whose presence and size were checked.
  public var objects: UInt64 = 0
  /// Distinct tree nodes that were parsed.
  public var treeNodes: UInt64 = 0
  /// Chunks that files refer to and that were looked up; of a tree that snapshots share, once.
  public var chunks: UInt64 = 0
  public var indexSegments: UInt64 = 0
  public var packs: UInt64 = 0
  /// Of them, those that were read whole, and their bytes.
  public var packsRead: UInt64 = 0
  public var bytesRead: UInt64 = 0
  /// Chunks whose addresses were computed again.
  public var chunksVerified: UInt64 = 0
  /// Entries of the log, all verified.
  public var logEntries: UInt64 = 0
  /// The index of the log entry that records this check; nil when there is none.
  public var entry: UInt64?
  public var start: Timestamp
  /// From a monotonic clock, in nanoseconds.
  public var duration: UInt64 = 0

  public init(start: Timestamp) { self.start = start }

  public var isDamaged: Bool { !damages.isEmpty }
  public var isOK: Bool { damages.isEmpty }
}
