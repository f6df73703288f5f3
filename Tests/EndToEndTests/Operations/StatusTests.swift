import Glibc
import Testing
import VarveTestThreads

/// `varve status` and the operator's service, by their command lines.
@Suite(.onOwnThreads) struct StatusTests {
  private static func configured() throws -> (here: Workspace, file: String) {
    let here = try Workspace()
    try here.succeed("init")
    try here.makeSmallTree()
    let file = here.root + "/varve.yaml"
    try here.write(
      """
      repositories:
        main:
          location: \(here.repository)
          password-file: \(here.passwordFile)
      profiles:
        web:
          max-age: 26h
          sources:
            - path: \(here.source)
              name: data
      metrics-file: \(here.root)/varve.prom
      service:
        listen: 127.0.0.1:0
        token-file: \(here.root)/tokens
      """, to: file)
    return (here, file)
  }

  private static func backUp(_ here: Workspace, _ more: String...) throws {
    _ = try here.varve(
      ["backup", here.source, "--meta", "profile=web", "--meta", "source=data"] + more)
  }

  @Test func oneRepositoryWithoutAConfiguration() throws {
    let here = try Workspace()
    try here.succeed("init")
    let empty = try here.varve("status", "--json")
    #expect(empty.code == 21)
    #expect(try empty.document()["ok"].flag == false)
    try here.makeSmallTree()
    try here.succeed("backup", here.source, "--time", "2026-01-01 12:00:00")
    #expect(try here.varve("status").code == 0, "any age will do")
    let stale = try here.varve("status", "--max-age", "26h")
    #expect(stale.code == 21)
    #expect(stale.text.contains(": stale: the newest snapshot is "))
    try here.succeed("backup", here.source)
    let good = try here.varve("status", "--max-age", "26h")
    #expect(good.code == 0, "\(good.text)")
    // A rollback: the newest commit is gone.
    let commits = here.objects("log/commits/")
    let newest = try #require(
      commits.max { Int($0.split(separator: "/").last!)! < Int($1.split(separator: "/").last!)! })
    try here.remove(here.repository + "/" + newest)
    let broken = try here.varve("status", "--json")
    #expect(broken.code == 21)
    #expect(broken.text.contains(#""state":"broken""#))
  }

  @Test func aConfigurationFromNothingToGood() throws {
    let (here, file) = try Self.configured()
    let never = try here.varve("status", "--config", file)
    #expect(never.code == 21)
    #expect(never.text.contains("web/data: never: there is no snapshot"))
    try Self.backUp(here, "--time", "2026-01-01 12:00:00")
    #expect(try here.varve("status", "--config", file).text.contains("web/data: stale:"))
    try Self.backUp(here)
    let good = try here.varve("status", "--config", file, "--json")
    #expect(good.code == 0, "\(good.text)")
    #expect(good.text.contains(#""state":"ok""#))
    let metrics = String(decoding: try here.read(here.root + "/varve.prom"), as: UTF8.self)
    #expect(metrics.contains("\nvarve_backups_healthy 1\n"))
    try here.fail(1, "status", "--config", file, "nothing", saying: ["web"])
    try here.fail(64, "status", "-r", here.repository, "web")
  }

  @Test func theServiceOfAConfiguration() throws {
    let (here, file) = try Self.configured()
    try Self.backUp(here)
    try here.fail(64, "serve", "--config", file, saying: ["token", "--service"])
    let tokens = here.root + "/tokens"
    let token = try here.succeed(
      "server-token", "add", "--service", tokens, "--label", "ops", "--kind", "full"
    ).lines[0]
    #expect(try here.succeed("server-token", "list", "--service", tokens).text.contains("ops"))
    try here.fail(64, "serve", "--config", file, "--listen", "0.0.0.0:0", saying: ["clear"])
    let server = try Server(here, [Tools.varve, "serve", "--config", file])
    func get(_ path: String, _ more: String...) throws -> String {
      try here.run(
        [
          "curl", "--silent", "--max-time", "20", "-H", "Authorization: Bearer \(token)",
          server.url + path,
        ] + more
      ).text
    }
    var health = ""
    for _ in 0..<1_000 where !health.contains(#""backups":"ok""#) {
      health = try here.run(["curl", "--silent", server.url + "/health"]).text
      usleep(10_000)
    }
    #expect(health.contains(#""backups":"ok""#), "\(health)")
    #expect(try get("/api/admin/backups/alerts/stale").contains(#""sources":[]"#))
    let started = try get(
      "/api/admin/audits", "-H", "Content-Type: application/json", "-d",
      #"{"repository": "main"}"#)
    #expect(started.contains(#""kind":"audit""#), "\(started)")
    var audits = ""
    for _ in 0..<1_000 where !audits.contains(#""result":"success""#) {
      audits = try get("/api/admin/audits")
      usleep(10_000)
    }
    #expect(audits.contains("every link holds"), "\(audits)")
    #expect(try server.stop().code == 0)
  }

  /// Over live files, with a snapshot of what was there, and what uses them stopped meanwhile.
  @Test func theServiceRestores() throws {
    let here = try Workspace()
    try here.succeed("init")
    try here.write("good", to: here.source + "/ledger")
    let tokens = here.root + "/tokens"
    let token = try here.succeed(
      "server-token", "add", "--service", tokens, "--label", "ops", "--kind", "full"
    ).lines[0]
    try here.configure(
      """
      service: {listen: "127.0.0.1:0", token-file: \(tokens)}
      profiles:
        web:
          sources: [{name: data, path: \(here.source), sensitive: true}]
          hooks:
            before-restore: echo "$VARVE_EVENT $(cat \(here.source)/ledger)" >>\(here.root)/hooks
            after-restore: echo "$VARVE_EVENT $VARVE_RESULT $(cat \(here.source)/ledger)" >>\(here.root)/hooks
      """)
    #expect(try here.runProfiles("web").code == 0)
    try here.write("spoilt", to: here.source + "/ledger")
    let server = try Server(here, [Tools.varve, "serve", "--config", here.configurationFile])
    func ask(_ path: String, _ body: String? = nil) throws -> String {
      try here.run(
        [
          "curl", "--silent", "--max-time", "20", "-H", "Authorization: Bearer \(token)",
          "-H", "Content-Type: application/json", server.url + path,
        ] + (body.map { ["-d", $0] } ?? [])
      ).text
    }
    let order = #""profile": "web", "source": "data", "snapshot": "latest""#
    let path = "/api/admin/backups/restores"
    var refused = ""
    for _ in 0..<1_000 where !refused.contains("sensitive") {
      refused = try ask(path, "{\(order)}")
      usleep(10_000)
    }
    // Not past the hooks by naming its own place, or one around it.
    for target in [here.source, here.source + "/below", here.root, "/"] {
      let answer = try ask(path, "{\(order), \"confirm\": true, \"target\": \"\(target)\"}")
      #expect(answer.contains("overlaps the own place of the source 'data'"), "\(answer)")
    }
    #expect(try here.read(here.source + "/ledger") == Array("spoilt".utf8))
    let started = try ask(path, "{\(order), \"confirm\": true}")
    let job = try #require(Document(parsing: started)["id"].string, "\(started)")
    var followed = ""
    for _ in 0..<2_000 where !followed.contains(#""ended""#) {
      followed = try ask("/api/admin/jobs/" + job)
      usleep(10_000)
    }
    #expect(followed.contains(#""state":"succeeded""#), "\(followed)")
    #expect(try here.read(here.source + "/ledger") == Array("good".utf8))
    #expect(
      try String(decoding: here.read(here.root + "/hooks"), as: UTF8.self)
        == "before-restore spoilt\nafter-restore success good\n")
    // And back again.
    let safety = try #require(try here.snapshots("--tag", "safety").last?["id"].string)
    #expect(followed.contains(safety), "\(followed)")
    try here.succeed("restore", "--undo", safety)
    #expect(try here.read(here.source + "/ledger") == Array("spoilt".utf8))
    try server.stop()
  }
}
