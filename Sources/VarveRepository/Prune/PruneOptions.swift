public import Synchronization
import VarveFormat

/// How a repository is pruned.
public struct PruneOptions: Sendable {
  /// An amount of bytes, as a user gives it.
  public enum Amount: Sendable, Equatable {
    case bytes(UInt64)
    /// A part of what is used.
    case fraction(Double)
    case unlimited
  }

  /// The default time between condemning and sweeping, in seconds.
  public static let usualGrace: Int64 = 86_400

  /// Unused bytes that may stay in packs that are used otherwise.
  public var maxUnused = Amount.fraction(0.03)
  /// Bytes of packs that are repacked at most; nil for no limit.
  public var maxRepackSize: UInt64?
  /// Whether packs far below the usual size are put together.
  public var repackSmall = false
  /// Seconds between condemning and sweeping; 0 sweeps at once.
  public var grace = PruneOptions.usualGrace
  /// Threads; nil for one a processor.
  public var workers: Int?

  public init() {}
}

/// How far pruning has come; counters that only grow.
public final class PruneProgress: Sendable {
  public let snapshotsDone = Atomic<UInt64>(0)
  public let nodesRead = Atomic<UInt64>(0)
  public let bytesRepacked = Atomic<UInt64>(0)
  public let objectsDeleted = Atomic<UInt64>(0)

  public init() {}
}
