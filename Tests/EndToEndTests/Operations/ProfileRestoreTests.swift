import Foundation
import Glibc
import Testing
import VarveTestThreads

/// `restore --profile`: sources back to their own places, databases checked by SQLite first.
@Suite(.onOwnThreads) struct ProfileRestoreTests {
  private func prepare(_ more: String = "") throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.write("{\"stop\": false}", to: here.source + "/state/risk.json")
    try here.write("KEY=1", to: here.source + "/[env]")
    _ = try here.run([
      "sqlite3", here.source + "/ledger.db",
      "create table t(a); insert into t values(1),(2);",
    ])
    try here.configure(
      """
      profiles:
        bot:
          sources:
            - {name: state, path: \(here.source)/state}
            - {name: env, path: "\(here.source)/[env]", sensitive: true}
            - {name: ledger, sqlite: \(here.source)/ledger.db}
            - {name: commit, command: echo abc, file-name: commit.txt}
          hooks:
            before-restore: echo "$VARVE_EVENT" >>\(here.root)/hooks
            after-restore: echo "$VARVE_EVENT $VARVE_RESULT" >>\(here.root)/hooks
      \(more)
      """)
    let run = try here.runProfiles("bot")
    try #require(run.code == 0, "\(run.errors)")
    return here
  }

  private func restore(_ here: Workspace, _ options: String...) throws -> Outcome {
    try here.varve(
      ["restore", "--config", here.configurationFile, "--profile", "bot"] + options)
  }

  private func spoil(_ here: Workspace) throws {
    try here.write("{\"stop\": true}", to: here.source + "/state/risk.json")
    try here.write("left", to: here.source + "/state/more")
    try here.write("beside", to: here.source + "/beside")
    try here.write("KEY=2", to: here.source + "/[env]")
    _ = try here.run(["sqlite3", here.source + "/ledger.db", "delete from t;"])
  }

  private func rows(_ here: Workspace) throws -> String {
    try here.run(["sqlite3", here.source + "/ledger.db", "select count(*) from t;"]).text
  }

  @Test func everythingGoesBackToItsPlace() throws {
    let here = try prepare()
    try spoil(here)
    try here.copy(here.source, to: here.root + "/before")
    // Nobody said yes.
    let refused = try restore(here)
    #expect(refused.code != 0 && refused.errors.contains("'env' is sensitive"), "\(refused.errors)")
    #expect(refused.errors.contains("commit is left out"))
    try here.expectEqual(here.source, here.root + "/before")
    #expect(!here.exists(here.root + "/hooks"))
    let restored = try restore(here, "--yes", "--delete", "--json")
    try #require(restored.code == 0, "\(restored.errors)")
    #expect(try here.read(here.source + "/[env]") == Array("KEY=1".utf8))
    #expect(try here.read(here.source + "/state/risk.json") == Array("{\"stop\": false}".utf8))
    #expect(try rows(here) == "2\n")
    // What is not in the sources' places is nobody's.
    #expect(!here.exists(here.source + "/state/more") && here.exists(here.source + "/beside"))
    #expect(
      String(decoding: try here.read(here.root + "/hooks"), as: UTF8.self)
        == "before-restore\nafter-restore success\n")
    let documents = try restored.documents().filter { $0["message_type"].string == "source" }
    #expect(documents.compactMap { $0["source"].string } == ["state", "env", "ledger"])
    #expect(documents.last?["databases_checked"].number == 1)
    #expect(try here.receipts("restore").count == 3)
    // Each has a way back.
    for document in documents {
      try here.succeed("restore", "--undo", try #require(document["safety_snapshot"].string))
    }
    try here.expectEqual(here.source, here.root + "/before", "--skip-root")
  }

  @Test func oneSourceAsItWas() throws {
    let here = try prepare()
    usleep(1_100_000)
    try here.write("newer", to: here.source + "/state/risk.json")
    #expect(try here.runProfiles("bot").code == 0)
    try here.write("newest", to: here.source + "/state/risk.json")
    let newest = try restore(here, "--source", "state", "--keep-existing")
    #expect(newest.code == 0, "\(newest.errors)")
    #expect(try here.read(here.source + "/state/risk.json") == Array("newer".utf8))
    let names = try FileManager.default.contentsOfDirectory(atPath: here.source + "/state")
    #expect(names.contains { $0.hasPrefix("risk.json.pre-restore-") })
    let first = try here.snapshots().first { $0["tags"].strings.contains("safety") == false }
    let time = try #require(first?["time"].string)
    let old = try restore(here, "--source", "state", "--at", time)
    #expect(old.code == 0, "\(old.errors)")
    #expect(try here.read(here.source + "/state/risk.json") == Array("{\"stop\": false}".utf8))
    for (options, words) in [
      (["--source", "nothing"], "no source 'nothing'"),
      (["--source", "commit"], "no place of its own"),
      (["--source", "state", "--at", "2020-01-01"], "old enough"),
      (["--include", "x"], "whole sources"), (["--target", "/"], "leave them out"),
    ] {
      let outcome = try here.varve(
        ["restore", "--config", here.configurationFile, "--profile", "bot"] + options)
      #expect(outcome.code != 0 && outcome.errors.contains(words), "\(outcome.errors)")
    }
    try here.fail(64, "restore", "latest", "-t", here.target, "--yes", saying: ["--profile"])
    let unknown = try here.varve(
      "restore", "--config", here.configurationFile, "--profile", "robot")
    #expect(unknown.code == 1 && unknown.errors.contains("there are bot"), "\(unknown.errors)")
  }

  /// What is said of how to restore counts for sources, too; what does not go with --undo is refused.
  @Test func mannersCount() throws {
    let here = try prepare()
    try here.write("newer", to: here.source + "/state/risk.json")
    try here.write("spoilt", to: here.source + "/[env]")
    let kept = try restore(here, "--source", "state", "--overwrite", "never", "--verify")
    #expect(kept.code == 0, "\(kept.errors)")
    #expect(try here.read(here.source + "/state/risk.json") == Array("newer".utf8))
    let restored = try restore(here, "--source", "state", "--verify", "--json")
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(try here.read(here.source + "/state/risk.json") == Array("{\"stop\": false}".utf8))
    let document = try #require(
      try restored.documents().first { $0["message_type"].string == "source" })
    #expect((document["files_verified"].number ?? 0) >= 1)
    let safety = try #require(document["safety_snapshot"].string)
    for option in ["--dry-run", "--verify", "--delete", "--sparse", "--include=risk.json"] {
      try here.fail(64, "restore", "--undo", safety, option, saying: ["--undo"])
    }
    #expect(try here.read(here.source + "/state/risk.json") == Array("{\"stop\": false}".utf8))
    try here.succeed("restore", "--undo", safety)
    #expect(try here.read(here.source + "/state/risk.json") == Array("newer".utf8))
  }

  /// On a machine that has nothing of it yet.
  @Test func directoriesAboveAreMadeAsTheyWere() throws {
    let here = try prepare()
    chmod(here.source, 0o751)
    chmod(here.source + "/state", 0o750)
    #expect(try here.runProfiles("bot").code == 0)
    rename(here.source, here.root + "/was")
    let restored = try restore(here, "--yes")
    try #require(restored.code == 0, "\(restored.errors)")
    for name in ["", "/state", "/state/risk.json", "/[env]"] {
      var (was, now) = (stat(), stat())
      lstat(here.root + "/was" + name, &was)
      lstat(here.source + name, &now)
      #expect(was.st_mode == now.st_mode && now.st_mode != 0, "\(name)")
    }
  }

  /// A database that is not whole in the snapshot never takes the place of another.
  @Test func aSpoiltDatabaseIsRefused() throws {
    let here = try prepare()
    let path = here.source + "/state/plain.db"
    _ = try here.run([
      "sqlite3", path,
      """
      create table t(a, b); create index i on t(b);
      with recursive n(x) as (select 1 union all select x + 1 from n where x < 20000)
      insert into t select x, hex(randomblob(20)) from n;
      """,
    ])
    let whole = try here.read(path)
    var spoilt = whole
    for index in stride(from: 3 * 4096, to: spoilt.count, by: 4096 * 7) {
      for offset in 0..<64 { spoilt[index + offset] ^= 0xff }
    }
    try here.write(spoilt, to: path)
    #expect(try here.runProfiles("bot").code == 0)
    try here.write(whole, to: path)
    try here.write("live", to: here.source + "/state/risk.json")
    let refused = try restore(here, "--source", "state")
    #expect(
      refused.code != 0 && refused.errors.contains("the database state/plain.db is not whole"),
      "\(refused.errors)")
    #expect(try here.read(path) == whole)
    #expect(try here.read(here.source + "/state/risk.json") == Array("live".utf8))
    #expect(
      String(decoding: try here.read(here.root + "/hooks"), as: UTF8.self)
        == "before-restore\nafter-restore failure\n")
    // By hand, too; into a place of its own, whoever wants to look at it can have it.
    let byHand = try here.varve(
      "restore", "latest:\(here.source)/state", "--target", here.source + "/state", "--safety",
      "--path", here.source + "/state")
    #expect(byHand.code != 0 && byHand.errors.contains("not whole"), "\(byHand.errors)")
    let elsewhere = try here.varve(
      "restore", "latest:\(here.source)/state", "--target", here.target, "--path",
      here.source + "/state")
    #expect(elsewhere.code == 0, "\(elsewhere.errors)")
    #expect(try here.read(here.target + "/plain.db") == spoilt)
  }

  /// Names are bytes; SQLite takes them as they are.
  @Test func aDatabaseWhoseNameIsNoText() throws {
    let here = try prepare()
    func shell(_ script: String) throws -> Outcome {
      try here.run(["sh", "-c", "place=$(printf '\(here.source)/state/b\\377.db'); " + script])
    }
    _ = try shell("sqlite3 \"$place\" 'create table t(a); insert into t values(1),(2);'")
    #expect(try here.runProfiles("bot").code == 0)
    _ = try shell("sqlite3 \"$place\" 'delete from t;'")
    let restored = try restore(here, "--source", "state", "--json")
    try #require(restored.code == 0, "\(restored.errors)")
    #expect(
      try restored.documents().contains {
        $0["message_type"].string == "source" && $0["databases_checked"].number == 1
      })
    #expect(try shell("sqlite3 \"$place\" 'select count(*) from t;'").text == "2\n")
    _ = try shell("truncate -s 4096 \"$place\"")
    #expect(try here.runProfiles("bot").code == 0)
    _ = try shell("rm \"$place\"")
    let refused = try restore(here, "--source", "state")
    #expect(
      refused.code != 0 && refused.errors.contains("state/b\\xff.db is not whole"),
      "\(refused.errors)")
  }

  /// A part of the same file system, mounted over the source: nothing can be moved there from above.
  @Test(.enabled(if: Mounting.isPossible, "takes root, and a kernel that lets it mount"))
  func aSourceThatIsMounted() throws {
    let here = try prepare()
    try here.write("bound", to: here.root + "/bound/risk.json")
    let outcome = try here.runMounting(
      """
      set -e
      mount --bind "$root/bound" "$source/state"
      "$varve" run bot --config \(here.configurationFile) --quiet
      echo live >"$source/state/risk.json"; echo more >"$source/state/more"
      "$varve" restore --config \(here.configurationFile) --profile bot --source state --delete --quiet
      """)
    try #require(outcome.code == 0, "\(outcome.errors)")
    #expect(try here.text(of: here.root + "/bound/risk.json") == "bound")
    #expect(!here.exists(here.root + "/bound/more"))
    #expect(try here.text(of: here.source + "/state/risk.json") == "{\"stop\": false}")
  }

  /// A log of transactions that another database has left is applied to no restored one.
  @Test func transactionsOfAnotherTimeAreNotApplied() throws {
    let here = try prepare()
    let ledger = here.source + "/ledger.db"
    /// What a program leaves that is killed: transactions that are in the log beside the database only.
    func leaveLog(_ statements: String) throws {
      let left = try here.run([
        Tools.python, "-c",
        """
        import os, sqlite3, sys
        database = sqlite3.connect(sys.argv[1], isolation_level=None)
        database.executescript("PRAGMA journal_mode=WAL; PRAGMA wal_autocheckpoint=0;" + sys.argv[2])
        os._exit(0)
        """, ledger, statements,
      ])
      try #require(left.code == 0 && here.exists(ledger + "-wal"), "\(left.errors)")
    }
    // The database is as it was saved, and its log is newer.
    _ = try here.run(["sqlite3", ledger, "PRAGMA journal_mode=WAL;"])
    #expect(try here.runProfiles("bot").code == 0)
    try leaveLog("delete from t;")
    try here.copy(ledger + "-wal", to: here.root + "/wal")
    let unchanged = try restore(here, "--source", "ledger", "--json")
    try #require(unchanged.code == 0, "\(unchanged.errors)")
    #expect(!here.exists(ledger + "-wal"))
    #expect(try rows(here) == "2\n")
    let safety = try unchanged.documents().compactMap { $0["safety_snapshot"].string }.first
    try here.succeed("restore", "--undo", try #require(safety))
    #expect(try here.read(ledger + "-wal") == here.read(here.root + "/wal"))
    #expect(try rows(here) == "0\n")
    // It is missing, and the log is of another one: much was written between.
    let many =
      "with recursive n(x) as (select 1 union all select x + 1 from n where x < 3000) insert into t select hex(randomblob(30)) from n;"
    _ = try here.run(["sqlite3", ledger, many + "create index i on t(a);" + many])
    try leaveLog(many)
    try here.remove(ledger)
    let missing = try restore(here, "--source", "ledger", "--keep-existing")
    try #require(missing.code == 0, "\(missing.errors)")
    #expect(try rows(here) == "2\n")
    #expect(try here.run(["sqlite3", ledger, "PRAGMA integrity_check;"]).text == "ok\n")
    let names = try FileManager.default.contentsOfDirectory(atPath: here.source)
    #expect(names.contains { $0.hasPrefix("ledger.db.pre-restore-") && $0.hasSuffix("-wal") })
  }

  /// The next repository is taken when one is away, and not when one of them is wrong.
  @Test func aRepositoryThatIsAway() throws {
    let here = try prepare()
    let text = try here.text(of: here.configurationFile)
    try here.write(
      text.replacingOccurrences(
        of: "profiles:\n  bot:\n",
        with:
          "  gone: {location: \(here.root)/gone, key-file: \(here.ownerKeyFile)}\nprofiles:\n  bot:\n    repositories: [gone, main]\n"
      ), to: here.configurationFile)
    try spoil(here)
    let restored = try restore(here, "--source", "ledger")
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(restored.errors.contains("'gone' cannot be opened"), "\(restored.errors)")
    #expect(try rows(here) == "2\n")
    try here.copy(here.repository, to: here.root + "/gone")
    try here.remove(here.root + "/gone/log/commits")
    let damaged = try restore(here, "--source", "ledger")
    #expect(damaged.code != 0 && !damaged.errors.contains("next one"), "\(damaged.errors)")
  }

  /// What is put back belongs together, so one source that cannot be restored keeps all of them as they are.
  @Test func allSourcesOrNone() throws {
    let here = try prepare()
    let ledger = here.source + "/ledger.db"
    try here.write("SQLite format 3\0 and no more", to: here.root + "/spoilt.db")
    try here.succeed(
      "backup", here.root + "/spoilt.db", "--as-path", ledger, "--meta", "profile=bot", "--meta",
      "source=ledger")
    try spoil(here)
    try here.copy(here.source, to: here.root + "/before")
    let refused = try restore(here, "--yes", "--delete")
    #expect(
      refused.code != 0 && refused.errors.contains("ledger.db is not whole"), "\(refused.errors)")
    try here.expectEqual(here.source, here.root + "/before")
    #expect(try here.snapshots("--tag", "safety").isEmpty)
  }

  /// A run and a restore of one profile exclude each other: each stops and starts what uses the files.
  @Test func aRunWaitsForARestore() throws {
    let here = try prepare()
    func until(_ file: String) -> String {
      "'touch \(here.root)/\(file)-begun; while [ ! -e \(here.root)/\(file)-go ]; do sleep 0.1; done'"
    }
    try here.configure(
      """
      profiles:
        bot:
          schedule: every 1m
          sources:
            - {name: state, path: \(here.source)/state}
          hooks:
            before: \(until("run"))
            before-restore: \(until("restore"))
      """)
    func wait(_ process: RunningProcess, _ file: String) throws {
      while !here.exists("\(here.root)/\(file)-begun") {
        let hasEnded = process.ended(within: 100)
        try #require(!hasEnded)
      }
    }
    try spoil(here)
    let options = ["--config", here.configurationFile, "--profile", "bot"]
    let restoring = try here.start("restore", options[0], options[1], options[2], options[3])
    try wait(restoring, "restore")
    let run = try here.runProfiles("bot")
    #expect(
      run.code == 1
        && run.errors.contains("is being restored by another process (\(restoring.identifier))"),
      "\(run.errors)")
    // A timer's is left out; it is still due.
    try here.remove(here.root + "/state/varve/runs/backup-bot.jsonl")
    let due = try here.varve("run", "--due", "--config", here.configurationFile)
    #expect(due.code == 0 && due.errors.contains("is being restored"), "\(due.errors)")
    #expect(!here.exists(here.root + "/run-begun"))
    try here.write("", to: here.root + "/restore-go")
    let restored = try restoring.wait()
    #expect(restored.code == 0, "\(restored.errors)")
    let state = here.source + "/state/risk.json"
    #expect(try here.read(state) == Array("{\"stop\": false}".utf8))

    try here.write("live", to: state)
    let running = try here.startProfiles("bot")
    try wait(running, "run")
    try here.remove(here.root + "/restore-begun")
    let refused = try restore(here)
    #expect(
      refused.code == 1
        && refused.errors.contains("is being run by another process (\(running.identifier))")
        && refused.errors.contains("nothing was restored"), "\(refused.errors)")
    #expect(!here.exists(here.root + "/restore-begun"))
    #expect(try here.read(state) == Array("live".utf8))
    try here.write("", to: here.root + "/run-go")
    #expect(try running.wait().code == 0)
  }

  /// One that lies in another is restored after it.
  @Test func aSourceInAnother() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let ledger = here.source + "/state/ledger.db"
    try here.write("past", to: here.source + "/state/file")
    _ = try here.run(["sqlite3", ledger, "create table t(a); insert into t values(1),(2);"])
    try here.configure(
      """
      profiles:
        bot:
          sources:
            - {name: state, path: \(here.source)/state}
            - {name: ledger, sqlite: \(ledger)}
      """)
    #expect(try here.runProfiles("bot").code == 0)
    _ = try here.run(["sqlite3", ledger, "insert into t values(3);"])
    #expect(
      try here.varve(
        "backup", ledger, "--meta", "profile=bot", "--meta", "source=ledger"
      ).code == 0)
    try here.write("present", to: here.source + "/state/file")
    // The state's own copy of the database has two rows.
    let restored = try restore(here, "--delete")
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(try here.read(here.source + "/state/file") == Array("past".utf8))
    #expect(try here.run(["sqlite3", ledger, "select count(*) from t;"]).text == "3\n")
  }
}
