import Glibc
import Testing

/// `varve run` as an operator meets it: exit codes, messages, JSON, what is left after a kill, and hosts that race.
@Suite struct RunTests {
  private func prepare(_ yaml: String) throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try here.configure(
      yaml.split(separator: "$SOURCE", omittingEmptySubsequences: false).joined(
        separator: here.source))
    return here
  }

  @Test func aSetFromAFile() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          tags: [nightly]
          meta:
            commit: { command: "echo 4f2a" }
          sources:
            - path: $SOURCE/dir0
              name: state
              retention: { last: 2 }
            - path: $SOURCE/dir1
              name: audit
            - command: "cat $SOURCE/hello.txt; echo done"
              name: dump
              file-name: dump.sql
      """)
    for _ in 0..<3 {
      let run = try here.runProfiles("nightly", "--json")
      #expect(run.code == 0, "\(run.errors)")
      let message = try run.message("run")
      #expect(message["profile"].string == "nightly" && message["repository"].string == "main")
      #expect(message["result"].string == "success")
      #expect(
        message["sources"].list.compactMap { $0["source"].string } == ["state", "audit", "dump"])
    }
    let sources = try here.snapshots().compactMap { $0["paths"].strings.first }
    #expect(sources.count { $0 == here.source + "/dir0" } == 2, "\(sources)")
    #expect(sources.count { $0 == here.source + "/dir1" } == 3)
    #expect(try here.succeed("dump", "latest", "/dump.sql").text == "hello\ndone\n")
    #expect(try here.receipts("run").count == 3)
    let text = try here.runProfiles("nightly")
    #expect(
      text.text.contains("nightly into main: ok") && text.text.contains("  audit: ok: snapshot"))
    #expect(try here.runProfiles("nightly", "--dry-run").text.contains("(dry run)"))
    #expect(try here.receipts("run").count == 4)
  }

  @Test func commandsDoNotSeeWhatUnlocks() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          hooks: { before: "env >$SOURCE/environment" }
          sources: [$SOURCE/dir0, { command: env, name: env }]
      """)
    here.environment["VARVE_PASSWORD"] = "hidden from hooks"
    here.environment["VARVE_SERVER_TOKEN"] = "hidden, too"
    here.environment["ORDINARY"] = "seen by hooks"
    #expect(try here.runProfiles("nightly").code == 0)
    here.environment["VARVE_PASSWORD"] = nil
    let seen = [
      String(decoding: try here.read(here.source + "/environment"), as: UTF8.self),
      try here.succeed("dump", "latest", "/env").text,
    ]
    for text in seen {
      #expect(text.contains("seen by hooks") && text.contains("VARVE_PROFILE=nightly"))
      #expect(!text.contains("hidden") && !text.contains(here.password))
    }
  }

  @Test func exitCodes() throws {
    let here = try prepare(
      """
      profiles:
        broken:
          sources:
            - path: $SOURCE/dir0
              name: state
            - command: "echo no such table >&2; exit 4"
              name: dump
        stopped:
          hooks:
            before: "echo still busy; exit 1"
            after: "echo after >>$SOURCE/after"
          sources: [$SOURCE/dir1]
      """)
    let broken = try here.runProfiles("broken")
    #expect(broken.code == 1)
    #expect(broken.errors.contains("status 4: no such table") && broken.text.contains("state: ok"))
    #expect(try here.snapshots().count == 1)
    let stopped = try here.runProfiles("stopped", "--json")
    #expect(stopped.code == 1)
    #expect(try stopped.message("run")["message"].string?.contains("still busy") == true)
    #expect(try here.read(here.source + "/after") == Array("after\n".utf8))
    #expect(try here.snapshots().count == 1)
    #expect(try here.runProfiles("--all").code == 1)
    #expect(try here.runProfiles("nobody").code == 1)
    #expect(try here.runProfiles("nobody").errors.contains("broken, stopped"))
    #expect(try here.runProfiles().code == 64)
    #expect(try here.runProfiles("broken", "--all").code == 64)
  }

  /// A run that is killed leaves nothing that keeps the next one, which says what happened.
  @Test func killedAndRunAgain() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          hooks: { before: "touch $SOURCE/begun" }
          sources:
            - path: $SOURCE/dir0
              name: state
            - command: { run: "touch $SOURCE/reading; sleep 20", timeout: 1m }
              name: slow
      """)
    let run = try here.startProfiles("nightly")
    while !here.exists(here.source + "/reading") && !run.ended(within: 10) {}
    let second = try here.runProfiles("nightly")
    #expect(second.code == 1)
    #expect(
      second.errors.contains("being run by another process (\(run.identifier))"), "\(second.errors)"
    )
    run.send(SIGKILL)
    _ = try run.wait()
    try here.configure(
      "profiles:\n  nightly:\n    sources: [{ path: \(here.source)/dir0, name: state }]\n")
    let again = try here.runProfiles("nightly", "--json")
    #expect(again.code == 0, "\(again.errors)")
    #expect(
      try again.message("run")["message"].string?.contains("did not come to an end") == true)
    try here.succeed("check", "--read-data")
  }

  @Test func oneSignalEndsARunInOrder() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          hooks: { after: "echo done >>$SOURCE/after" }
          sources:
            - command: "touch $SOURCE/reading; sleep 60"
              name: slow
      """)
    let run = try here.startProfiles("nightly")
    while !here.exists(here.source + "/reading") && !run.ended(within: 10) {}
    run.send(SIGTERM)
    let outcome = try run.wait()
    #expect(outcome.code == 130, "\(outcome.code): \(outcome.errors)")
    #expect(outcome.seconds < 30)
    #expect(here.exists(here.source + "/after"))
  }

  /// Hosts with a timer each and one repository: everything that is due is done once.
  @Test func maintenanceIsDoneByOneHost() throws {
    let here = try prepare("profiles: {}\n")
    let configuration = try String(decoding: here.read(here.configurationFile), as: UTF8.self)
    try here.write(
      configuration.split(separator: "profiles", maxSplits: 1)[0]
        + "    maintenance: { forget: every 6h, prune: every 6h, check: every 6h }\n",
      to: here.configurationFile)
    try here.backup()
    for _ in 0..<Tools.rounds(1, soak: 20) {
      let hosts = try (0..<4).map {
        try here.startProfiles(
          "--due", "--json",
          environment: [
            "XDG_STATE_HOME": here.root + "/state-\($0)",
            "XDG_CACHE_HOME": here.root + "/cache-\($0)",
          ])
      }
      let outcomes = try hosts.map { try $0.wait() }
      #expect(outcomes.allSatisfy { $0.code == 0 }, "\(outcomes.map(\.errors))")
      let done = try outcomes.flatMap { try $0.documents() }.compactMap { $0["activity"].string }
      // In later rounds nothing is due.
      #expect(done.isEmpty || done.sorted() == ["check", "forget", "prune"], "\(done)")
    }
    for activity in ["forget", "prune", "check"] {
      #expect(try here.receipts(activity).count == 1, "\(activity)")
    }
  }

  @Test func whatIsDue() throws {
    let here = try prepare(
      """
      profiles:
        hourly: { schedule: every 1h, sources: [$SOURCE/dir0] }
        by-hand: { sources: [$SOURCE/dir1] }
      """)
    #expect(try here.runProfiles("--due", "--json").documents().count == 1)
    #expect(try here.runProfiles("--due", "--json").documents().isEmpty)
    #expect(try here.snapshots().count == 1)
  }
}
