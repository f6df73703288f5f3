import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Each state that `varve status` and the service's `/health` know, by what causes it.
@Suite(.onOwnThreads) struct StatusStateTests {
  /// Of one source, one repository and one drill, all of them good at first.
  private func prepare(
    source: String = "", repository: String = "", drill: String = "", hooks: String = ""
  ) throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree(files: 101)
    try configure(here, source, repository, drill, hooks)
    #expect(try here.runProfiles("web").code == 0)
    return here
  }

  private func configure(
    _ here: Workspace, _ source: String = "", _ repository: String = "", _ drill: String = "",
    _ hooks: String = ""
  ) throws {
    try here.write(
      """
      repositories:
        main: {location: \(here.repository), key-file: \(here.ownerKeyFile)\(repository)}
      profiles:
        web:
          sources: [{name: data, path: \(here.source)\(source)}]
          change-alarm: {minimum-size: 1, rewritten-part: 0.5}
          hooks: {\(hooks)}
          drills: {\(drill)}
      service: {listen: "127.0.0.1:0"}
      """, to: here.configurationFile)
  }

  private enum Part: String { case sources, repositories, drills }

  /// What both say of the one thing of that kind; the command alone where it is later by `clock`, such as `+37h`.
  private func expect(
    _ part: Part, _ state: String, _ here: Workspace, isGood: Bool = false,
    saying words: String = "", clock: String? = nil,
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let varve = Tools.clock(clock) + [Tools.varve]
    let outcome = try here.run(varve + ["status", "--config", here.configurationFile, "--json"])
    #expect(outcome.code == (isGood ? 0 : 21), "\(outcome.text)", sourceLocation: location)
    let found = try outcome.document()[part.rawValue].list
    #expect(found.first?["state"].string == state, "\(outcome.text)", sourceLocation: location)
    #expect(
      words.isEmpty || outcome.text.contains(words), "\(outcome.text)", sourceLocation: location)
    // A server whose clock is off does not stop in time.
    guard clock == nil else { return }
    let server = try Server(here, varve + ["serve", "--config", here.configurationFile])
    let wanted = isGood ? "ok" : "degraded"
    var health = ""
    for _ in 0..<600 where !health.contains(#""backups":"\#(wanted)""#) {
      usleep(50_000)
      health = try here.run(["curl", "--silent", "--fail", server.url + "/health"]).text
    }
    #expect(health.contains(#""backups":"\#(wanted)""#), sourceLocation: location)
    try server.stop()
  }

  /// Moves the starts of runs in the journal into the past.
  private func ageJournal(_ here: Workspace) throws {
    let directory = here.root + "/state/varve/runs"
    for name in try FileManager.default.contentsOfDirectory(atPath: directory) where name != "lock"
    {
      let year = Calendar.current.component(.year, from: Date())
      let text = try here.text(of: directory + "/" + name)
      try here.write(
        text.replacingOccurrences(of: #""started":"\#(year)-"#, with: #""started":"\#(year - 1)-"#),
        to: directory + "/" + name)
    }
  }

  @Test func sources() throws {
    let here = try prepare(source: ", max-age: 26h")
    try expect(.sources, "ok", here, isGood: true)
    // Most of the files are others.
    try here.makeSmallTree(seed: 77, files: 101)
    #expect(try here.runProfiles("web").code == 0)
    try expect(.sources, "alarm", here, isGood: true)
    try here.copy(here.source, to: here.root + "/kept")
    try here.remove(here.source)
    #expect(try here.runProfiles("web").code != 0)
    try expect(.sources, "failed", here, saying: "the last attempt")
    try here.copy(here.root + "/kept", to: here.source)
    #expect(try here.runProfiles("web").code == 0)
    try expect(.sources, "ok", here, isGood: true)
    for snapshot in try here.snapshots() {
      try here.succeed("forget", try #require(snapshot["id"].string))
    }
    try expect(.sources, "never", here, saying: "there is no snapshot")
    try here.succeed(
      "backup", here.source, "--meta", "profile=web", "--meta", "source=data", "--time",
      "2026-01-01 12:00:00")
    try expect(.sources, "stale", here, saying: "are allowed")
  }

  /// Without `max-age` a timer that never came is noticed all the same, on other machines, too.
  @Test func aScheduleThatIsNotKept() throws {
    let here = try prepare()
    let file = here.configurationFile
    let text = try here.text(of: file)
    try here.write(
      text.replacingOccurrences(of: "  web:\n", with: "  web:\n    schedule: hourly\n"), to: file)
    try expect(.sources, "ok", here, isGood: true)
    try expect(.sources, "stale", here, saying: "the next has been due for", clock: "+5h")
    here.environment["XDG_STATE_HOME"] = here.root + "/another-machine"
    try expect(.sources, "ok", here, isGood: true)
    try expect(.sources, "stale", here, saying: "the next has been due for", clock: "+5h")
    try here.write(
      text.replacingOccurrences(
        of: "  web:\n", with: "  web:\n    schedule: hourly\n    max-age: 6h\n"), to: file)
    try expect(.sources, "ok", here, isGood: true, clock: "+5h")
  }

  @Test func aSourceThatWasNotReadWhole() throws {
    let here = try prepare()
    chmod(here.source + "/hello.txt", 0)
    // Root reads everything, so somebody else does it.
    var command = [Tools.varve, "run", "--config", here.configurationFile, "web"]
    if Tools.isRoot {
      _ = try here.run(["chown", "-R", "65534:65534", here.root])
      chmod(here.root, 0o755)
      command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command
    }
    #expect(try here.run(command).code == 3)
    try expect(.sources, "incomplete", here, isGood: true, saying: "not complete")
  }

  @Test func aRunThatIsUnderWayOrWasKilled() throws {
    let here = try prepare(source: ", max-age: 26h")
    try configure(here, ", max-age: 26h", "", "", "before: exec sleep 60")
    let run = try here.startProfiles("web")
    func state() throws -> String? {
      try here.varve("status", "--config", here.configurationFile, "--json").document()["sources"]
        .list.first?["state"].string
    }
    for _ in 0..<200 where try state() != "running" { usleep(50_000) }
    try expect(.sources, "running", here, isGood: true)
    run.send(SIGKILL)
    _ = try run.wait()
    try ageJournal(here)
    try expect(.sources, "unfinished", here, saying: "has no end")
  }

  @Test func repositories() throws {
    let here = try prepare(repository: ", max-unverified-age: 30d")
    try expect(.repositories, "unverified", here, saying: "no check has read all of its data")
    try here.succeed("check", "--read-data")
    try expect(.repositories, "ok", here, isGood: true)
    let pack = try here.largestPack()
    let whole = try here.read(pack)
    chmod(pack, 0o600)
    try here.write(whole.map { $0 ^ 1 }, to: pack)
    #expect(try here.varve("check", "--read-data").code == 20)
    try expect(.repositories, "damaged", here)
    try here.write(whole, to: pack)
    try here.succeed("check", "--read-data")
    try expect(.repositories, "ok", here, isGood: true)
    let key = try here.read(here.ownerKeyFile)
    let other = try Workspace()
    try other.initializeWithKeyFile()
    try here.write(try here.read(other.ownerKeyFile), to: here.ownerKeyFile)
    try expect(.repositories, "locked", here)
    try here.write(key, to: here.ownerKeyFile)
    rename(here.repository, here.repository + "-away")
    try expect(.repositories, "unreachable", here)
    rename(here.repository + "-away", here.repository)
    try expect(.repositories, "ok", here, isGood: true)
    // The newest commit is gone: a rollback.
    let newest = try #require(
      here.objects("log/commits/").max { a, b in
        func size(_ name: String) -> Int { Int(name.split(separator: "/").last ?? "") ?? 0 }
        return size(a) < size(b)
      })
    try here.remove(here.repository + "/" + newest)
    try expect(.repositories, "broken", here)
  }

  @Test func aRepositoryWithoutWitnesses() throws {
    let here = try prepare()
    let witness = try WitnessHost(here, "w1", logs: [here.logKey()])
    try here.writePolicy(1, [witness])
    try configure(here, "", ", witness-policy: \(here.policyFile), max-cosignature-age: 36h")
    try expect(.repositories, "unwitnessed", here, saying: "quorum")
    try here.cosign()
    try expect(.repositories, "ok", here, isGood: true)
    try expect(.repositories, "unwitnessed", here, saying: "old", clock: "+37h")
  }

  @Test func aDrillThatIsOverdue() throws {
    let here = try Workspace()
    #expect(try here.varve(at: "-35d", "init", "--new-key-file", here.ownerKeyFile).code == 0)
    here.environment["VARVE_PASSWORD_FILE"] = nil
    here.environment["VARVE_KEY_FILE"] = here.ownerKeyFile
    try here.makeSmallTree(files: 101)
    try configure(here, "", "", "monthly: {schedule: monthly}")
    let file = here.configurationFile
    #expect(try here.varve(at: "-35d", "run", "--config", file, "web").code == 0)
    let drilled = try here.varve(at: "-34d", "drill", "run", "--config", file, "web")
    #expect(drilled.code == 0, "\(drilled.errors)")
    #expect(try here.runProfiles("web").code == 0)
    try expect(.drills, "overdue", here, saying: "it has been due for")
  }

  @Test func drills() throws {
    func drill(_ here: Workspace, _ more: String) -> String {
      "monthly: {schedule: monthly, checks: [{path: \(here.source)/hello.txt, minimum-size: \(more)]}"
    }
    let here = try prepare()
    try configure(here, "", "", drill(here, "1}"))
    try expect(.drills, "never", here, saying: "it has never run")
    let passed = try here.varve("drill", "run", "--config", here.configurationFile, "web")
    #expect(passed.code == 0, "\(passed.errors)")
    try expect(.drills, "ok", here, isGood: true)
    try configure(here, "", "", drill(here, "100M}"))
    #expect(try here.varve("drill", "run", "--config", here.configurationFile, "web").code == 23)
    try expect(.drills, "failed", here)
    try configure(here, "", "", drill(here, "1}"))
    #expect(try here.varve("drill", "run", "--config", here.configurationFile, "web").code == 0)
    try expect(.drills, "ok", here, isGood: true)
    // One that is killed has a start without an end.
    try configure(here, "", "", drill(here, "1}, {command: exec sleep 60}"))
    let killed = try here.start("drill", "run", "--config", here.configurationFile, "web")
    for _ in 0..<200 where try here.receipts("drill-start").count < 4 { usleep(50_000) }
    try expect(.drills, "running", here, isGood: true)
    killed.send(SIGKILL)
    _ = try killed.wait()
    try ageJournal(here)
    try expect(.drills, "unfinished", here, saying: "has no end")
  }
}
