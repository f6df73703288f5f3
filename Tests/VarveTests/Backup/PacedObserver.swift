import Glibc
import Synchronization
import Varve
import VarveFormat
import VarveRepository

/// Slows a backup down, so that partial snapshots are made in the middle of it, and interrupts it after some.
final class PacedObserver: BackupObserver {
  let progress = BackupProgress()
  let wantsItems = true
  private let delay: UInt32
  private let limit: Int
  private let leastBytes: UInt64
  private let flag: CancellationFlag
  private let state = Mutex<(partials: [Digest], failures: Int, files: Int)>(([], 0, 0))
  private let onPartial: @Sendable (Digest) -> Void

  /// - Parameters:
  ///   - delay: microseconds after each file that was read, when there is no limit.
  ///   - limit: the number of partial snapshots after which `flag` is raised.
  ///   - leastBytes: not before so much has been read.
  init(
    delay: UInt32 = 500, stopAfter limit: Int = .max, leastBytes: UInt64 = 0,
    _ flag: CancellationFlag = .init(),
    onPartial: @escaping @Sendable (Digest) -> Void = { _ in }
  ) {
    self.delay = delay
    self.limit = limit
    self.leastBytes = leastBytes
    self.flag = flag
    self.onPartial = onPartial
  }

  var partials: [Digest] { state.withLock { $0.partials } }
  var failures: Int { state.withLock { $0.failures } }
  /// Files that were not taken from the change cache.
  var filesRead: Int { state.withLock { $0.files } }

  func failed(_ problem: SourceProblem) {}
  func scanFinished(duration nanoseconds: UInt64) {}

  func finished(_ item: BackupItem) {
    guard item.action != .unchanged else { return }
    let count = state.withLock { state in
      state.files += 1
      return state.files
    }
    guard limit != .max else {
      usleep(delay)
      return
    }
    // Time for those that are waited for; the more of it the fewer files are left, on a machine that is busy.
    usleep(5_000)
    for _ in 0..<(count < 40 ? 0 : 40) where state.withLock({ $0.partials.count }) < limit {
      usleep(5_000)
    }
  }

  func savedPartial(_ snapshot: Digest) {
    let enough = progress.bytesDone.load(ordering: .relaxed) >= leastBytes
    let count = state.withLock { state in
      state.partials.append(snapshot)
      return state.partials.count
    }
    onPartial(snapshot)
    if count >= limit && enough { flag.cancel() }
  }

  func failedToSavePartial(_ error: any Error) { state.withLock { $0.failures += 1 } }
}

extension BackupBench {
  /// A backup with partial snapshots a millisecond apart, interrupted after some of them.
  ///
  /// - Returns: the report, or nil when it was interrupted.
  func backUpInParts(
    stopAfter limit: Int = .max, leastBytes: UInt64 = 0, delay: UInt32 = 500,
    in unlocked: UnlockedRepository? = nil,
    observer: PacedObserver? = nil, _ change: (inout BackupOptions) -> Void = { _ in }
  ) throws -> (report: BackupReport?, observer: PacedObserver) {
    let flag = CancellationFlag()
    let observer =
      observer
      ?? PacedObserver(delay: delay, stopAfter: limit, leastBytes: leastBytes, flag)
    var options = BackupOptions(source: .paths([Array(source.utf8)]))
    options.asPath = Array("/data".utf8)
    options.partialInterval = 1_000_000
    options.workers = 3
    change(&options)
    do {
      let report = try Backup.run(
        try IndexedRepository(unlocked ?? self.unlocked), options: options, observer: observer,
        cancellation: flag)
      return (report, observer)
    } catch let error as VarveError where error.code == .interrupted {
      return (nil, observer)
    }
  }
}
