public import Synchronization

/// Counters that restore workers add to and a progress display reads whenever it likes.
public final class RestoreProgress: Sendable {
  /// What the plan holds; final once `planned` is true.
  public let itemsTotal = Atomic<UInt64>(0)
  public let bytesTotal = Atomic<UInt64>(0)
  public let planned = Atomic<Bool>(false)
  public let itemsRestored = Atomic<UInt64>(0)
  public let bytesRestored = Atomic<UInt64>(0)
  public let itemsSkipped = Atomic<UInt64>(0)
  public let bytesSkipped = Atomic<UInt64>(0)
  public let itemsDeleted = Atomic<UInt64>(0)
  /// Grows once restoring is done and `verify` was asked for; towards `bytesTotal`.
  public let bytesVerified = Atomic<UInt64>(0)
  public let errors = Atomic<UInt64>(0)

  public init() {}
}

/// Hears about a restore while it runs, from any thread, several at once.
public protocol RestoreObserver: AnyObject, Sendable {
  /// The counters that the restore keeps up to date.
  var progress: RestoreProgress { get }
  /// Whether `finished(_:)` is wanted; asked once, at the start.
  var wantsItems: Bool { get }
  /// An item could not be restored; it will be in the report, too.
  func failed(_ problem: RestoreProblem)
  /// An item is done, or would be in a dry run. Called only when `wantsItems`.
  func finished(_ item: RestoreItem)
}

/// One item that a restore has dealt with.
public struct RestoreItem: Sendable {
  public enum Action: String, Sendable {
    /// It was not there.
    case restored
    /// It was there and differed.
    case updated
    /// It was left as it was.
    case unchanged
    case deleted
  }

  /// Relative to the target.
  public var path: [UInt8]
  public var isDirectory: Bool
  public var action: Action
  public var size: UInt64

  public init(path: [UInt8], isDirectory: Bool, action: Action, size: UInt64) {
    self.path = path
    self.isDirectory = isDirectory
    self.action = action
    self.size = size
  }
}
