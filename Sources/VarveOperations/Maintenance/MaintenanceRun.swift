import Varve
import VarveCrypto
import VarveFormat
import VarveRepository

extension RunSurroundings {
  /// Does what is due of a repository's maintenance, unless another host does.
  ///
  /// - Parameter done: tasks that are left out.
  /// - Returns: what was done and what failed; that the repository cannot be opened is a failure of all of it, and has a
  ///   record of its own.
  /// - Throws: `.refused` when another process of this host is at it; `.interrupted`.
  public func maintain(
    _ repository: String, except done: Set<MaintenanceTask> = []
  ) throws -> [RunRecord] {
    guard let settings = configuration.repositories[repository] else { return [] }
    do {
      return try MaintenanceRun(settings, self, except: done).run()
    } catch let error as VarveError where error.code != .refused && error.code != .interrupted {
      warn("maintenance of \(ByteText.printable(repository)): \(error.message)")
      var record = RunRecord(maintenanceOf: repository, .failure)
      record.message = RunTarget.bounded(ByteText.printable(error.message))
      let history = history(of: record)
      remember(record)
      var notices = MaintenanceNotices(settings, self)
      notices.end(record, after: history)
      notices.close(isFailing: true)
      return [record]
    }
  }
}

extension RunRecord {
  /// Whether a repository could be opened for its maintenance, now.
  fileprivate init(maintenanceOf repository: String, _ result: Result) {
    let now = WallClock.now()
    self.init(
      id: Hex.encode(SecureRandom.bytes(16)), activity: .maintenance, name: repository,
      repository: repository, started: now, result: result)
    ended = now
  }
}

/// Does what is due of a repository's maintenance, unless another host does.
struct MaintenanceRun {
  private let settings: RepositorySettings
  private let surroundings: RunSurroundings
  /// In the order in which they are done.
  private let tasks: [(task: MaintenanceTask, schedule: Schedule)]

  /// - Parameter done: tasks that are left out.
  init(
    _ settings: RepositorySettings, _ surroundings: RunSurroundings,
    except done: Set<MaintenanceTask>
  ) {
    self.settings = settings
    self.surroundings = surroundings
    tasks = MaintenanceTask.allCases.compactMap { task in
      guard !done.contains(task) else { return nil }
      return task.schedule(settings.maintenance).map { (task, $0) }
    }
  }

  /// Does what is due: forgets, then prunes, then checks.
  ///
  /// - Returns: what was done, and what failed; what another host does is not among it.
  /// - Throws: `.refused` when another process of this host is at it; `.interrupted`; what opening the repository throws.
  func run() throws -> [RunRecord] {
    guard !tasks.isEmpty else { return [] }
    let lock = try RunLock(
      surroundings.client, "maintenance-" + RunJournal.fileName(of: settings.name),
      "maintenance of '\(ByteText.printable(settings.name))'")
    defer { _ = lock }
    let opening = try surroundings.opening(settings.name)
    let repository = try opening.unlocked()
    var notices = MaintenanceNotices(settings, surroundings)
    notices.opened(RunRecord(maintenanceOf: settings.name, .success))
    defer {
      notices.close(
        isFailing: settings.maintenance.isFailing(
          in: MaintenanceEntry.all(in: repository.log.state)))
    }
    var records: [RunRecord] = []
    for (task, schedule) in tasks where may(repository.role, task) {
      try surroundings.cancellation.check()
      let claim = MaintenanceClaim(
        task: task, schedule: schedule, wantsData: settings.maintenance.readDataSubset != nil)
      let memory = ClaimMemory(surroundings.client, settings.name, task)
      let token = SHA256.digest(SecureRandom.bytes(32))
      let own = memory.tokens
      let now = WallClock.now()
      // Asked first, so that a claim that is not made leaves the memory of the one before.
      try repository.log.refresh()
      guard claim.standing(in: repository.log.state, now: now, own: own) == .due else { continue }
      try memory.keep([token] + own)
      guard try claim.claim(in: repository, own: own, token: token) == .due else { continue }
      records.append(try carryOut(task, opening, repository, &notices))
    }
    return records
  }

  private func may(_ role: Role, _ task: MaintenanceTask) -> Bool {
    task.activity.capableRoles.contains(role)
  }

  private func carryOut(
    _ task: MaintenanceTask, _ opening: RepositoryOpening, _ repository: UnlockedRepository,
    _ notices: inout MaintenanceNotices
  ) throws -> RunRecord {
    var record = RunRecord(
      id: Hex.encode(SecureRandom.bytes(16)), activity: task.journalActivity, name: settings.name,
      repository: settings.name, started: WallClock.now(), result: .started)
    let history = surroundings.history(of: record)
    surroundings.remember(record)
    surroundings.note("\(settings.name): \(task.rawValue)")
    notices.begin(record)
    var counts: [String: Int64] = [:]
    var result = LogStatement.Receipt.Result.ok
    var interruption: (any Error)?
    // A check leaves an entry of its own.
    var isRecorded = false
    do {
      record.result = .success
      switch task {
      case .forget:
        let plan = try Forget(repository, trust: try opening.timeTrust()).run(
          ForgetRequest(.policies), cancellation: surroundings.cancellation)
        counts["snapshots"] = Int64(plan.removed.count)
        record.message = "\(HumanText.count(plan.removed.count, "snapshot")) forgotten"
      case .prune:
        let report = try Prune(repository, cancellation: surroundings.cancellation).run()
        counts = report.receipt(started: record.started)?.counts ?? [:]
        let freed = HumanText.bytes(report.deletedByteCount)
        record.message = "\(freed) freed, \(HumanText.bytes(report.condemnedByteCount)) condemned"
      case .check:
        let report = try check(opening, after: repository.log.state)
        isRecorded = report.entry != nil
        if !isRecorded { result = .failed }
        if !report.isOK {
          let text =
            "\(HumanText.count(report.damages.count, "object")) damaged or missing: "
            + "run 'varve check' to see which"
          record.result = .failure
          record.message = text
          surroundings.warn("\(settings.name): check: \(text)")
        }
      }
    } catch {
      let text = (error as? VarveError)?.message ?? "\(error)"
      (record.result, result) = (.failure, .failed)
      record.message = RunTarget.bounded(ByteText.printable(text))
      surroundings.warn("\(settings.name): \(task.rawValue): \(text)")
      if (error as? VarveError)?.code == .interrupted {
        record.isInterrupted = true
        interruption = error
      }
    }
    record.ended = WallClock.now()
    // What failed counts, too: it ends the claim, so that another host may try. What was stopped does not: the claim is this
    // host's own, which makes up for it at once.
    let receipt = LogStatement.Receipt(
      activity: task.activity, result: result, started: record.started, counts: counts,
      scope: "repository", snapshots: [])
    if !isRecorded, interruption == nil, let failure = repository.leave(receipt) {
      surroundings.warn(
        "\(settings.name): there is no receipt of it in the log: \(failure.message)")
    }
    surroundings.remember(record)
    notices.end(record, after: history)
    if let interruption { throw interruption }
    return record
  }

  /// - Parameter state: of the log, whose checks say which part comes next.
  private func check(_ opening: RepositoryOpening, after state: LogState) throws -> CheckReport {
    var options = CheckOptions()
    if let subset = settings.maintenance.readDataSubset {
      guard let part = DataSubset(subset) else {
        throw VarveError(
          .usage, "'\(ByteText.printable(subset))' is no part of the data",
          hint: "give one such as 5%, 2/7 or 10G")
      }
      options.readData = part.next(after: state.credibleChecks.map(\.result.scope))
    }
    return try opening.check(
      options: options, observer: SilentCheck(), cancellation: surroundings.cancellation)
  }
}

/// Hears of a check, and keeps it for the report.
private final class SilentCheck: CheckObserver {
  let progress = CheckProgress()
  func began(_ stage: CheckStage) {}
  func found(_ damage: CheckReport.Damage) {}
}
