import Glibc
import Testing
import Varve
import VarveFormat
import VarveOperations
import VarveTestSupport

@Suite struct ConfigurationFileTests {
  private let directory = TemporaryDirectory()

  private func read(
    _ text: String, named name: String = "varve.yaml", _ variables: [String: String] = [:]
  ) throws -> ConfigurationFile {
    try write(name, text)
    return try ConfigurationFile.read(directory(name)) { variables[$0] }
  }

  private func write(_ name: String, _ text: String) throws {
    try FileBytes.write(Array(text.utf8), to: directory(name))
    chmod(directory(name), 0o600)
  }

  private func problems(_ text: String, _ variables: [String: String] = [:]) throws -> [String] {
    try read(text, variables).problems.map {
      "\($0.position.line):\($0.position.column): \($0.message)"
    }
  }

  private static let short = """
    repositories: {main: /srv/backup}
    profiles:
      server:
        schedule: hourly
        sources: [/etc, {sqlite: /var/lib/app/app.db, retention: {daily: 30}}]

    """

  @Test func aNewcomersFile() throws {
    let file = try read(Self.short)
    let configuration = try file.checked()
    #expect(file.warnings.isEmpty)
    let profile = try #require(configuration.profiles["server"])
    #expect(profile.repositories == ["main"] && profile.schedule?.text == "hourly")
    #expect(profile.sources.map(\.name) == ["etc", "app.db"])
    #expect(profile.sources[0].origin == .path("/etc") && profile.sources[0].retention == nil)
    #expect(profile.sources[1].origin == .sqlite("/var/lib/app/app.db"))
    var rules = RetentionRules()
    rules[.daily] = .limited(30)
    #expect(profile.sources[1].retention == rules)
  }

  @Test func allProblemsWithTheirPlaces() throws {
    let found = try problems(
      """
      repositories:
        main: {locatoin: /srv, password-file: a, key-file: b}
      profiles:
        web:
          schedule: dayly
          max-age: 26
          sources: [/etc, {path: /x, sqlite: /y}, {exclude: a}]
          hooks:
        web: 1
      """)
    let expected: [String] = [
      "2:9: a repository needs 'location'",
      "2:10: a repository has no key 'locatoin'",
      "2:44: 'password-file' and 'key-file' exclude each other",
      "5:15: expected a schedule such as 'hourly'",
      "6:14: expected a duration such as 26h",
      "7:32: 'path' and 'sqlite' exclude each other",
      "7:45: a source needs path",
      "7:55: expected a list",
      "8:11: a value is missing",
      "9:3: 'web' stands here twice",
    ]
    let beginnings: [String] = found.map { problem in
      String(problem.prefix { $0 != "," && $0 != ";" })
    }
    #expect(beginnings == expected)
    #expect(found[1].hasSuffix("did you mean 'location'?"))
  }

  @Test func meaningsAreCheckedWhenFormsAreRight() throws {
    let found = try problems(
      """
      repositories: {main: /srv, other: /srv2}
      profiles:
        web:
          repository: mian
          notify: [ops]
          schedule: 0 0 31 2 *
          sources: [/a/data, /b/data, {command: x}]
          drills: {d: {sources: [dat], sample: 0%}}
        none: {sources: [/etc]}
      """)
    #expect(
      found == [
        "4:17: there is no repository 'mian'; did you mean 'main'?",
        "5:14: there is no notification 'ops'",
        "6:15: '0 0 31 2 *' is no schedule: no month has such a day",
        "7:24: the profile has two sources of the name 'data'; give one another 'name'",
        "7:33: the output of a command needs a 'name' or a 'file-name'",
        "8:28: there is no source 'dat'; did you mean 'data'?",
        "8:42: a sample is more than 0% and at most 100%",
        "9:3: the profile needs 'repository', since there are several",
      ])
  }

  @Test func whoIsToldOfWhat() throws {
    let text = """
      repositories: {main: {location: /srv, notify: [ops, store]}, other: {location: /srv2, notify: ops}}
      notifications:
        ops: {command: tell}
        slow: {command: {run: tell, timeout: 1m}}
        beat: {ping: "https://h/x"}
        store: {ping: {url: "https://h/y", incomplete: log}, events: [incomplete]}

      """
    let file = try read(text)
    let configuration = try file.checked()
    #expect(configuration.repositories["main"]?.notify == ["ops", "store"])
    #expect(configuration.repositories["other"]?.notify == ["ops"])
    let told = configuration.notifications
    #expect(told["ops"]?.events == [.incomplete, .failure, .recovery, .alarm])
    #expect(told["beat"]?.events == [.start, .success, .incomplete, .failure])
    #expect(told["beat"]?.means == .ping(url: "https://h/x", incomplete: .fail))
    #expect(told["store"]?.means == .ping(url: "https://h/y", incomplete: .log))
    #expect(told["store"]?.events == [.incomplete])
    var command = CommandSpecification(.shell("tell"))
    command.timeout = 15
    #expect(told["ops"]?.means == .command(command))
    command.timeout = 60
    #expect(told["slow"]?.means == .command(command))
    let shown = YAMLWriter(
      ConfigurationText(written: ["https://h/x": "https://h/x", "https://h/y": "https://h/y"])
        .value(configuration)
    ).text
    let again = try read(shown).checked()
    #expect(again.notifications == told)
    #expect(again.repositories["main"]?.notify == ["ops", "store"])
    #expect(
      try problems(
        "repositories: {main: {location: /srv, notify: opps}}\nnotifications: {ops: {mail: a}}")
        == ["1:47: there is no notification 'opps'; did you mean 'ops'?"])
  }

  @Test func filesAreIncluded() throws {
    mkdir(directory("conf.d"), 0o700)
    try write("conf.d/a.yaml", "repositories: {main: store}\n")
    try write("conf.d/b.yaml", "profiles: {web: {sources: [data]}}\n")
    let configuration = try read("include: conf.d/*.yaml\n").checked()
    let base = try #require(realpath(directory.path, nil).map { String(cString: $0) })
    // Paths are those of the file in which they stand.
    #expect(configuration.repositories["main"]?.location == base + "/conf.d/store")
    #expect(
      configuration.profiles["web"]?.sources.first?.origin == .path(base + "/conf.d/data"))
    try write("conf.d/c.yaml", "repositories: {main: other}\ninclude: ../varve.yaml\n")
    let file = try read("include: [conf.d/*.yaml, nothing.yaml, conf.d/a.yaml]\n")
    let text = file.problems.map(\.message).joined(separator: "\n")
    #expect(file.files.count == 4)
    #expect(text.contains("includes itself, directly or through others"))
    #expect(text.contains("there is no file"))
    #expect(text.contains("a.yaml is included a second time"))
    #expect(text.contains("the repository 'main' is defined already, at "))
  }

  @Test func warnings() throws {
    let text = """
      repositories: {main: /srv}
      notifications:
        a: {webhook: {url: https://u:p@h/x, headers: {Authorization: Bearer 1, Accept: x}}}
        b: {webhook: {url: "https://h/${T}", headers: {Authorization: "Bearer ${T}"}}}
        c: {command: {run: x, environment: {API_TOKEN: abc, PORT: 80}}}
      """
    let file = try read(text, ["T": "secret-from-outside"])
    _ = try file.checked()
    let expected: [String] = [
      " the value of the header Authorization stands here in clear; put it into the environment: "
        + "${NAME}",
      " a password stands in this URL in clear",
      " the value of the variable API_TOKEN stands here in clear; put it into the environment: "
        + "${NAME}",
    ]
    let warnings: [String] = file.warnings.map { warning in
      warning.split(separator: ":").dropFirst(3).joined(separator: ":")
    }
    #expect(warnings == expected)
    let shown = YAMLWriter(
      ConfigurationText(written: file.written).value(file.configuration)
    ).text
    for secret in ["secret-from-outside", "Bearer 1", "u:p", "abc", "/x"] {
      #expect(!shown.contains(secret), "\(secret) in \(shown)")
    }
    #expect(shown.contains("Bearer ${T}") && shown.contains("PORT: \"80\""))
    chmod(directory("varve.yaml"), 0o666)
    let open = try ConfigurationFile.read(directory("varve.yaml")) { _ in "x" }
    #expect(open.warnings.first?.contains("others may write this file") == true)
  }

  /// What is shown is the same configuration when it is read again.
  @Test func whatIsShownIsTheSame() throws {
    let text =
      Self.short.replacing("daily: 30}", with: "daily: 30}, allow-empty: true")
        + """
            tags: ["yes", "1", "a: b", "#x", "é\\n\\u0085", "$$x"]
            retention: {within: 2y3d, tags: ["a,b", c], last: unlimited, monthly: 3}
            max-age: 26h
            host: web-1
            exclude: ["*.o"]
            change-alarm: {growth-factor: 2.5, minimum-size: 1000}
            meta: {a: 1, b: {sha256: /etc/hosts}, c: {command: [git, rev-parse, HEAD]}}
            hooks:
              before: {run: "a $${X} 'b'", timeout: 1h1s, directory: /x, environment: {A: "b c"}}
              after: [x, [y, "z z"]]
            notify: [ops, mail]
            drills:
              monthly:
                schedule: "0 4 1 * *"
                sample: 2.5%
                rto: 90s
                rpo: 100ms
                checks:
                  - {path: /a, minimum-size: 1MiB, tables: [a, b]}
                  - {path: /a, integrity: true, tables: {c: 3}}
                  - http: {url: "http://127.0.0.1:1/x", status: 204, timeout: 250ms}
                services: {b: {command: x, ready: "http://127.0.0.1/"}, a: {command: [y]}}
        notifications:
          ops: {command: [a], events: all}
          mail: {mail: root}
        service: 127.0.0.1:8080
        metrics-file: /var/lib/m.prom

        """.replacing("rpo: 100ms", with: "rpo: 1h")
    func shown(_ file: ConfigurationFile) throws -> String {
      YAMLWriter(ConfigurationText(written: file.written).value(try file.checked())).text
    }
    let first = try shown(read(text))
    let second = try shown(read(first))
    #expect(first == second)
    let (a, b) = (try read(text).checked(), try read(first).checked())
    #expect(a.profiles["server"]?.drills == b.profiles["server"]?.drills)
    #expect(a.profiles["server"]?.hooks == b.profiles["server"]?.hooks)
    #expect(a.profiles["server"]?.meta == b.profiles["server"]?.meta)
    #expect(a.profiles["server"]?.tags == b.profiles["server"]?.tags)
    #expect(a.profiles["server"]?.changeAlarm == b.profiles["server"]?.changeAlarm)
    #expect(
      a.profiles["server"]?.sources.map(\.retention)
        == b.profiles["server"]?.sources.map(\.retention))
    #expect(b.profiles["server"]?.sources.map(\.mayBeEmpty) == [false, true])
    #expect(a.notifications == b.notifications && a.service == b.service)
  }
}
