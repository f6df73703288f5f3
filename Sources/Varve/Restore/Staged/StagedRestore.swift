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
// Before the journal is written the target has not changed. After it, the safety snapshot has all that was there, so
// `undo` leads back from any moment.

/// How a restore is staged.
public struct StagingOptions: Sendable {
  /// Commit a snapshot of what will be written over or removed, first.
  public var takesSafety = false
  /// Appended to the names of files that are moved aside rather than replaced; nil to replace them.
  public var keptSuffix: [UInt8]?
  /// What is wrong with a database that is about to replace one, by its path; nil when it is whole.
  public var checkDatabase: (@Sendable (_ path: String) throws -> String?)?
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
  /// Restores a snapshot, or a part of one, as a whole.
  ///
  /// - Parameters:
  ///   - id: of the snapshot.
  ///   - note: called with each step's name.
  /// - Throws: what `Restore.run` throws; `.damaged` when a file of the snapshot is, `.refused` when a database is not whole:
  ///   then, as with every error before things are moved, the target is as it was. An error after that says so.
  public static func run(
    _ repository: IndexedRepository, _ record: SnapshotRecord, id: Digest, options: RestoreOptions,
    staging settings: StagingOptions, observer: (any RestoreObserver)? = nil,
    cancellation: CancellationFlag = CancellationFlag(), note: (String) -> Void = { _ in }
  ) throws -> StagedReport {
    let source = try RestoreSource(repository, record, path: options.subpath)
    var report = StagedReport(restore: RestoreReport())
    if let existing = try TargetPlaces(existing: options.target) {
      report.interrupted = Staging.removeStale(in: existing)
    }
    note("finding out what will change")
    var plan = try ChangePlan(source, options, cancellation: cancellation)
    if options.dryRun || plan.isEmpty {
      report.restore = try Restore.run(
        source, options: options, observer: observer, cancellation: cancellation)
      return report
    }
    let target = try openTarget(options.target)
    // The staging directory's coming and going changes the target's own time.
    var before = FileStatus()
    _ = FileStatus.read(target.root.number, into: &before)
    let staging = try Staging(in: target)
    var isBegun = false
    do {
      note("restoring \(plan.written.count) files into a staging directory")
      let staged = try stage(source, options, plan, staging, cancellation)
      let databases = try check(plan, staging, settings, &report)
      try plan.addCompanions(of: databases, target)
      try staging.sync()
      if settings.takesSafety {
        note("saving what is there now")
        report.safety = try takeSafety(
          repository, id, plan, try SourceIdentity.absolute(options.target), before.modified,
          settings, cancellation)
        note("safety snapshot \(report.safety?.hex ?? "")")
      }
      try cancellation.check()
      try staging.begin(safety: report.safety)
      isBegun = true
      var change = try Switch(staging, keptSuffix: settings.keptSuffix)
      for path in plan.written { try change.move(path) }
      for path in plan.companions { try change.remove(path) }
      try staging.sync()
      var rest = options
      if rest.overwrite == .always { rest.overwrite = .ifChanged }
      staging.remove()
      report.restore = try Restore.run(
        source, options: rest, observer: observer, cancellation: cancellation)
      report.restore.take(staged: staged)
      return report
    } catch {
      staging.remove()
      if !isBegun { target.giveBackTime(before.modified) }
      guard isBegun, let safety = report.safety, let error = error as? VarveError else {
        throw error
      }
      throw VarveError(
        error.code, "\(error.message); the target is not as it was",
        hint: "put it back with 'varve restore --undo \(safety.hex.prefix(12))'", cause: error.cause
      )
    }
  }

  private static func openTarget(_ path: [UInt8]) throws -> TargetPlaces {
    if let found = try TargetPlaces(existing: path) { return found }
    try TargetDirectory.makePath(path)
    guard let made = try TargetPlaces(existing: path) else {
      throw VarveError(.io, "the target directory was removed meanwhile")
    }
    return made
  }

  private static func stage(
    _ source: RestoreSource, _ options: RestoreOptions, _ plan: ChangePlan, _ staging: Staging,
    _ cancellation: CancellationFlag
  ) throws -> RestoreReport {
    var own = options
    own.target = options.target + [UInt8(ascii: "/")] + staging.tree
    own.only = Set(plan.written.map { [UInt8(ascii: "/")] + $0 })
    own.overwrite = .always
    own.delete = false
    own.verify = false
    let report = try Restore.run(source, options: own, cancellation: cancellation)
    if let problem = report.problems.first(where: { $0.kind == .damage }) {
      throw VarveError(
        .damaged, "\(EscapedBytes.text(problem.path)): \(problem.message); nothing was changed",
        hint: "restore another snapshot, or leave the file out with --exclude")
    }
    return report
  }

  /// Checks the databases that were staged, and gives them.
  private static func check(
    _ plan: ChangePlan, _ staging: Staging, _ settings: StagingOptions, _ report: inout StagedReport
  ) throws -> [[UInt8]] {
    var found: [[UInt8]] = []
    for path in plan.written {
      let staged = staging.tree + [UInt8(ascii: "/")] + path
      guard ChangePlan.isDatabase(staged, in: staging.target) else { continue }
      found.append(path)
      guard let check = settings.checkDatabase else { continue }
      report.databasesChecked += 1
      let place = staging.target.parent(of: staged)
      // By way of its directory's descriptor: the path leads nowhere else, and names may be any bytes.
      let problem = try place.name.withName { name in
        try check("/proc/self/fd/\(place.directory)/" + String(cString: name))
      }
      if let problem {
        throw VarveError(
          .refused,
          "the database \(EscapedBytes.text(path)) is not whole in the snapshot: \(problem); nothing was changed",
          hint: "restore an earlier snapshot")
      }
    }
    return found
  }

  private static func takeSafety(
    _ repository: IndexedRepository, _ id: Digest, _ plan: ChangePlan, _ target: [UInt8],
    _ modified: FileTime, _ settings: StagingOptions, _ cancellation: CancellationFlag
  ) throws -> Digest {
    let tree = PreservedTree(
      target: SnapshotPath(target), modified: modified, preserved: plan.preserved,
      created: plan.created)
    var options = BackupOptions(source: .assembled(AssembledTree(source: tree)))
    options.host = settings.host
    options.tags = ["safety"]
    options.meta = [
      PreservedTree.snapshotKey: id.hex, PreservedTree.targetKey: EscapedBytes.text(target),
    ]
    let report = try Backup.run(repository, options: options, cancellation: cancellation)
    guard report.problems.isEmpty, let snapshot = report.snapshot else {
      throw VarveError(
        .io,
        "what is there now could not be saved, so nothing was changed: "
          + (report.problems.first?.message ?? "no snapshot"))
    }
    return snapshot
  }
}

extension RestoreReport {
  /// Counts what was staged as restored: the pass that follows finds it in its place.
  fileprivate mutating func take(staged: RestoreReport) {
    let items = min(staged.itemsRestored, itemsSkipped)
    itemsRestored += items
    itemsSkipped -= items
    let bytes = min(staged.bytesRestored, bytesSkipped)
    bytesRestored += bytes
    bytesSkipped -= bytes
    for warning in staged.warnings where !warnings.contains(warning) { warnings.append(warning) }
  }
}
