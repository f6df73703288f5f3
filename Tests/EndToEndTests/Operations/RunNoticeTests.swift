import Glibc
import Testing
import VarveTestThreads

/// Who hears that a timer's work has gone wrong: standard error, a monitor that is pinged, `varve status`.
@Suite(.onOwnThreads) struct RunNoticeTests {
  private func prepare(_ yaml: String) throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try configure(here, yaml)
    return here
  }

  /// - Parameter main: what else is said of the repository.
  private func configure(_ here: Workspace, main: String = "", _ yaml: String) throws {
    try here.write(
      """
      repositories:
        main: {location: \(here.repository), key-file: \(here.ownerKeyFile)\(main)}
      \(yaml.contains("away") ? "  away: {location: \(here.root)/nowhere, key-file: \(here.ownerKeyFile)}" : "")

      """ + yaml.replacing("$SOURCE", with: here.source), to: here.configurationFile)
  }

  /// A server that keeps what it is asked, and what was asked since the last time, without bodies.
  private func monitor(_ here: Workspace) throws -> (url: String, asked: () throws -> [String]) {
    let log = here.root + "/asked"
    try here.write("", to: log)
    let server = try here.pythonServer(
      """
      def respond(method, path, body):
          with open("\(log)", "a") as log:
              log.write(method + " " + path + "\\n")
          return 200, "text/plain", b"OK"
      """)
    return (
      server.url,
      {
        let text = String(decoding: try here.read(log), as: UTF8.self)
        try here.write("", to: log)
        return text.split(separator: "\n").map(String.init)
      }
    )
  }

  /// cron mails what is printed, and nothing else; systemd's journal has no more.
  @Test func quietIsNotSilent() throws {
    let here = try prepare(
      """
      profiles:
        gone: {repository: away, sources: [$SOURCE/dir0]}
        pre: {repository: main, sources: [$SOURCE/dir0], hooks: {before: exit 4}}
        meta: {repository: main, sources: [$SOURCE/dir0], meta: {a: {command: exit 4}}}
        post: {repository: main, sources: [$SOURCE/dir0], hooks: {after: exit 4}}
        dump: {repository: main, sources: [{name: dump, command: exit 4}]}
        good: {repository: main, sources: [$SOURCE/dir0]}

      """)
    for (profile, words) in [
      ("gone", "gone, away: "), ("pre", "hook 'before': it failed with status 4"),
      ("meta", "status 4"), ("post", "hook 'after': it failed with status 4"),
      ("dump", "dump, dump, main: "),
    ] {
      for options in [["--quiet"], ["--json"], []] {
        let run = try here.varve(["run", profile, "--config", here.configurationFile] + options)
        #expect(run.code == 1)
        let lines = run.errors.split(separator: "\n").filter { $0.contains("varve: ") }
        #expect(lines.count == 1, "\(profile) \(options): \(run.errors)")
        #expect(lines.first?.hasPrefix("varve: warning: ") == true && run.errors.contains(words))
        #expect(options != ["--quiet"] || run.output.isEmpty)
      }
    }
    let good = try here.runProfiles("good", "--quiet")
    #expect(good.code == 0 && good.output.isEmpty && good.errors.isEmpty, "\(good.errors)")
    // The snapshot is good; that a service may be down is seen all the same.
    let status = try here.varve("status", "post", "--config", here.configurationFile)
    #expect(status.code == 0 && status.text.contains("post/dir0: run: the last run"))
    #expect(status.text.contains("hook 'after': it failed with status 4"), "\(status.text)")
  }

  @Test func aTimersCheckFindsDamage() throws {
    let here = try prepare("profiles: {}\n")
    let (url, asked) = try monitor(here)
    try configure(
      here, main: ", maintenance: {check: daily, read-data-subset: 100%}, notify: store",
      "profiles: {}\nnotifications: {store: {ping: \"\(url)/store\"}}\n")
    try here.backup()
    let pack = try here.largestPack()
    let bytes = try here.read(pack)
    chmod(pack, 0o600)
    try here.write(bytes.map { $0 ^ 1 }, to: pack)
    let bad = try here.runProfiles("--due", "--quiet")
    #expect(bad.code == 1 && bad.output.isEmpty)
    let lines = bad.errors.split(separator: "\n")
    #expect(
      lines.count == 1 && bad.errors.contains("main: check: "), "\(bad.errors)")
    #expect(try asked() == ["POST /store/start", "POST /store/fail"])
  }

  @Test func oneRepositoryDoesNotTakeBackWhatAnotherSaid() throws {
    let here = try prepare("profiles: {}\n")
    let (url, asked) = try monitor(here)
    for repositories in ["[away, main]", "[main, away]"] {
      try configure(
        here,
        """
        profiles:
          two: {repositories: \(repositories), sources: [$SOURCE/dir0], notify: beat}
        notifications: {beat: {ping: "\(url)/beat?k=v"}}

        """)
      #expect(try here.runProfiles("two").code == 1)
      #expect(try asked() == ["POST /beat/start?k=v", "POST /beat/fail?k=v"])
    }
  }

  @Test func maintenanceThatDoesNotWork() throws {
    let here = try prepare("profiles: {}\n")
    let yaml = """
      profiles: {web: {repository: main, sources: [{name: data, path: $SOURCE/dir0}]}}
      metrics-file: \(here.root)/varve.prom

      """
    try configure(here, main: ", maintenance: {prune: daily}", yaml)
    #expect(try here.runProfiles("web").code == 0)
    func status(_ clock: String? = nil) throws -> Outcome {
      try here.run(
        Tools.clock(clock) + [Tools.varve, "status", "--config", here.configurationFile])
    }
    #expect(try status().code == 0)
    let never = try status("+3d")
    #expect(never.code == 21)
    #expect(never.text.contains("main: maintenance: prune has been due for "), "\(never.text)")
    #expect(
      try String(decoding: here.read(here.root + "/varve.prom"), as: UTF8.self).contains(
        "varve_repository_problem{repository=\"main\",kind=\"maintenance\"} 1\n"))
    #expect(try here.runProfiles("--due").code == 0)
    #expect(try status().code == 0)
  }
}
