import Testing
import VarveFormat
import VarveOperations
import VarveRepository
import VarveTestSupport

@Suite struct ServiceUnitsTests {
  private func timer(_ schedules: [String], jitter: Int64 = 300) throws -> [Substring] {
    var configuration = Configuration()
    for (number, text) in schedules.enumerated() {
      configuration.profiles["p\(number)"] = Profile(name: "p\(number)")
      configuration.profiles["p\(number)"]?.schedule = try Schedule(text)
    }
    var units = ServiceUnits(
      configuration, program: "/usr/bin/varve", file: "/etc/varve.yaml",
      client: ClientDirectories(cache: nil, state: "/var/lib/varve"))
    units.jitter = jitter
    return try units.timer().split(separator: "\n")
  }

  /// An interval counts from its last run: who looks only as often as it is long finds it not yet due every other time.
  @Test(
    arguments: [
      (["every 6h"], 900), (["every 20m"], 600), (["every 1m"], 30),
      (["every 6h", "every 10m"], 300),
      (["every 6h", "daily at 02:30"], 900), (["daily at 02:30"], 3600),
    ] as [([String], Int64)])
  func intervalsAreLookedAtTwice(_ schedules: [String], _ seconds: Int64) throws {
    #expect(ScheduleUnits.pause(try schedules.map { try Schedule($0) }) == seconds)
    let lines = try timer(schedules)
    #expect(lines.count { $0.hasPrefix("OnUnitActiveSec=") } == 1)
    #expect(lines.contains("OnUnitActiveSec=\(seconds)s") && lines.contains("OnBootSec=5min"))
    #expect(lines.contains("RandomizedDelaySec=\(min(300, seconds))s"))
    #expect(
      lines.contains("OnCalendar=*-*-* 02:30:00") == schedules.contains("daily at 02:30"))
  }

  @Test func theDelayIsTheOperators() throws {
    #expect(try timer(["every 6h"], jitter: 0).contains("RandomizedDelaySec=0s"))
  }

  private func units(file: String) throws -> ServiceUnits {
    var configuration = Configuration()
    configuration.profiles["p"] = Profile(name: "p")
    configuration.profiles["p"]?.schedule = try Schedule("daily")
    return ServiceUnits(
      configuration, program: "/usr/bin/varve", file: file,
      client: ClientDirectories(cache: nil, state: "/var/lib/varve"))
  }

  /// A combining mark makes another `Character` of a quote, and leaves it a quote to whoever reads bytes.
  @Test func quotesAreQuotedWhateverFollowsThem() throws {
    let unit = try units(file: "/etc/a\"\u{301} \\\u{301} %\u{301} $\u{301}.yaml").service()
    #expect(
      unit.utf8.contains(Array("\"/etc/a\\\"\u{301} \\\\\u{301} %%\u{301} $$\u{301}.yaml\"".utf8)))
    let table = try units(file: "/etc/a'\u{301} %\u{301}.yaml").crontab()
    #expect(table.utf8.contains(Array("'/etc/a'\\''\u{301} \\%\u{301}.yaml'".utf8)))
  }

  @Test(arguments: ["\n", "\r", "\u{0}", "\u{1b}", "\u{7f}"])
  func controlCharactersAreRefused(_ control: String) throws {
    var bad = try units(file: "/etc/a\(control)ExecStartPre=x.yaml")
    #expect(throws: VarveError(.usage, "")) { try bad.service() }
    #expect(throws: VarveError(.usage, "")) { try bad.crontab() }
    bad = try units(file: "/etc/varve.yaml")
    bad.environment = ["A": "b\(control)c"]
    #expect(throws: VarveError(.usage, "")) { try bad.service() }
    #expect(throws: VarveError(.usage, "")) { try bad.crontab() }
  }

  /// systemd takes two dollar signs for one in commands only: elsewhere they would be two.
  @Test func dollarSignsAreDoubledInCommandsOnly() throws {
    var configuration = Configuration()
    configuration.profiles["p"] = Profile(name: "p")
    configuration.profiles["p"]?.schedule = try Schedule("daily")
    configuration.repositories["main"] = RepositorySettings(
      name: "main", location: "/srv/back$up")
    var units = ServiceUnits(
      configuration, program: "/usr/bin/varve", file: "/etc/a$b.yaml",
      client: ClientDirectories(cache: nil, state: "/var/lib/varve"))
    units.environment = ["A": "c$d"]
    let lines = try units.service().split(separator: "\n")
    #expect(lines.contains("ReadWritePaths=-\"/srv/back$up\""))
    #expect(lines.contains("Environment=\"A=c$d\""))
    #expect(
      lines.contains("ExecStart=/usr/bin/varve run --due --quiet --config \"/etc/a$$b.yaml\""))
  }

  // MARK: The environment

  /// To systemd all that follows the dash is the path; the shell of cron wants a word.
  @Test func variablesAreReadFromAFile() throws {
    var units = try units(file: "/etc/varve.yaml")
    #expect(try !units.service().contains("EnvironmentFile"))
    #expect(try !units.crontab().contains("set -a"))
    units.environmentFile = "/home/a b%/environment"
    let lines = try units.service().split(separator: "\n")
    #expect(lines.contains("EnvironmentFile=-/home/a b%%/environment"))
    #expect(
      try units.crontab().contains(
        "0 0 * * * root [ ! -e '/home/a b\\%/environment' ] || { set -a; . '/home/a b\\%/environment'; set +a; }; "
          + "/usr/bin/varve run --due --quiet --config /etc/varve.yaml\n"))
    units.environmentFile = "/home/a\nb"
    #expect(throws: VarveError(.usage, "")) { try units.service() }
    #expect(throws: VarveError(.usage, "")) { try units.crontab() }
  }

  @Test func theNamesOfAFileOfVariables() throws {
    let directory = TemporaryDirectory()
    #expect(try EnvironmentFile.names(at: directory("none")).isEmpty)
    try FileBytes.write(
      Array("# A=1\nB=2\n\n  C_1='x y'\n;D=3\n1E=4\nF\nG-H=5\nI=\n".utf8), to: directory("e"))
    #expect(try EnvironmentFile.names(at: directory("e")) == ["B", "C_1", "I"])
  }

  private func missing(
    _ units: ServiceUnits, asked: Set<String> = [], filed: Set<String> = [],
    under manager: ServiceUnits.Manager = .systemd
  ) -> [String] {
    let present: Set = [
      "HOME", "PATH", "USER", "CHAT_TOKEN", "AWS_PROFILE", "AWS_ACCESS_KEY_ID",
      "VARVE_SERVER_TOKEN",
    ]
    return units.missingVariables(
      asked: asked, present: present, filed: filed, under: manager)
  }

  @Test func variablesThatAServiceWouldMiss() throws {
    var units = try units(file: "/etc/varve.yaml")
    units.environment = ["HOME": "/root"]
    #expect(missing(units).isEmpty)
    // What is not set here has its default there, too.
    #expect(missing(units, asked: ["CHAT_TOKEN", "OTHER", "HOME", "PATH"]) == ["CHAT_TOKEN"])
    #expect(missing(units, asked: ["CHAT_TOKEN"], filed: ["CHAT_TOKEN"]).isEmpty)
    // systemd tells services of root nothing about root.
    #expect(missing(units, asked: ["USER"]) == ["USER"])
    #expect(missing(units, asked: ["USER"], under: .cron).isEmpty)
    units.user = "backup"
    #expect(missing(units, asked: ["USER"]).isEmpty)
  }

  @Test(
    arguments: [
      ("s3://bucket", nil, ["AWS_ACCESS_KEY_ID", "AWS_PROFILE"]), ("/srv/backup", nil, []),
      ("varve+https://h/a", nil, ["VARVE_SERVER_TOKEN"]), ("varve+https://h/a", "/etc/token", []),
    ] as [(String, String?, [String])])
  func variablesOfStores(_ location: String, _ token: String?, _ expected: [String]) throws {
    var configuration = Configuration()
    var settings = RepositorySettings(name: "main", location: location)
    settings.storage.serverTokenFile = token
    configuration.repositories["main"] = settings
    let units = ServiceUnits(
      configuration, program: "/usr/bin/varve", file: "/etc/varve.yaml",
      client: ClientDirectories(cache: nil, state: "/var/lib/varve"))
    #expect(missing(units) == expected)
  }

  /// Directories of the configuration's own can be written to, whoever the service is.
  @Test func directoriesOfTheConfigurationAreWritable() throws {
    var configuration = Configuration()
    configuration.profiles["p"] = Profile(name: "p")
    configuration.profiles["p"]?.schedule = try Schedule("daily")
    configuration.stateDirectory = "/srv/state"
    configuration.cacheDirectory = "/srv/cache"
    var units = ServiceUnits(
      configuration, program: "/usr/bin/varve", file: "/etc/varve.yaml",
      client: ClientDirectories(cache: "/srv/cache", state: "/srv/state"))
    for user in [nil, "backup"] {
      units.user = user
      let lines = try units.service().split(separator: "\n")
      #expect(lines.contains("ReadWritePaths=-/srv/state"))
      #expect(lines.contains("ReadWritePaths=-/srv/cache"))
    }
  }
}
