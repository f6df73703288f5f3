import Foundation
import Glibc
import Testing
import VarveTestThreads

/// The agent-platform operator: two instances in one storage, by docs/runbooks.md.
@Suite(.onOwnThreads) struct ScenarioETests {
  @Test func scenarioE() throws {
    let first = try AgentPlatform(1)
    let second = try AgentPlatform(2, storage: first.here)
    try aYearOfRuns(first, second)
    try begin(first)
    try drill(first)
    try manifests(first)
    try other(second, worksAfter: first)
    try selectiveRestores(first)
    try secretsAsk(first)
    try corruptedDataIsMovedAside(first)
    try everyWeek(first)
    try expectUntouched(second)
    try probe(first)
    try aDrillFindsWhatIsTooOld(first)
    try aTimerFindsDamage(first)
  }

  /// Both at the same time, each with one retention per directory.
  private func aYearOfRuns(_ first: AgentPlatform, _ second: AgentPlatform) throws {
    let days = [400, 370, 360, 120, 97, 93, 85, 50, 33, 28, 10, 8, 6, 1, 0]
    for day in days {
      let runs = try [first, second].map { platform in
        try platform.work(day: day)
        return try platform.startRun(daysAgo: day)
      }
      for run in runs {
        let outcome = try run.wait()
        try #require(outcome.code == 0, "\(day): \(outcome.text)\(outcome.errors)")
      }
    }
    func kept(_ limit: Int) -> [Int] { days.filter { $0 <= limit } }
    func expect(_ platform: AgentPlatform, _ limits: [String: Int]) throws {
      let ages = try platform.ages()
      for (source, limit) in limits {
        #expect(ages[source] == kept(limit), "\(platform.host) \(source)")
      }
      print("\(platform.host), days of snapshots:", ages.sorted { $0.key < $1.key })
    }
    try expect(
      first,
      [
        "registry": 90, "state": 30, "artifacts": 90, "audit": 365, "cache": 7, "env": 365,
        "pyproject.toml": 365, "chains.yaml": 365,
      ])
    try expect(
      second,
      ["registry": 35, "state": 9, "artifacts": 35, "audit": 95, "cache": 2, "env": 95])
  }

  private func begin(_ platform: AgentPlatform) throws {
    let here = platform.here
    let began = try platform.shell.follow("Begin")
    began.expect(
      [], "nothing is wrong", "registry: ok", "state: ok", "artifacts: ok", "audit: ok",
      "cache: ok", "daily at 01:00", "every 5m", "weekly on sunday at 02:00")
    let timer = try here.text(of: here.root + "/etc/systemd/system/varve.timer")
    for line in [
      "OnCalendar=*-*-* 01:00:00\n", "OnCalendar=Sun *-*-* 02:00:00\n",
      "OnCalendar=Sun *-*-* 03:00:00\n", "OnUnitActiveSec=150s\n",
    ] {
      #expect(timer.contains(line), "\(timer)")
    }
    // On change: it is there at once.
    #expect(
      try here.succeed(
        "dump", "latest", platform.place + "/.env", "--host", platform.host, "--path",
        platform.place + "/.env"
      ).text == "API_KEY=new-secret-of-instance-1\n")
  }

  private func drill(_ platform: AgentPlatform) throws {
    let here = platform.here
    try platform.shell.follow("Drill").expect(
      [], "monthly of daily passed", " of 4 h, recovery point", " of 1 d",
      "drills/drill.json is its document")
    try here.expectAuthentic(platform.place + "/drills/receipt.json")
    #expect(try here.receipts("drill").map { $0["result"].string } == ["ok"])
  }

  /// At the end, since what the log says is of tomorrow then.
  private func aDrillFindsWhatIsTooOld(_ platform: AgentPlatform) throws {
    let stale = try platform.shell.run("varve drill run daily", clock: "+25h")
    stale.expect([23], "the snapshot is stale", "FAILED")
    #expect(try platform.here.receipts("drill").map { $0["result"].string } == ["ok", "failed"])
    // And so does the watch.
    try platform.shell.run("varve status --max-age 24h", clock: "+25h").expect(
      [21], "daily/state: stale")
  }

  private func manifests(_ platform: AgentPlatform) throws {
    let here = platform.here
    let lists = try FileManager.default.contentsOfDirectory(atPath: platform.place + "/manifests")
    // With every backup: of each day, one of each profile.
    #expect(lists.count >= 15 * 4, "\(lists.sorted())")
    let good = try platform.shell.follow("Manifests")
    good.expect([])
    for profile in ["daily", "continuous", "weekly", "settings"] {
      #expect(good.text.contains("manifests/\(profile)-2"), "\(good.text)")
    }
    let artifact = platform.place + "/var/artifacts/run-0.bin"
    let bytes = try here.read(artifact)
    var changed = bytes
    changed[100] ^= 1
    try here.write(changed, to: artifact)
    try platform.shell.follow("Manifests").expect([1], "var/artifacts/run-0.bin: FAILED")
    try here.write(bytes, to: artifact)
  }

  /// The same profile names, and newer snapshots: they are the other host's all the same.
  private func other(_ second: AgentPlatform, worksAfter first: AgentPlatform) throws {
    try second.work(day: 1000)
    #expect(try second.startRun(daysAgo: 0).wait().code == 0)
    try second.here.copy(second.place, to: second.here.root + "/before")
    try first.shell.follow("Two instances").expect([], "agents-1", "agents-2")
  }

  private func selectiveRestores(_ platform: AgentPlatform) throws {
    let (here, place) = (platform.here, platform.place)
    try here.copy(place, to: here.root + "/good")
    for name in [
      "registry/agent-1.json", "state/state.json", "audit/audit.jsonl", "cache/index.bin",
    ] {
      try here.write("spoilt", to: place + "/var/" + name)
    }
    try here.write("new", to: place + "/var/registry/unknown.json")
    try platform.shell.follow("Registry only").expect(
      [], "restoring registry of daily", "deleted 1 item", "the registry is as it was saved")
    try here.expectEqual(place + "/var/registry", here.root + "/good/var/registry")
    for name in ["state/state.json", "audit/audit.jsonl", "cache/index.bin"] {
      #expect(try platform.text("var/" + name) == "spoilt")
    }
    try platform.shell.follow("Audit only").expect(
      [], "restoring audit of continuous", "var/audit/audit.jsonl: OK")
    try here.expectEqual(place + "/var/audit", here.root + "/good/var/audit")
    #expect(try platform.text("var/state/state.json") == "spoilt")
    #expect(try platform.text("var/audit/audit.jsonl").contains("\"instance\": 1"))
  }

  private func secretsAsk(_ platform: AgentPlatform) throws {
    let (here, place) = (platform.here, platform.place)
    let command = "varve restore --profile settings --source env"
    try here.write("API_KEY=wrong\n", to: place + "/.env")
    try platform.shell.follow("Secrets").expect([1], "'env' is sensitive, and nobody has said yes")
    try platform.shell.run("answer no " + command).expect(
      [1], "(yes/no) no", "nothing was changed")
    #expect(try platform.text(".env") == "API_KEY=wrong\n")
    try platform.shell.run("answer yes " + command).expect([], "(yes/no) yes", "restoring env")
    #expect(try platform.text(".env") == "API_KEY=new-secret-of-instance-1\n")
  }

  private func corruptedDataIsMovedAside(_ platform: AgentPlatform) throws {
    let here = platform.here
    try platform.shell.follow("Corrupted data").expect([], "state.json.pre-restore-")
    let state = platform.place + "/var/state/"
    let names = try FileManager.default.contentsOfDirectory(atPath: state)
    let aside = try #require(names.first { $0.hasPrefix("state.json.pre-restore-") })
    #expect(try here.text(of: state + aside) == "spoilt")
    #expect(
      try here.read(state + "state.json") == here.read(here.root + "/good/var/state/state.json"))
  }

  private func everyWeek(_ platform: AgentPlatform) throws {
    let here = platform.here
    // The timer has done it on Sunday.
    try platform.shell.run("varve prune").expect([])
    func verify() throws -> Transcript { try platform.shell.follow("Verify every week") }
    try verify().expect([], "no damage found", "every link holds")
    let pack = try here.newestDataPack()
    let bytes = try here.read(pack)
    var damaged = bytes
    damaged[damaged.count / 2] ^= 0x10
    try here.write(damaged, to: pack)
    let name = String(try #require(pack.split(separator: "/").last))
    try verify().expect(
      [20, 22, 21], name, "the audit failed: ", "storage: damaged: the check of")
    try here.remove(pack)
    try verify().expect([20, 22, 21], "missing", name, "storage: damaged: the check of")
    // Objects never change: any copy is right.
    try here.write(bytes, to: pack)
    try verify().expect([], "no damage found", "every link holds")
  }

  private func expectUntouched(_ second: AgentPlatform) throws {
    try second.here.expectEqual(second.place, second.here.root + "/before")
    // And it restores its own.
    try second.here.write("spoilt", to: second.place + "/var/state/state.json")
    try second.shell.run("varve restore --profile daily --source state").expect([])
    #expect(
      try second.text("var/state/state.json")
        == second.here.text(of: second.here.root + "/before/var/state/state.json"))
    #expect(try second.text("var/state/state.json").contains("\"instance\": 2"))
    #expect(try second.ages()["state"]?.max() == 8)
  }

  /// The weekly verification as the timer makes it.
  private func aTimerFindsDamage(_ platform: AgentPlatform) throws {
    let here = platform.here
    let pack = try here.newestDataPack()
    var bytes = try here.read(pack)
    bytes[bytes.count / 2] ^= 0x10
    try here.write(bytes, to: pack)
    try platform.shell.run("varve run --due", clock: "+9d").expect(
      [1], "check of storage: failed", "1 object damaged or missing")
    try platform.shell.run("varve status", clock: "+9d").expect(
      [21], "storage: damaged: the check of")
  }

  /// The endpoint of the service, asked again and again while a source fails and is well again.
  private func probe(_ platform: AgentPlatform) throws {
    let here = platform.here
    let log = here.root + "/probe.log"
    let script = here.root + "/probe.sh"
    let lines = try RunbookSection("E").block("sh", step: "Probe")
      .replacingOccurrences(of: "127.0.0.1:8080", with: platform.address)
    try here.write("exec >\(log)\n" + lines + "\n", to: script)
    let server = try Server(
      here, [Tools.varve, "serve", "--config", platform.place + "/varve.yaml"])
    let prober = try RunningProcess(
      ["bash", script], environment: here.environment.merging(["PROBE_SECONDS": "0.1"]) { $1 })
    defer {
      prober.send(SIGKILL)
      _ = try? prober.wait()
    }
    /// Waits for so many further lines with these words.
    func expect(_ words: String, at location: SourceLocation = #_sourceLocation) throws {
      let before = try here.exists(log) ? here.text(of: log).count : 0
      for _ in 0..<1_500 {
        let new = here.exists(log) ? String(try here.text(of: log).dropFirst(before)) : ""
        let found = new.split(separator: "\n").filter { $0.contains(words) }
        if found.count >= 3 { return print(found[0]) }
        usleep(40_000)
      }
      Issue.record("never \(words)", sourceLocation: location)
    }
    try expect("\"backups\":\"ok\"")
    let registry = platform.place + "/var/registry"
    rename(registry, registry + "-away")
    try platform.shell.run("varve run daily").expect([1])
    try expect("\"backups\":\"degraded\"")
    rename(registry + "-away", registry)
    try platform.shell.run("varve run daily").expect([])
    try expect("\"backups\":\"ok\"")
    #expect(try server.stop().code == 0)
    try expect("Failed to connect")
  }
}
