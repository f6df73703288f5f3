import CVarveLinux
import Glibc
import Synchronization
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// Restores a snapshot, or a part of one, into a directory.
///
/// ```
/// walk the tree -> make directories -> windows of files -> look at what is there
///   -> chunks sorted by pack and block -> read spans -> open each block once -> verify addresses
///   -> write to every file that wants the chunk -> metadata when a file's last chunk is written
///   -> hard links -> each directory's metadata when everything in it is done -> read back
/// ```
/// Whatever the tree says and whatever anybody does to the target meanwhile, nothing is written outside of
/// it: names are single components, everything is reached from directory descriptors, no link is
/// followed. A file whose data is damaged is reported and removed, never left in place.
public enum Restore {
  /// Threads that wait for transfers; each has 8 MiB.
  private static let transferLimit = 12

  /// Runs a restore.
  ///
  /// - Parameters:
  ///   - record: the snapshot to restore from.
  ///   - observer: hears of progress and of each problem.
  /// - Returns: what was done; `problems` names each item that is not as the snapshot has it.
  /// - Throws: `.forbidden` for a role that cannot read; `.usage` for malformed patterns; `.notFound` when
  ///   the subpath is not there; `.io` when the target cannot be opened; `.damaged` or `.missing` when the
  ///   way to the subpath or the link table is; `.interrupted`.
  public static func run(
    _ repository: IndexedRepository, _ record: SnapshotRecord, options: RestoreOptions,
    observer: (any RestoreObserver)? = nil, cancellation: CancellationFlag = CancellationFlag()
  ) throws -> RestoreReport {
    try run(
      try RestoreSource(repository, record, path: options.subpath), options: options,
      observer: observer, cancellation: cancellation)
  }

  /// Restores from a directory of a tree; see `run(_:_:options:observer:cancellation:)`.
  package static func run(
    _ source: RestoreSource, options: RestoreOptions, observer: (any RestoreObserver)? = nil,
    cancellation: CancellationFlag = CancellationFlag()
  ) throws -> RestoreReport {
    let began = MonotonicClock.nanoseconds
    DescriptorLimit.raise()
    let session = try RestoreSession(
      source, options: options, observer: observer, cancellation: cancellation)
    let target = try TargetDirectory(session: session).openTarget()
    defer { session.directories.close(target) }
    // Kept open until all is done.
    target.hold()
    // Who waits for a store that is far away needs no processor.
    let waiting = min(Self.transferLimit, source.storage.transfersAtOnce)
    let workers = max(1, options.workers ?? max(WorkerThreads.processorCount, waiting))
    let links = try restore(session, target, workers: workers)
    try links.link(session)
    var report = RestoreReport()
    if options.verify, !options.dryRun {
      target.hold()
      report.filesVerified = try RestoreVerification.run(session, target, workers: workers)
    }
    report.take(session)
    report.duration = MonotonicClock.nanoseconds - began
    return report
  }

  private static func restore(
    _ session: RestoreSession, _ target: RestoreDirectory, workers: Int
  ) throws -> LinkGroups {
    let queue = RestoreQueue(
      workers: workers, readsHeadersFirst: session.source.storage.transfersAtOnce > 1)
    let planner = Handover(RestorePlanner(session, queue))
    // What was read is opened and written by as many threads as there are processors for, and one that waits for the
    // target's disk.
    let openers = Lending(
      try (0..<min(workers, WorkerThreads.processorCount + 1)).map { _ in try OpenBlocks() })
    do {
      try WorkerThreads.run(count: workers + 1) { number in
        do {
          if number == 0 {
            try planner.value.run(target)
          } else {
            try RestoreWorker(session, queue, openers).run()
          }
        } catch {
          queue.stop()
          throw error
        }
      }
      try session.cancellation.check()
    } catch {
      for window in queue.unfinished {
        for task in window.tasks { task.discard(session) }
      }
      throw error
    }
    return planner.value.links
  }
}

/// What is used by one thread, then by another, and never by two at a time.
struct Handover<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

extension RestoreReport {
  fileprivate mutating func take(_ session: RestoreSession) {
    let progress = session.progress
    itemsTotal = progress.itemsTotal.load(ordering: .relaxed)
    itemsRestored = progress.itemsRestored.load(ordering: .relaxed)
    itemsSkipped = progress.itemsSkipped.load(ordering: .relaxed)
    itemsDeleted = progress.itemsDeleted.load(ordering: .relaxed)
    bytesTotal = progress.bytesTotal.load(ordering: .relaxed)
    bytesRestored = progress.bytesRestored.load(ordering: .relaxed)
    bytesSkipped = progress.bytesSkipped.load(ordering: .relaxed)
    bytesVerified = progress.bytesVerified.load(ordering: .relaxed)
    problems = session.problems.sorted { $0.path.lexicographicallyPrecedes($1.path) }
    warnings = session.warnings
    dryRun = session.options.dryRun
  }
}
