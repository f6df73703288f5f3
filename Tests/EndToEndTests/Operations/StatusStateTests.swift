import Foundation
import Glibc
import Testing

/// Each state that `varve status` and the service's `/health` know, by what causes it.
@Suite struct StatusStateTests {
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

  /// What both say of the one thing of that kind.
  private func expect(
    _ part: Part, _ state: String, _ here: Workspace, isGood: Bool = false,
    saying words: String = "",
    at location: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try here.varve("status", "--config", here.configurationFile, "--json")
    #expect(outcome.code == (isGood ? 0 : 21), "\(outcome.text)", sourceLocation: location)
    let found = try outcome.document()[part.rawValue].list
    #expect(found.first?["state"].string == state, "\(outcome.text)", sourceLocation: location)
    #expect(
      words.isEmpty || outcome.text.contains(words), "\(outcome.text)", sourceLocation: location)
    let server = try Server(here, [Tools.varve, "serve", "--config", here.configurationFile])
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
    try expect(.repositories, "unverified", here, saying: "no check has read its data")
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
