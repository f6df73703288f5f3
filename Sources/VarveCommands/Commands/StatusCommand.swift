import ArgumentParser
import Glibc
import VarveFormat
import VarveOperations
import VarveRepository

struct StatusCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "status",
    abstract: "Say whether the backups are good.",
    usage: "varve status [<options>] [<profile> …]",
    discussion: """
      Of every source of the configuration's profiles, in every repository: whether its newest snapshot is fresh, what \
      came of the last run, and what is wrong. Of repositories: whether they can be reached, whether the history is whole, \
      when their data was last verified. Of drills: what came of them, and whether they are due. The file of metrics is \
      brought up to date, too.

      With --repo (-r) it is about that repository alone, without a configuration: each host with the paths it saves \
      together is a source. A writer's credential cannot open their records; then each id that the log has for a source is.

      Exit code 21 when anything is stale, failed, never ran, has no end, is damaged, broken, unreachable or has not been \
      verified, drilled or maintained for too long. Snapshots that are incomplete or claim to be of the future, alarms about \
      changes, and what went wrong with a run around what it saved, are warnings.

      Examples:
        varve status
        varve status nightly --max-age 26h
        varve status --json | jq -r '.sources[] | select(.ok | not) | .source'
        varve -r /srv/backup status --max-age 2d
      """)

  @Argument(help: ArgumentHelp("Only these profiles.", valueName: "profile"))
  var profiles: [String] = []

  @Option(
    help: ArgumentHelp(
      "How old a source's newest snapshot may be, whatever the configuration says.",
      valueName: "duration"))
  var maxAge: IntervalArgument?

  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if global.repository != nil, !profiles.isEmpty || configuration.file != nil {
      throw ValidationError(
        "--repo is about one repository; profiles and --config are about a configuration.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let report =
      try isAboutOneRepository ? ofRepository(on: console) : ofConfiguration(on: console)
    if console.isJSON {
      try console.write(report.json.canonicalBytes() + [0x0a])
    } else if !console.isQuiet {
      try StatusTable(report).print(on: console)
    }
    return report.isGood ? .success : .stale
  }

  private var isAboutOneRepository: Bool {
    if global.repository != nil { return true }
    guard profiles.isEmpty, configuration.file == nil,
      ProcessEnvironment.current["VARVE_CONFIG"] == nil
    else { return false }
    return ProcessEnvironment.current["VARVE_REPOSITORY"] != nil
  }

  private var maximumAge: Int64? { maxAge?.interval.seconds }

  private func ofConfiguration(on console: Console) throws -> StatusReport {
    let configuration = try configuration.load(on: console)
    let reader = StatusReader(
      configuration, client: try global.client(of: configuration, on: console),
      isInterrupted: { try Interruption.flag.check() }, note: { console.note($0) })
    let report = try reader.report(profiles: profiles, maximumAge: maximumAge)
    if let path = configuration.metricsFile, profiles.isEmpty, maximumAge == nil {
      do {
        try MetricsFile.update(path, report)
      } catch let error as VarveError {
        console.warning("the file of metrics is as it was: \(error.message)")
      }
    }
    return report
  }

  private func ofRepository(on console: Console) throws -> StatusReport {
    let access = RepositoryAccess(global, console)
    let now = WallClock.now()
    var facts: RepositoryFacts
    do {
      let repository = try access.unlocked()
      facts = try RepositoryFacts(repository, read: now)
      if facts.snapshots == nil {
        try facts.readSnapshotEntries(of: repository.log)
        console.note(
          "this credential opens no records: sources are judged by the log, which has ids for them")
      }
    } catch let error as VarveError
      where [.usage, .wrongPassword, .noRepository, .interrupted].contains(error.code)
    {
      throw error
    } catch {
      facts = RepositoryFacts(error, read: now)
    }
    let settings = RepositorySettings(name: "repository", location: global.repository ?? "")
    return StatusReport(of: facts, settings, maximumAge: maximumAge, now: now)
  }
}
