public import Synchronization

/// How a repository is mirrored.
public struct MirrorOptions: Sendable {
  /// Whether what the source has swept is removed at the target.
  public var deletes = true
  /// Whether objects that the target has are read and hashed, and replaced where they are damaged.
  public var readsData = false
  public var dryRun = false
  /// Packs and index segments under way at once; each is held in memory as a whole (32 MiB by default).
  public var transfers = 4
  /// Requests under way at once for commits and other small objects.
  public var requests = 16

  public init() {}
}

/// Counters that mirroring adds to and a progress display reads.
public final class MirrorProgress: Sendable {
  /// Objects that are copied or, with `readsData`, read; final once `isPlanned`.
  public let objectsTotal = Atomic<UInt64>(0)
  public let objectsDone = Atomic<UInt64>(0)
  /// Their bytes, as far as the log says how many.
  public let bytesTotal = Atomic<UInt64>(0)
  public let bytesDone = Atomic<UInt64>(0)
  public let commitsTotal = Atomic<UInt64>(0)
  public let commitsDone = Atomic<UInt64>(0)
  public let errors = Atomic<UInt64>(0)
  public let isPlanned = Atomic<Bool>(false)

  public init() {}
}

/// Hears about mirroring while it goes on; `failed` from any thread.
public protocol MirrorObserver: AnyObject, Sendable {
  var progress: MirrorProgress { get }
  /// An object could not be brought to the target.
  func failed(_ failure: MirrorReport.Failure)
}
