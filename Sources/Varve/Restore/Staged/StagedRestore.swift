import CVarveLinux
import Glibc
public import VarveFormat
public import VarveRepository
internal import VarveStorage

// A restore of which the target sees only the end:
//
//   plan (dry run) -> what will change is restored into a staging directory, and synced
//     -> databases among it are checked -> what is there now is committed as a snapshot, if asked for
//     -> journal -> one rename for each file -> an ordinary restore, which finds only metadata and removals to do
//
// Before the journal is written the target has not changed, and everything is known that could keep a file from its place:
// all of them are staged whole, on the file system of their places, and nothing is in the way that may not go. Where one
// cannot be moved all the same, those before it are moved back. What was there is not removed before everything is in its
// place. The safety snapshot has all of it besides, so `undo` leads back from any moment.

/// How a restore is staged.
public struct StagingOptions: Sendable {
  /// Commit a snapshot of what will be written over or removed, first.
  public var takesSafety = false
  /// Appended to the names of files that are moved aside rather than replaced; nil to replace them.
  public var keptSuffix: [UInt8]?
  /// What is wrong with a database that is about to replace one, by its path; nil when it is whole.
  public var checkDatabase: (@Sendable (_ path: [UInt8]) throws -> String?)?
  /// The host name recorded in the safety snapshot; nil for this machine's.
  public var host: String?

  public init() {}
}

/// What a staged restore did besides restoring.
public struct StagedReport: Sendable {
  public var restore: RestoreReport
  /// The snapshot from which `StagedRestore.undo` leads back; nil when nothing was to change, or none was asked for.
  public var safety: Digest?
  /// Safety snapshots of restores into the same target that were killed before they were done.
  public var interrupted: [String] = []
  /// Databases that were checked.
  public var databasesChecked = 0
}

public enum StagedRestore {
  /// Restores a snapshot, or a part of one, as a whole: prepares and finishes.
  ///
  /// - Parameters:
  ///   - id: of the snapshot.
  ///   - note: called with each step's name.
  /// - Throws: what `Restore.run` throws; `.damaged` when a file of the snapshot is, `.refused` when a database is not whole:
  ///   then, as with every error before things are moved, the target is as it was. Where things were moved they are moved
  ///   back; an error that leaves the target changed says so.
  public static func run(
    _ repository: IndexedRepository, _ record: SnapshotRecord, id: Digest, options: RestoreOptions,
    staging settings: StagingOptions, observer: (any RestoreObserver)? = nil,
    cancellation: CancellationFlag = CancellationFlag(), note: (String) -> Void = { _ in }
  ) throws -> StagedReport {
    try PreparedRestore(
      repository, record, id: id, options: options, staging: settings, cancellation: cancellation,
      note: note
    ).finish(observer: observer, note: note)
  }
}
