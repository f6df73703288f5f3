public import Synchronization
public import VarveFormat

/// How snapshots are copied.
public struct CopyOptions: Sendable {
  /// How often what is stored so far is committed as a partial snapshot, in nanoseconds; 0 for never.
  public var partialInterval: UInt64 = 900_000_000_000
  /// Whether holds that are in force at the source are set at the target, too.
  public var copiesHolds = false
  public var dryRun = false
  /// Threads; nil for as many as there are processors.
  public var workers: Int?
  /// Bytes of content that a thread takes over at a time; a partial snapshot can come between two such steps.
  package var stepByteCount: UInt64 = 32 << 20

  public init() {}
}

/// Counters that a copy adds to and a progress display reads.
public final class CopyProgress: Sendable {
  public let snapshotsTotal = Atomic<UInt64>(0)
  public let snapshotsDone = Atomic<UInt64>(0)
  /// Bytes of chunks that the target has not, as far as they are known, and of those that were taken over.
  public let bytesFound = Atomic<UInt64>(0)
  public let bytesDone = Atomic<UInt64>(0)
  public let errors = Atomic<UInt64>(0)

  public init() {}
}

/// Hears about a copy while it runs; `failed` from any thread.
public protocol CopyObserver: AnyObject, Sendable {
  var progress: CopyProgress { get }
  /// A snapshot is in the target.
  func copied(_ copy: CopyReport.Copied)
  /// Something of a snapshot cannot be read: it will not be copied.
  func failed(_ problem: CopyReport.Problem)
  /// What is stored so far has been committed as a partial snapshot.
  func savedPartial(_ snapshot: Digest)
}

/// What a copy did.
public struct CopyReport: Sendable {
  /// A snapshot that was copied.
  public struct Copied: Sendable, Equatable {
    public let source: Digest
    /// Its id at the target; nil after a dry run.
    public let target: Digest?
    /// When it was saved, of which host.
    public let time: Timestamp
    public let host: [UInt8]
  }

  /// Something that cannot be read.
  public struct Problem: Sendable, Equatable {
    /// The snapshot at the source.
    public let snapshot: Digest
    /// A path in it; nil for the snapshot's record or its link table.
    public let path: [UInt8]?
    public let message: String
  }

  public internal(set) var copied: [Copied] = []
  /// Snapshots that the target has already.
  public internal(set) var present: [Digest] = []
  /// Snapshots that were not copied because they are not whole.
  public internal(set) var failed: [Digest] = []
  /// Snapshots that were forgotten at the source before they were copied.
  public internal(set) var gone: [Digest] = []
  /// Of the target, copies that were there already and are held now as their originals are; not their originals.
  public internal(set) var held: [Digest] = []
  public internal(set) var problems: [Problem] = []
  public internal(set) var dryRun = false
  /// Chunks, nodes and bytes that were new at the target, and by how much its storage grew.
  public internal(set) var dataChunks: UInt64 = 0
  public internal(set) var treeChunks: UInt64 = 0
  public internal(set) var dataAdded: UInt64 = 0
  public internal(set) var dataAddedPacked: UInt64 = 0
  /// From a monotonic clock, in nanoseconds.
  public internal(set) var duration: UInt64 = 0

  public init() {}
}
