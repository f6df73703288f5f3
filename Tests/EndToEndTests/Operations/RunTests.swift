import Foundation
import Glibc
import Testing
import VarveTestThreads

/// `varve run` as an operator meets it: exit codes, messages, JSON, what is left after a kill, and hosts that race.
@Suite(.onOwnThreads) struct RunTests {
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

  /// What a dump has left behind keeps its output open: the time-out counts all the same.
  @Test func aDumpThatNeverEndsIsNotSaved() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          sources:
            - command: { run: "echo data; sleep 300 & exit 0", timeout: 1s }
              name: dump
      """)
    let start = monotonicSeconds()
    let run = try here.runProfiles("nightly")
    #expect(run.code == 1 && run.errors.contains("too long"), "\(run.errors)")
    #expect(monotonicSeconds() - start < 100)
    #expect(try here.snapshots().isEmpty)
  }

  /// With the privileges of the unit, and without the one for it.
  @Test(.enabled(if: Tools.isRoot))
  func copiesOfDatabasesHaveTheirOwners() throws {
    let here = try prepare(
      """
      profiles:
        nightly:
          sources: [{ sqlite: $SOURCE/app/app.db, name: app }]
      """)
    let database = here.source + "/app/app.db"
    try here.write("", to: here.source + "/app/.keep")
    _ = try here.run([
      "sqlite3", database, "PRAGMA journal_mode=wal; CREATE TABLE t(a); INSERT INTO t VALUES (1)",
    ])
    _ = try here.run(["chown", "-R", "1234:1234", here.source + "/app"])
    func run(_ capabilities: String) throws -> Outcome {
      try here.run([
        "setpriv", "--bounding-set=-all,+dac_read_search,+dac_override,+fowner\(capabilities)",
        "--inh-caps=-all", "--ambient-caps=-all", Tools.varve, "run", "--config",
        here.configurationFile, "nightly",
      ])
    }
    let lacking = try run("")
    #expect(lacking.code == 3 && lacking.errors.contains("CAP_CHOWN"), "\(lacking.errors)")
    let good = try run(",+chown")
    #expect(good.code == 0, "\(good.errors)")
    try here.succeed("restore", "latest", "--target", here.target)
    for path in ["/app", "/app/app.db"].map({ here.target + here.source + $0 }) {
      #expect(try here.run(["stat", "--format=%u:%g", path]).text == "1234:1234\n", "\(path)")
    }
    // Nothing that the application cannot write to lies beside its database.
    #expect(!here.exists(database + "-wal") && !here.exists(database + "-shm"))
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

  /// A timer that comes round meanwhile starts nothing, so what comes due while another profile runs is not left to it.
  @Test func whatComesDueMeanwhile() throws {
    let here = try prepare(
      """
      profiles:
        aa: { schedule: daily, sources: [$SOURCE/dir0], hooks: { before: sleep 9 } }
        bb: { schedule: every 1m, sources: [$SOURCE/dir1] }
      """)
    let before = try here.run(
      Tools.clock("-52s") + [Tools.varve, "run", "--config", here.configurationFile, "bb"])
    #expect(before.code == 0, "\(before.errors)")
    let due = try here.runProfiles("--due", "--json")
    #expect(due.code == 0, "\(due.errors)")
    #expect(try due.documents().compactMap { $0["profile"].string } == ["aa", "bb"])
    #expect(try here.snapshots().count == 3)
  }

  /// What another process is running keeps the others from nothing.
  @Test func oneIsRefused() throws {
    let here = try prepare(
      """
      profiles:
        aa: { sources: [{ command: "touch $SOURCE/reading; sleep 60", name: slow }] }
        bb: { sources: [$SOURCE/dir0] }
        cc: { sources: [$SOURCE/dir1] }
      """)
    let run = try here.startProfiles("aa")
    while !here.exists(here.source + "/reading") && !run.ended(within: 10) {}
    for arguments in [["--all"], ["aa", "bb", "cc"]] {
      let all = try here.varve(
        ["run", "--config", here.configurationFile, "--json"] + arguments)
      #expect(all.code == 1, "\(all.errors)")
      #expect(all.errors.contains("the profile 'aa' is being run by another process"))
      #expect(try all.documents().compactMap { $0["profile"].string } == ["bb", "cc"])
    }
    #expect(try here.snapshots().count == 4)
    run.send(SIGTERM)
    #expect(try run.wait().code == 130)
  }

  /// Each would forget the other's.
  @Test func sourcesOfOnePlaceAreRefused() throws {
    let here = try prepare(
      """
      profiles:
        shop: { sources: [{ command: echo 1, name: db, retention: { last: 1 } }] }
        two: { sources: [{ command: echo 2, name: db, retention: { last: 1 } }] }
      """)
    for arguments in [["config", "check"], ["run", "--all"]] {
      let outcome = try here.varve(arguments + ["--config", here.configurationFile])
      #expect(outcome.code == 64, "\(outcome.errors)")
      #expect(outcome.errors.contains("\(here.configurationFile):7:"), "\(outcome.errors)")
      #expect(outcome.errors.contains("'db' of profile 'two' and 'db' of profile 'shop'"))
      #expect(outcome.errors.contains("give one another 'file-name'"))
    }
    #expect(try here.snapshots().isEmpty)
    try here.write(
      try here.text(of: here.configurationFile).replacingOccurrences(
        of: "  two: {", with: "  two: { host: elsewhere,"), to: here.configurationFile)
    for _ in 0..<3 { #expect(try here.runProfiles("--all").code == 0) }
    #expect(try here.snapshots().count == 2)
  }

  /// Another file may have the same path; nobody forgets what the other has saved.
  @Test func aFileOfAnothersProfiles() throws {
    let here = try prepare(
      "profiles:\n  yearly: { sources: [{ path: $SOURCE/dir0, retention: { daily: 30 } }] }\n")
    #expect(try here.runProfiles("yearly").code == 0)
    let kept = try here.snapshots().compactMap { $0["id"].string }
    try here.configure(
      "profiles:\n  hourly: { sources: [{ path: \(here.source)/dir0, retention: { last: 1 } }] }\n")
    for _ in 0..<2 { #expect(try here.runProfiles("hourly").code == 0) }
    let live = try here.snapshots().compactMap { $0["id"].string }
    #expect(live.count == 2 && live.contains(kept[0]), "\(live)")
  }

  /// What an unmounted disk looks like is no success, and does not push out what is good.
  @Test func nothingIsLeftOfASource() throws {
    let here = try prepare(
      """
      profiles:
        nightly: { sources: [{ path: $SOURCE/dir0, name: state, retention: { last: 2 } }] }
        spool: { sources: [{ path: $SOURCE/dir1, name: spool, retention: { last: 2 }, allow-empty: true }] }
        release: { sources: [{ path: $SOURCE/current, name: app }] }
      """)
    symlink("dir2", here.source + "/current")
    func live(_ path: String) throws -> [String] {
      try here.snapshots().filter { $0["paths"].strings == [here.source + path] }
        .compactMap { $0["id"].string }
    }
    for _ in 0..<3 { #expect(try here.runProfiles("nightly", "spool").code == 0) }
    let good = try live("/dir0")
    #expect(good.count == 2)
    for path in ["/dir0", "/dir1"] {
      try here.remove(here.source + path)
      mkdir(here.source + path, 0o755)
    }
    for number in 1...3 {
      let run = try here.runProfiles("nightly", "--quiet")
      #expect(run.code == 3)
      #expect(
        run.errors.contains("nightly, state: nothing is left of ")
          && run.errors.contains("is it mounted?"), "\(run.errors)")
      #expect(try live("/dir0").count == 2 + number)
      #expect(try here.runProfiles("spool").code == 0)
    }
    #expect(try Set(live("/dir0")).isSuperset(of: good))
    #expect(try live("/dir1").count == 2)
    // Nor does who forgets by policies alone, as maintenance does.
    try here.succeed("forget")
    #expect(try live("/dir0").count == 3 && live("/dir0").contains(good[1]))
    let status = try here.varve("status", "nightly", "--config", here.configurationFile)
    #expect(status.text.contains("state: incomplete: ") && status.text.contains("is it mounted?"))
    let link = try here.runProfiles("release")
    #expect(link.code == 3 && link.errors.contains("app: it is a symbolic link"), "\(link.errors)")
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
