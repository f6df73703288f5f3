internal import VarveFormat
internal import VarveProof
public import VarveStorage

/// Checks a whole repository and says everything that is wrong with it (docs/design.md, section 4).
///
/// ```
/// log      every commit, signature, position; checkpoint and tiles against the commits
/// objects  presence and size of what is live; digests of all but packs
/// index    every segment decrypted from storage and validated
/// trees    every snapshot record opened and compared with its log entry, every distinct tree node parsed, every chunk
///          found in the index
/// data     the chosen packs: digest, key, every block, every chunk, trailer against index
/// affected a second walk, only after damage: which snapshots and files have lost something
/// ```
/// Damage never ends a check: what depends on it is left out, and the report says so. Memory is bounded by
/// the names of all objects (100 bytes each), 43 to 86 bytes for each distinct directory, and 8 MiB to
/// the longest block for each worker.
public enum Check {
  /// - Parameters:
  ///   - client: where this client keeps its state and cache.
  ///   - observer: told of progress and damage while the check runs.
  ///   - unlock: opens the repository with the user's credential; called at most twice, with a
  ///     repository from whose storage the derived objects of the log may be missing. When it throws, what
  ///     can be checked without a key is checked.
  /// - Returns: what was found, damage included.
  /// - Throws: `.noRepository`; `.wrongPassword` and `.forbidden` unless there is damage that explains them;
  ///   `.rollback`, `.unauthorized`; `.unsupportedFormat`; `.interrupted`.
  public static func run(
    storage: any StorageBackend, client: ClientDirectories, options: CheckOptions,
    observer: (any CheckObserver)? = nil, cancellation: CancellationFlag = CancellationFlag(),
    unlock: (Repository) throws -> UnlockedRepository
  ) throws -> CheckReport {
    let session = CheckSession(
      storage: storage, options: options, observer: observer, cancellation: cancellation)
    var report = CheckReport(start: WallClock.now())
    let start = MonotonicClock.nanoseconds
    try session.began(.log)
    let opened = try CheckOpening(session: session, client: client).open(unlock)
    report.logEntries = opened.log?.head.size ?? 0

    try session.began(.objects)
    let objects = try ObjectCheck(session: session).run(opened.log?.state)
    try opened.explainLock(session)
    report.objects = objects.checked
    report.packs = UInt64(objects.packs.count)
    report.unreferenced = objects.unreferenced
    if let unlocked = opened.unlocked {
      try ContentCheck(session: session, unlocked: unlocked, objects: objects).run(&report)
    } else {
      try KeylessCheck(session: session, objects: objects).run(&report)
    }
    report.damages = session.damages
    report.duration = MonotonicClock.nanoseconds - start
    if options.record { CheckRecord.append(&report, session, opened.unlocked) }
    report.notChecked = session.notChecked
    return report
  }
}
