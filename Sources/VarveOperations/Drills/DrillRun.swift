// A drill, in this order:
//
//     plan      the newest snapshot of each source, the challenge                       `drill-start` into the log
//     --- the clock of the recovery time runs from here ---
//     snapshots each is there and not older than the recovery point's target
//     sample    chosen by the challenge
//     restore   source by source into a private directory, each compared with its tree right after it: sources may
//               overlap, databases and commands come last
//     checks    as declared; services are started before the first that is a command or a probe
//     --- the clock stops with the last check ---
//     time      not longer than the recovery time's target
//     clean up  services ended, directory removed                                       `drill` into the log
//
// What fails does not keep the rest from being looked at, unless nothing could be restored. What is damaged, missing or
// slow is never an error of the run but a step that failed.

import Glibc
import Varve
import VarveCrypto
public import VarveFormat
public import VarveProof
public import VarveRepository
import VarveStorage

/// Runs a drill of a profile.
public struct DrillRun {
  public struct Options: Sendable {
    /// Nil for a random one.
    public var challenge: Digest?
    /// What was restored stays there.
    public var keeps = false
    /// The directory in which the private one is made.
    public var base: String
    public var notes: [DrillRecord.Note] = []
    /// A file for the list of what was restored.
    public var listFile: String?
    public var trust = TimeTrust()

    public init(base: String) { self.base = base }
  }

  /// What came of it.
  public struct Outcome: Sendable {
    public var record: DrillRecord
    /// The entry of the receipt; nil when it could not be logged.
    public var entry: LogEntry?
    public var proof: LogProof?
    /// Why there is no receipt, or no proof of it.
    public var receiptFailure: VarveError?
    /// Where what was restored lies.
    public var keptDirectory: String?
    public var isInterrupted = false
  }

  private let repository: IndexedRepository
  private let profile: Profile
  private let drill: Drill
  private let id: String
  private let options: Options
  private let cancellation: CancellationFlag
  private let observe: @Sendable (DrillStep) -> Void
  private let willLog: @Sendable () -> Void

  /// - Parameters:
  ///   - id: 16 random bytes in hex.
  ///   - observe: hears of each step as it ends.
  ///   - willLog: called when nothing is left but to log the end; that is done even for a drill that was stopped.
  public init(
    _ repository: IndexedRepository, _ profile: Profile, _ drill: Drill, id: String,
    options: Options, cancellation: CancellationFlag,
    observe: @escaping @Sendable (DrillStep) -> Void = { _ in },
    willLog: @escaping @Sendable () -> Void = {}
  ) {
    self.repository = repository
    self.profile = profile
    self.drill = drill
    self.id = id
    self.options = options
    self.cancellation = cancellation
    self.observe = observe
    self.willLog = willLog
  }

  /// - Throws: `.forbidden`, `.io` and others before anything was done, when the start cannot be logged or there is no
  ///   place to restore to; `.notFound` for a drill of a source that the profile does not have.
  public func run() throws -> Outcome {
    let unlocked = repository.unlocked
    let started = Timestamp(seconds: WallClock.now().seconds)
    let directory = try DrillDirectory(in: options.base)
    do {
      let plan = try DrillPlan(unlocked, profile, drill, options, now: started)
      let digest = SHA256.digest(plan.json.canonicalBytes())
      let start = plan.startReceipt(digest: digest, at: started)
      guard let startEntry = try unlocked.log.append({ _ in [.receipt(start)] }).first else {
        throw VarveError(.io, "the start of the drill is not in the log")
      }
      var record = DrillRecord(
        id: id, profile: profile.name, drill: drill.name,
        repository: unlocked.config.id.hex, logKey: unlocked.config.logKey,
        host: ByteText.printable(MachineName.bytes()), program: ProgramVersion.program,
        started: started, ended: started, recoveryTimeTarget: drill.recoveryTime,
        recoveryPointTarget: drill.recoveryPoint, plan: plan.json, planDigest: digest,
        startEntry: startEntry, notes: options.notes)
      let isInterrupted = work(plan, directory, &record)
      var kept: String?
      if options.keeps {
        directory.keep()
        kept = directory.files
      } else {
        cleanUp(directory, &record)
      }
      record.ended = Timestamp(seconds: WallClock.now().seconds)
      willLog()
      var outcome = leave(record, record.receipt(plan))
      outcome.keptDirectory = kept
      outcome.isInterrupted = isInterrupted
      return outcome
    } catch {
      try? directory.remove()
      throw error
    }
  }

  /// Whether it was stopped.
  private func work(
    _ plan: DrillPlan, _ directory: DrillDirectory, _ record: inout DrillRecord
  ) -> Bool {
    let began = MonotonicClock.nanoseconds
    let environment = [
      "VARVE_DRILL": drill.name, "VARVE_DRILL_DIRECTORY": directory.files,
      "VARVE_PROFILE": profile.name,
    ]
    let services = DrillServices(drill, directory, environment, cancellation)
    var isInterrupted = false
    do {
      snapshots(plan, &record)
      try restore(plan, directory, &record)
      try checks(
        services,
        DrillChecks(
          directory: directory, environment: environment, cancellation: cancellation), &record)
    } catch {
      isInterrupted = (error as? VarveError)?.code == .interrupted
      add(
        DrillStep(
          .interruption, drill.name, .failed,
          isInterrupted ? "it was stopped" : ByteText.printable("\(error)")), to: &record)
    }
    record.milliseconds = DrillClock.milliseconds(since: began)
    for step in services.stop() { add(step, to: &record) }
    if !isInterrupted { recoveryTime(&record) }
    return isInterrupted
  }

  private func add(_ step: DrillStep, to record: inout DrillRecord) {
    record.steps.append(step)
    observe(step)
  }

  private func snapshots(_ plan: DrillPlan, _ record: inout DrillRecord) {
    var oldest: Int64?
    for snapshot in plan.snapshots {
      guard let id = snapshot.id, let taken = snapshot.taken else {
        add(
          DrillStep(.snapshot, snapshot.source, .failed, "there is no snapshot of it"),
          to: &record)
        continue
      }
      let age = max(0, record.started.seconds &- taken.seconds)
      oldest = max(oldest ?? 0, age)
      let text = "\(id.hex.prefix(8)) of \(taken.utcSeconds), \(HumanText.span(age)) old"
      if let target = drill.recoveryPoint, age > target {
        add(
          DrillStep(
            .snapshot, snapshot.source, .failed,
            "the snapshot is stale: \(text), recovery point target \(HumanText.span(target))"),
          to: &record)
      } else {
        add(DrillStep(.snapshot, snapshot.source, .passed, text), to: &record)
      }
    }
    record.recoveryPoint = plan.snapshots.contains { $0.id == nil } ? nil : oldest
  }

  private func restore(
    _ plan: DrillPlan, _ directory: DrillDirectory, _ record: inout DrillRecord
  ) throws {
    let sources = DrillSources(
      repository: repository, plan: plan, directory: directory, cancellation: cancellation)
    let began = MonotonicClock.nanoseconds
    let choice: DrillSources.Choice
    do {
      choice = try sources.choice()
    } catch let error as VarveError where error.code != .interrupted {
      let finding = "the files cannot be listed: \(ByteText.printable(error.description))"
      return add(
        DrillStep(
          .sample, drill.name, .failed, milliseconds: DrillClock.milliseconds(since: began),
          finding), to: &record)
    }
    record.filesTotal = choice.total
    // Nothing that was restored shows nothing: it may not have been mounted when it was saved. One source of several may be
    // empty as a rule, and is named.
    let empty = plan.snapshots.filter { $0.id.map(choice.empty.contains) ?? false }.map(\.source)
    let text = "\(drill.sample.text) of \(HumanText.count(choice.total, "file"))"
    add(
      DrillStep(
        .sample, drill.name, choice.total > 0 ? .passed : .failed,
        milliseconds: DrillClock.milliseconds(since: began),
        empty.isEmpty
          ? text : "\(text); there is no file in \(empty.joined(separator: ", "))"), to: &record)
    let list = try DrillList(options.listFile)
    for snapshot in plan.snapshots {
      guard let id = snapshot.id else { continue }
      removeStrayLogs(besides: snapshot.source, directory)
      let restored = try sources.restore(snapshot, id, choice)
      add(restored.step, to: &record)
      record.warnings += restored.warnings
      let compared = try sources.compare(snapshot, id, choice, list: list.write)
      add(compared.step, to: &record)
      record.files += compared.files
      record.bytes = record.bytes.addingWithoutOverflow(compared.bytes)
    }
    record.sampleDigest = try list.finish()
  }

  /// What a directory's copy of a database had beside it would be applied to the one that comes now.
  private func removeStrayLogs(besides source: String, _ directory: DrillDirectory) {
    for case .sqlite(let path) in profile.sources.filter({ $0.name == source }).map(\.origin) {
      guard let place = directory.place(of: path) else { continue }
      for suffix in ["-wal", "-shm", "-journal"] { unlink(place + suffix) }
    }
  }

  private func checks(
    _ services: DrillServices, _ checks: DrillChecks, _ record: inout DrillRecord
  ) throws {
    guard record.steps.contains(where: { $0.kind == .restore }) else {
      for check in drill.checks { add(check.skipped("nothing was restored"), to: &record) }
      return
    }
    func start() throws -> Bool {
      guard !services.isStarted else { return true }
      let steps = try services.start()
      for step in steps { add(step, to: &record) }
      return steps.allSatisfy { $0.result == .passed }
    }
    var areServicesUp = true
    for check in drill.checks {
      try cancellation.check()
      if check.path == nil { areServicesUp = try start() && areServicesUp }
      if case .http = check, !areServicesUp {
        add(check.skipped("a service that it needs did not start"), to: &record)
        continue
      }
      add(try checks.run(check), to: &record)
    }
    _ = try start()
  }

  private func recoveryTime(_ record: inout DrillRecord) {
    guard let target = drill.recoveryTime else { return }
    let isMet = Double(record.milliseconds) <= Double(target) * 1000
    let text =
      "\(HumanText.fixed(Double(record.milliseconds) / 1000, 3)) s, target "
      + HumanText.span(target)
    add(
      DrillStep(
        .recoveryTime, drill.name, isMet ? .passed : .failed,
        milliseconds: record.milliseconds,
        isMet ? text : "the recovery took too long: \(text)"), to: &record)
  }

  private func cleanUp(_ directory: DrillDirectory, _ record: inout DrillRecord) {
    do {
      try directory.remove()
    } catch {
      add(
        DrillStep(
          .cleanUp, drill.name, .failed,
          "what was restored is not all removed: \(ByteText.printable("\(error)"))"), to: &record)
    }
  }

  private func leave(_ record: DrillRecord, _ receipt: LogStatement.Receipt) -> Outcome {
    var outcome = Outcome(record: record)
    let log = repository.unlocked.log
    do {
      guard let index = try log.append({ _ in [.receipt(receipt)] }).first else { return outcome }
      outcome.entry = try log.entry(index)
      outcome.proof = try log.proof(ofEntry: index)
    } catch let error as VarveError {
      outcome.receiptFailure = error
    } catch {
      outcome.receiptFailure = VarveError(.io, "the receipt cannot be logged", cause: error)
    }
    return outcome
  }
}
