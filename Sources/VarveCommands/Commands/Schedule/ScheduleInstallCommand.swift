import ArgumentParser
import Glibc
import VarveFormat
import VarveOperations
import VarveRepository
import VarveStorage

struct ScheduleInstallCommand: VarveSubcommand {
  static let configuration = CommandConfiguration(
    commandName: "install",
    abstract: "Have systemd or cron run 'varve run --due' whenever something is due.",
    usage:
      "varve schedule install [--systemd | --cron] [--user] [--output <directory>] [<options>]",
    discussion: """
      systemd gets one service, which may do what backups need and no more, and one timer with a line for each schedule of \
      the configuration; what was missed while the machine was off is made up for. Without commands of the configuration \
      the service sees the file system read-only, but for repositories and caches. cron gets a line for each schedule, \
      and one an hour for what was missed.

      Neither sees the environment of whoever asks: variables that the configuration takes from it (${…}), or its stores do \
      (AWS_ACCESS_KEY_ID), belong in /etc/varve/environment, with --user in ~/.config/varve/environment, as lines NAME=value; \
      what is missing there is warned about.

      Run it again when schedules change; profiles themselves are read anew each time.
      """)

  @Option(
    help: ArgumentHelp(
      "Wait for a random part of this time, so that many hosts do not ask one store at once. Only with systemd.",
      valueName: "duration"))
  var jitter = IntervalArgument(nanoseconds: 300_000_000_000)

  @Option(
    help: ArgumentHelp(
      "Run as this user, who may read everything (CAP_DAC_READ_SEARCH), in place of root. With cron without that.",
      valueName: "user"))
  var runAs: String?

  @OptionGroup var files: ScheduleFiles
  @OptionGroup var configuration: ConfigurationOptions
  @OptionGroup var global: GlobalOptions

  mutating func validate() throws {
    if runAs != nil && files.user {
      throw ValidationError("--run-as and --user exclude each other.")
    }
    if let runAs, runAs.isEmpty || !runAs.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != 0x25 })
    {
      throw ValidationError("--run-as takes the name of a user.")
    }
  }

  func execute(on console: Console) throws -> ExitStatus {
    let file = try configuration.read(on: console)
    let configuration = try file.checked()
    var units = ServiceUnits(
      configuration, program: try Self.program(),
      file: try Self.absolute(try self.configuration.path()),
      // Into another user's state nothing is written here.
      client: try runAs == nil
        ? global.client(of: configuration, on: console)
        : RepositoryAccess(global, console).client(of: configuration))
    units.jitter = jitter.interval.seconds
    units.isForUser = files.user
    units.user = runAs
    units.environmentFile = files.environmentFile()
    if runAs == nil {
      // So that it finds the caches and the journal that commands at a prompt use.
      for name in [
        "HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "VARVE_CACHE_DIR", "VARVE_STATE_DIR",
      ]
      // A user's own systemd knows HOME.
      where !(files.user && name == "HOME") {
        units.environment[name] = ProcessEnvironment.current[name]
      }
    } else if files.isForSystemd {
      // systemd makes these, for that user.
      units.environment = ["XDG_STATE_HOME": "/var/lib", "XDG_CACHE_HOME": "/var/cache"]
    }
    warnAboutVariables(units, file.variables, on: console)
    warnAboutState(units, on: console)
    let texts =
      files.isForSystemd ? [try units.service(), try units.timer()] : [try units.crontab()]
    guard let directory = try files.directory() else {
      try console.write(Array(texts.joined().utf8))
      console.note("put these lines into the table with 'crontab -e'")
      return .success
    }
    let paths = files.names.map { "\(directory)/\($0)" }
    for path in paths where try ScheduleFiles.isOurs(path) == false {
      throw VarveError(
        .refused, "\(ByteText.printable(path)) was not written by 'varve schedule install'",
        hint: "move it away, or give --output")
    }
    try FileWriting.makeDirectory(directory, mode: 0o755)
    if runAs == nil && files.output == nil {
      // The service may write into them, not make them.
      for path in [units.client.state, units.client.cache].compactMap({ $0 }) {
        try FileWriting.makeDirectory(path, mode: 0o700)
      }
    }
    for (path, text) in zip(paths, texts) {
      try FileWriting.replace(path, with: Array(text.utf8), mode: 0o644)
      if !console.isQuiet { try console.line(path) }
    }
    if files.isForSystemd {
      try files.tell(
        [["daemon-reload"], ["enable", "--now", ScheduleFiles.timer]], on: console)
    }
    return .success
  }

  /// Names what is set here and would not be there.
  private func warnAboutVariables(
    _ units: ServiceUnits, _ asked: Set<String>, on console: Console
  ) {
    guard let path = units.environmentFile else { return }
    // Of root's, whoever only writes units somewhere else may see nothing.
    let filed = try? EnvironmentFile.names(at: path)
    let missing = units.missingVariables(
      asked: asked, present: ProcessEnvironment.names(),
      filed: filed ?? [], under: files.isForSystemd ? .systemd : .cron)
    guard !missing.isEmpty else { return }
    let (names, file) = (missing.joined(separator: ", "), ByteText.printable(path))
    console.warning(
      filed == nil
        ? "\(file) cannot be read: see that it has \(names), which the configuration needs"
        : "what is due will run without \(names), set here and needed by the configuration: put that into \(file), as NAME=value"
    )
  }

  /// Who runs as another user leaves its journal where commands at a prompt do not look.
  private func warnAboutState(_ units: ServiceUnits, on console: Console) {
    guard let runAs, files.isForSystemd, units.configuration.stateDirectory == nil else { return }
    console.warning(
      "'varve status' at a prompt will not see what the service did: give the configuration 'state: /var/lib/varve' and "
        + "'cache: /var/cache/varve', and ask as \(runAs)")
  }

  /// This program's file.
  static func program() throws -> String {
    var bytes = [CChar](repeating: 0, count: Int(PATH_MAX))
    let count = readlink("/proc/self/exe", &bytes, bytes.count)
    guard count > 0 else {
      throw VarveError(.io, "cannot find out where this program lies")
    }
    return RawArgument.text(bytes[..<count].map { UInt8(bitPattern: $0) })
  }

  static func absolute(_ path: String) throws -> String {
    guard let real = realpath(RawArgument.cString(path), nil) else {
      throw VarveError(system: errno, "cannot find \(ByteText.printable(path))")
    }
    defer { free(real) }
    return RawArgument.text(String(cString: real), real)
  }
}
