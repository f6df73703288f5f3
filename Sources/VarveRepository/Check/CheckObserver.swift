public import Synchronization

/// Counters that a check adds to and a progress display reads whenever it likes.
public final class CheckProgress: Sendable {
  /// Objects whose presence and size are looked at.
  public let objectsTotal = Atomic<UInt64>(0)
  public let objectsChecked = Atomic<UInt64>(0)
  public let snapshotsTotal = Atomic<UInt64>(0)
  public let snapshotsChecked = Atomic<UInt64>(0)
  public let treeNodes = Atomic<UInt64>(0)
  /// Packs that are read whole, and their bytes; the totals are final once `.data` has begun.
  public let packsTotal = Atomic<UInt64>(0)
  public let packsRead = Atomic<UInt64>(0)
  public let bytesTotal = Atomic<UInt64>(0)
  public let bytesRead = Atomic<UInt64>(0)
  public let damages = Atomic<UInt64>(0)

  public init() {}
}

/// What a check is doing.
public enum CheckStage: String, Sendable, CaseIterable {
  /// Opening the repository and verifying its log.
  case log
  /// Presence and size of all live objects, and the bytes of the small ones.
  case objects
  /// Snapshot records and trees.
  case trees
  /// Packs, byte by byte.
  case data
  /// Looking for the snapshots and files that damage affects.
  case affected
}

/// Hears about a check while it runs, from any thread, several at once.
public protocol CheckObserver: AnyObject, Sendable {
  /// The counters that the check keeps up to date.
  var progress: CheckProgress { get }
  func began(_ stage: CheckStage)
  /// Damage was found; it will be in the report, too.
  func found(_ damage: CheckReport.Damage)
}
