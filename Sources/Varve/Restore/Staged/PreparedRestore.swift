import CVarveLinux
import Glibc
public import VarveFormat
public import VarveRepository
internal import VarveStorage

/// A staged restore up to where nothing has changed yet: all that will change is staged, synced and checked.
///
/// Either `finish` or `abandon` ends it. Several may be prepared in one target, where none changes what another does.
public final class PreparedRestore {
  private let repository: IndexedRepository
  private let source: RestoreSource
  private let id: Digest
  private let options: RestoreOptions
  private let settings: StagingOptions
  private let cancellation: CancellationFlag
  private var plan: ChangePlan
  private var steps: SwitchPlan?
  private var report = StagedReport(restore: RestoreReport())
  /// Nil when nothing is to change.
  private var staging: Staging?
  private var staged = RestoreReport()
  private var databases: [[UInt8]] = []
  /// When the target itself was changed; the staging directory's coming and going changes that.
  private var before = FileTime(seconds: 0, nanoseconds: 0)

  /// - Throws: as `StagedRestore.run`; the target is as it was then.
  public init(
    _ repository: IndexedRepository, _ record: SnapshotRecord, id: Digest, options: RestoreOptions,
    staging settings: StagingOptions, cancellation: CancellationFlag = CancellationFlag(),
    note: (String) -> Void = { _ in }
  ) throws {
    self.repository = repository
    self.id = id
    self.options = options
    self.settings = settings
    self.cancellation = cancellation
    source = try RestoreSource(repository, record, path: options.subpath)
    if let existing = try TargetPlaces(existing: options.target) {
      report.interrupted = Staging.removeStale(in: existing)
    }
    note("finding out what will change")
    plan = try ChangePlan(
      source, options, movesAside: settings.keptSuffix != nil, cancellation: cancellation)
    if options.dryRun || plan.isEmpty { return }
    let target = try Self.openTarget(options.target)
    var status = FileStatus()
    _ = FileStatus.read(target.root.number, into: &status)
    before = status.modified
    let staging = try Staging(in: target)
    self.staging = staging
    do {
      note("restoring \(plan.written.count) files into a staging directory")
      staged = try Self.stage(source, options, plan, staging, cancellation)
      databases = try Self.check(plan, staging, settings, &report)
      try plan.addCompanions(of: databases, target)
      steps = try SwitchPlan(plan, staged: try staging.openTree(), in: target)
      try staging.sync()
    } catch {
      abandon()
      throw error
    }
  }

  /// Removes what was staged. Of several in one target the last goes first.
  public func abandon() {
    guard let staging else { return }
    staging.remove()
    staging.target.giveBackTime(before)
    self.staging = nil
    // The target itself was made for this.
    if plan.created.first == [] {
      _ = (options.target + [0]).withName { varve_unlink(AT_FDCWD, $0, varve_at_removedir) }
    }
  }

  /// Saves what is there now, if asked for, and puts what was staged in its place.
  ///
  /// - Throws: as `StagedRestore.run`.
  public func finish(
    observer: (any RestoreObserver)? = nil, note: (String) -> Void = { _ in }
  ) throws -> StagedReport {
    guard let staging, let steps else {
      report.restore = try Restore.run(
        source, options: options, observer: observer, cancellation: cancellation)
      return report
    }
    let change = try begin(steps, staging, note)
    do {
      try change.run()
      try staging.sync()
    } catch {
      throw putBack(change, staging, after: error)
    }
    let leftover = staging.remove()
    change.finish()
    self.staging = nil
    do {
      report.restore = try Restore.run(
        source, options: remaining, observer: observer, cancellation: cancellation)
    } catch {
      throw unfinished(error)
    }
    report.restore.take(staged: staged)
    if let leftover {
      report.restore.warnings.append("the staging directory stays: \(leftover); remove it by hand")
    }
    return report
  }

  /// Up to where nothing has been moved yet.
  private func begin(
    _ steps: SwitchPlan, _ staging: Staging, _ note: (String) -> Void
  ) throws -> Switch {
    do {
      if settings.takesSafety {
        note("saving what is there now")
        report.safety = try takeSafety()
        note("safety snapshot \(report.safety?.hex ?? "")")
      }
      let names = try settings.keptSuffix.map {
        try KeptNames($0, for: plan.preserved, databases: Set(databases), in: staging.target)
      }
      try cancellation.check()
      try staging.begin(safety: report.safety, places: steps.places)
      return try Switch(
        steps, staging, keeping: names, takesDirectories: options.delete || names != nil)
    } catch {
      abandon()
      throw error
    }
  }

  /// What is left to do when everything is in its place: metadata of directories, inode flags, and what goes.
  private var remaining: RestoreOptions {
    var rest = options
    if rest.overwrite == .always { rest.overwrite = .ifChanged }
    let created = Set(plan.created)
    for path in plan.created { rest.settled[path] = .restored }
    for path in plan.written where !created.contains(path) { rest.settled[path] = .updated }
    return rest
  }

  private func putBack(
    _ change: Switch, _ staging: Staging, after error: any Error
  ) -> VarveError {
    let error = error as? VarveError ?? VarveError(.io, "\(error)")
    let stranded = change.rollBack()
    guard let first = stranded.first else {
      try? staging.sync()
      abandon()
      return VarveError(
        error.code,
        "\(error.message); what had been moved was put back, and the target is as it was",
        hint: error.hint, cause: error.cause)
    }
    let kept = EscapedBytes.text(staging.keep())
    self.staging = nil
    let others = stranded.count > 1 ? " and \(stranded.count - 1) more" : ""
    return VarveError(
      error.code,
      "\(error.message); the target is not as it was: \(EscapedBytes.text(first))\(others) could not be put back, "
        + "and what was there is in \(kept)/replaced",
      hint: undoHint
        ?? "move it back by hand: \(kept)/journal has the places, in the order of the numbers",
      cause: error.cause)
  }

  private func unfinished(_ error: any Error) -> VarveError {
    let error = error as? VarveError ?? VarveError(.io, "\(error)")
    return VarveError(
      error.code,
      "\(error.message); the target is not as it was: all files are in their places, but the rest was not done",
      hint: undoHint ?? "run the same restore again", cause: error.cause)
  }

  private var undoHint: String? {
    report.safety.map { "put it back with 'varve restore --undo \($0.hex.prefix(12))'" }
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
    own.stages = true
    let report = try Restore.run(source, options: own, cancellation: cancellation)
    // Metadata that cannot be set is no reason: the content is whole, and the last pass says it again.
    if let problem = report.problems.first(where: { !$0.isWhole }) {
      throw VarveError(
        problem.kind == .damage ? .damaged : .io,
        "\(EscapedBytes.text(problem.path)): \(problem.message); nothing was changed",
        hint: problem.kind == .damage
          ? "restore another snapshot, or leave the file out with --exclude"
          : "a staged restore needs room for all that it changes, beside what is there")
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
      let problem = try check(
        Array("/proc/self/fd/\(place.directory)/".utf8) + place.name.dropLast())
      if let problem {
        throw VarveError(
          .refused,
          "the database \(EscapedBytes.text(path)) is not whole in the snapshot: \(problem); nothing was changed",
          hint: "restore an earlier snapshot")
      }
    }
    return found
  }

  private func takeSafety() throws -> Digest {
    let target = try SourceIdentity.absolute(options.target)
    let tree = PreservedTree(
      target: SnapshotPath(target), modified: before, preserved: plan.preserved,
      created: plan.created)
    var options = BackupOptions(source: .assembled(AssembledTree(source: tree)))
    options.host = settings.host.map { Array($0.utf8) }
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
  /// Counts the bytes that were staged as restored: the pass that follows finds them in their places.
  fileprivate mutating func take(staged: RestoreReport) {
    let bytes = min(staged.bytesRestored, bytesSkipped)
    bytesRestored += bytes
    bytesSkipped -= bytes
    for warning in staged.warnings where !warnings.contains(warning) { warnings.append(warning) }
  }
}
