public import Synchronization
public import VarveFormat

/// Counters that backup workers add to and a progress display reads whenever it likes.
///
/// Relaxed atomics: a reader sees each counter's recent value, not one consistent moment. Workers
/// should add once a file or once a MiB, whichever is rarer for them.
public final class BackupProgress: Sendable {
  /// What the scan has found so far.
  public let filesFound = Atomic<UInt64>(0)
  public let bytesFound = Atomic<UInt64>(0)
  /// Set once `filesFound` and `bytesFound` are final.
  public let scanFinished = Atomic<Bool>(false)
  /// What has been read, or found unchanged.
  public let filesDone = Atomic<UInt64>(0)
  public let directoriesDone = Atomic<UInt64>(0)
  public let bytesDone = Atomic<UInt64>(0)
  public let errors = Atomic<UInt64>(0)
  private let current = Mutex<[Int: [UInt8]]>([:])

  public init() {}

  /// Says what `worker` is reading, or nil when it has finished. Takes a lock: call it for files
  /// that take long (1 MiB and more), not for every one.
  public func setCurrent(_ path: [UInt8]?, worker: Int) {
    current.withLock { $0[worker] = path }
  }

  /// The paths now being read, by worker.
  public var currentPaths: [[UInt8]] {
    current.withLock { paths in paths.sorted { $0.key < $1.key }.map(\.value) }
  }
}

/// Hears about a backup while it runs, from any thread, several at once.
public protocol BackupObserver: AnyObject, Sendable {
  /// The counters that the backup keeps up to date.
  var progress: BackupProgress { get }
  /// Whether `finished(_:)` is wanted; asked once, at the start.
  var wantsItems: Bool { get }
  /// A source could not be read; it will be in the report, too.
  func failed(_ problem: SourceProblem)
  /// A file or directory is done. Called only when `wantsItems`.
  func finished(_ item: BackupItem)
  /// The scan has counted everything.
  func scanFinished(duration nanoseconds: UInt64)
  /// What is done so far has been committed as a partial snapshot.
  func savedPartial(_ snapshot: Digest)
  /// It could not be; the backup goes on.
  func failedToSavePartial(_ error: any Error)
  /// The directory with the packs of the very repository is among what is saved: each backup then saves those before it.
  func savesRepository(_ path: [UInt8])
}

extension BackupObserver {
  public func savedPartial(_ snapshot: Digest) {}
  public func failedToSavePartial(_ error: any Error) {}
  public func savesRepository(_ path: [UInt8]) {}
}

/// One file or directory that a backup has finished.
public struct BackupItem: Sendable {
  public enum Action: String, Sendable {
    case new, unchanged, modified
  }

  public var path: [UInt8]
  public var isDirectory: Bool
  public var action: Action
  /// In nanoseconds.
  public var duration: UInt64
  /// Bytes of new content, before and after compression.
  public var dataAdded: UInt64
  public var dataAddedPacked: UInt64
  /// Bytes of new tree nodes, before and after compression.
  public var metadataAdded: UInt64
  public var metadataAddedPacked: UInt64

  public init(
    path: [UInt8], isDirectory: Bool, action: Action, duration: UInt64 = 0, dataAdded: UInt64 = 0,
    dataAddedPacked: UInt64 = 0, metadataAdded: UInt64 = 0, metadataAddedPacked: UInt64 = 0
  ) {
    self.path = path
    self.isDirectory = isDirectory
    self.action = action
    self.duration = duration
    self.dataAdded = dataAdded
    self.dataAddedPacked = dataAddedPacked
    self.metadataAdded = metadataAdded
    self.metadataAddedPacked = metadataAddedPacked
  }
}
