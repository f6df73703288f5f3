internal import Synchronization
internal import VarveFormat
internal import VarveStorage

/// Brings commits to the target, the first of those that are missing last.
struct MirrorCommits {
  private let mirror: Mirror
  private let fold: LogFold
  private let history: MirrorHistory

  init(_ mirror: Mirror, _ fold: LogFold, _ history: MirrorHistory) {
    self.mirror = mirror
    self.fold = fold
    self.history = history
  }

  /// - Returns: whether the target's log is the source's now. If not, commits are damaged at the source, and the target shows
  ///   the state that it had.
  /// - Throws: `.rollback` when somebody has appended something else at the target meanwhile.
  func run(_ report: inout MirrorReport) throws -> Bool {
    report.bytesVerified += history.verifiedByteCount
    let progress = mirror.progress
    let (damaged, missing) = (history.damaged, history.missing)
    progress.commitsTotal.store(UInt64(damaged.count + missing.count), ordering: .relaxed)
    guard !mirror.options.dryRun else {
      report.objectsReplaced += UInt64(damaged.count)
      report.commitsCopied = UInt64(missing.count)
      return true
    }
    let failures = Mutex<[MirrorReport.Failure]>([])
    let (mirror, fold) = (mirror, fold)
    @Sendable func fail(_ name: String, _ kind: MirrorReport.Failure.Kind, _ error: any Error) {
      let failure = MirrorReport.Failure(
        name: name, kind: kind, message: "\(error)", isWholeAtTarget: false)
      failures.withLock { $0.append(failure) }
      progress.errors.add(1, ordering: .relaxed)
      mirror.observer?.failed(failure)
    }
    @Sendable func bring(_ start: UInt64, isDamaged: Bool) throws {
      let name = ObjectName.commit(start)
      let bytes: [UInt8]
      do {
        bytes = try mirror.source.bytes(ofCommit: start, fold)
      } catch {
        _ = try CheckSession.kind(of: error)
        return fail(name, .notAtSource, error)
      }
      if isDamaged {
        do {
          try mirror.target.put(name, bytes)
        } catch let error as VarveError where error.code == .forbidden {
          return fail(name, .notReplaceable, error)
        }
      } else {
        try Self.create(name, start, bytes, at: mirror.target, fold)
      }
      progress.commitsDone.add(1, ordering: .relaxed)
    }
    let others = missing.dropFirst().map { ($0, false) } + damaged.map { ($0, true) }
    try ParallelWork.forEach(
      others.count, threads: mirror.options.requests, mirror.cancellation
    ) { try bring(others[$0].0, isDamaged: others[$0].1) }
    // What stays damaged at the target is no worse for what comes after it.
    let isHeldUp = failures.withLock { $0.contains { $0.kind == .notAtSource } }
    if !isHeldUp, let first = missing.first { try bring(first, isDamaged: false) }
    let failed = failures.withLock { $0 }.sorted { $0.name < $1.name }
    report.failures += failed
    guard !failed.contains(where: { $0.kind == .notAtSource }) else { return false }
    report.objectsReplaced += UInt64(damaged.count - failed.count)
    report.commitsCopied = UInt64(missing.count)
    return true
  }

  private static func create(
    _ name: String, _ start: UInt64, _ bytes: [UInt8], at target: any StorageBackend,
    _ fold: LogFold
  ) throws {
    guard try !target.createExclusively(name, bytes) else { return }
    let found = try target.read(name)
    guard found == bytes else {
      let isForeign =
        switch fold.compare(commit: found, at: start) {
        case .foreign: true
        case .damaged, .equal: false
        }
      throw VarveError(
        isForeign ? .rollback : .damaged,
        "somebody has stored another \(name) at \(target.location) meanwhile",
        hint: "nobody but 'varve mirror' should write there; run it again to see what differs")
    }
    // Whoever created it may have been killed before it was durable.
    try target.settle(name)
  }
}
