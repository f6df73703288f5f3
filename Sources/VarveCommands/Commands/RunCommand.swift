import ArgumentParser
import VarveFormat
import VarveOperations
import VarveRepository

struct RunCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Back up what profiles of the configuration say.",
    usage: "varve run [<options>] (<profile> ... | --all | --due)",
    discussion: """
      A profile's sources are captured together: its 'before' hooks run first, and a failed one stops it; its 'after' hooks \
      always run. Databases (sqlite) are copied while their programs write, and checked before they count. Each source becomes a \
      snapshot of its own, with its own retention. A source that fails does not keep the others from being saved.

      --due runs the profiles and drills that are due by their schedules, and does what is due of the repositories' maintenance, unless \
      another host does it: the log decides. It goes on until nothing is due that it has not yet done, and leaves out what another \
      process is at. Meant for timers, which may come as often as they like.

      Of several profiles, one that another process of this host is running or restoring is left out, and the exit code is 1 in the end.

      The exit code is 0 when all went well, 3 when something could not be read in full, 1 when something failed, \
      23 when a drill did.

      Examples:
        varve run nightly
        varve run nightly --dry-run
        varve run --due --config /etc/varve/varve.yaml
        varve run --all --json
      """)

  @Argument(help: ArgumentHelp("Profiles, in this order.", valueName: "profile"))
  var profiles: [String] = []

  @Flag(help: "All profiles.")
  var all = false

  @Flag(help: "What is due by its schedule, and the maintenance that is due.")
  var due = false

  @Flag(
    name: [.customShort("n"), .long],
    help: "Read, copy and check, but store nothing, and run no hooks.")
  var dryRun = false

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    let ways = [!profiles.isEmpty, all, due].count { $0 }
    guard ways == 1 else {
      throw ValidationError("Name profiles, or give --all or --due.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let configuration = try configuration.load(on: console)
    let surroundings = RunSurroundings(
      configuration, client: try global.client(of: configuration, on: console),
      cancellation: Interruption.flag,
      note: { console.note($0) }, warn: { console.warning(ByteText.printable($0)) })
    var work = Work()
    if due {
      try runDue(surroundings, &work, on: console)
    } else {
      for profile in try chosen(surroundings) {
        try add(to: &work, on: console) { try run(profile, surroundings) }
      }
    }
    if !dryRun { surroundings.updateMetrics(on: console) }
    if let refusal = work.refusal { throw refusal }
    return work.status
  }

  /// What was done.
  private struct Work {
    var records: [RunRecord] = []
    /// The worst of the drills.
    var drills = ExitStatus.success
    /// Of the first profile that another process was at.
    var refusal: VarveError?

    /// A drill that failed says more than files that could not be read.
    var status: ExitStatus {
      let status = RunSummary(records, isDryRun: false).status
      return status == .success || status == .incomplete && drills != .success ? drills : status
    }
  }

  /// What another process is at keeps nothing else from being done.
  ///
  /// - Returns: whether anything was.
  @discardableResult
  private func add(
    to work: inout Work, on console: Console, _ run: () throws -> [RunRecord]
  ) throws -> Bool {
    do {
      let made = try run()
      try RunSummary(made, isDryRun: dryRun).print(on: console)
      work.records += made
      return !made.isEmpty
    } catch let error as VarveError where error.code == .refused {
      if due {
        // A timer may come while the last one's work is still under way.
        console.note(error.message)
      } else if work.refusal == nil {
        work.refusal = error
      } else {
        console.warning(ByteText.printable(error.message))
      }
      return false
    }
  }

  private func run(
    _ profile: Profile, _ surroundings: RunSurroundings
  ) throws -> [RunRecord] {
    var options = ProfileRun.Options()
    options.dryRun = dryRun
    return try ProfileRun(profile, surroundings, options: options).run()
  }

  /// What is due, until nothing is that was not done.
  private func runDue(
    _ surroundings: RunSurroundings, _ work: inout Work, on console: Console
  ) throws {
    var pass = DuePass(surroundings)
    var isDone = false
    while !isDone {
      isDone = true
      for profile in try pass.takeProfiles() {
        isDone = false
        try add(to: &work, on: console) { try run(profile, surroundings) }
      }
      // Backups first.
      guard isDone, !dryRun else { continue }
      for name in surroundings.configuration.repositories.keys.sorted() {
        let hasWorked = try add(to: &work, on: console) { try pass.maintain(name) }
        if hasWorked { isDone = false }
      }
      for due in try pass.takeDrills() {
        isDone = false
        let result = try run(due, surroundings, on: console)
        if work.drills == .success { work.drills = result }
      }
    }
  }

  /// A drill that cannot be begun is a failure, too, and keeps no other from being run.
  private func run(
    _ due: ProfileDrill, _ surroundings: RunSurroundings, on console: Console
  ) throws -> ExitStatus {
    let operation = DrillOperation(
      surroundings.configuration, client: surroundings.client,
      cancellation: Interruption.flag, note: { console.note($0) },
      warn: { console.warning(ByteText.printable($0)) })
    let report = DrillSummary(console, profile: due.profile.name, drill: due.drill.name)
    report.begin()
    do {
      let outcome = try operation.run(
        due.drill, of: due.profile,
        options: DrillRun.Options(
          base: DrillDirectory.standardBase(ProcessEnvironment.current.variables)),
        observe: report.step)
      try report.end(outcome, directory: nil)
      if outcome.isInterrupted { try Interruption.flag.check() }
      return outcome.record.hasPassed ? .success : .drillFailed
    } catch let error as VarveError where error.code != .interrupted {
      console.warning(
        "the drill \(due.drill.name) of \(due.profile.name) could not be made: "
          + ByteText.printable(error.message))
      return .failure
    }
  }

  private func chosen(_ surroundings: RunSurroundings) throws -> [Profile] {
    let known = surroundings.configuration.profiles
    if all { return known.values.sorted { $0.name < $1.name } }
    return try profiles.map { name in
      guard let profile = known[name] else {
        let names = known.keys.sorted().map { ByteText.printable($0) }.joined(separator: ", ")
        throw VarveError(
          .notFound, "there is no profile '\(ByteText.printable(name))'",
          hint: names.isEmpty ? "the configuration has none" : "the configuration has \(names)")
      }
      return profile
    }
  }
}
