import Foundation
import Glibc
import Testing

extension ScenarioCTests {
  /// `/health`, alerts, and restores through the admin interface.
  @Test func scenarioCService() throws {
    let platform = try Platform("C. The service")
    let here = platform.here
    let tokens = platform.configuration + "/service.tokens"
    try platform.type("varve server-token add --service \(tokens) --label ops --kind full >~/ops")
    try platform.type(
      "varve server-token add --service \(tokens) --label watch --kind read >~/watch")
    try platform.type("varve run databases", at: "-23h", showing: 0)
    try platform.type("varve run containers", at: "-25h", showing: 0)
    platform.say("a disk spoils a database that is in use: nothing is saved of it")
    try platform.spoil(platform.root + "/db/quotas.db")
    let failed = try platform.type("varve run databases", code: 1, showing: 8)
    #expect(failed.errors.contains("quotas"), "\(failed.errors)")
    #expect(try platform.snapshots("databases", "quotas").count == 1)
    #expect(try platform.snapshots("databases", "auth").count == 2)

    let server = try Server(
      here, [Tools.varve, "serve", "--config", here.environment["VARVE_CONFIG"] ?? ""])
    let degraded = try waitForHealth(server, "degraded", platform)
    #expect(degraded["status"].string == "ok" && degraded["sources_bad"].number == 8)
    try alerts(server, platform)
    try tenants(server, platform)

    platform.say("the database back from the newest whole copy, by the service")
    let job = try restore(server, platform, #"{"profile":"databases","source":"quotas"}"#)
    #expect(job["state"].string == "succeeded", "\(job["message"].string ?? "")")
    #expect(try platform.transactions(in: platform.root + "/db/quotas.db") == 200)
    #expect(
      String(decoding: try here.read(platform.root + "/docker.log"), as: UTF8.self)
        .hasSuffix("stop platform\nstart platform\n"))
    try platform.type("varve run --all", showing: 0)
    let drill = try platform.ask(
      server.url, "/api/admin/drills/databases/monthly", token: "~/ops", body: "{}")
    #expect(drill.status == 202)
    #expect(try follow(drill.body, server, platform)["state"].string == "succeeded")
    let good = try waitForHealth(server, "ok", platform)
    #expect(good["sources_bad"].number == 0 && good["drills_bad"].number == 0)
    let stale = try platform.ask(server.url, "/api/admin/backups/alerts/stale", token: "~/watch")
    #expect(stale.status == 200 && stale.body["sources"].list.isEmpty)
    try server.stop()
  }

  /// What `/health` says once it says that: its status is always 200. Repositories are read every 30 seconds.
  private func waitForHealth(
    _ server: Server, _ state: String, _ platform: Platform
  ) throws -> Document {
    for _ in 0..<1_200 {
      let answer = try platform.ask(server.url, "/health", isShown: false)
      #expect(answer.status == 200)
      if answer.body["backups"].string == state {
        return try platform.ask(server.url, "/health").body
      }
      usleep(100_000)
    }
    throw SpawnFailure(description: "the backups did not become \(state)")
  }

  private func alerts(_ server: Server, _ platform: Platform) throws {
    let path = "/api/admin/backups/alerts/stale"
    let nobody = try platform.ask(server.url, path)
    #expect(nobody.status == 401)
    try platform.here.write("wrong\n", to: platform.here.root + "/home/wrong")
    #expect(try platform.ask(server.url, path, token: "~/wrong", isShown: false).status == 401)
    let stale = try platform.ask(server.url, path, token: "~/watch")
    #expect(stale.status == 200)
    var found: [String: String] = [:]
    for source in stale.body["sources"].list {
      let name = "\(source["profile"].string ?? "")/\(source["source"].string ?? "")"
      found[name] = source["problems"][0]["kind"].string
    }
    #expect(
      found == [
        "containers/acme": "stale", "containers/birch": "stale", "containers/cobalt": "stale",
        "databases/quotas": "failed", "homes/acme": "never", "homes/birch": "never",
        "homes/cobalt": "never", "host/configuration": "never",
      ])
  }

  // MARK: Tenants

  private func tenants(_ server: Server, _ platform: Platform) throws {
    let here = platform.here
    let notes = platform.root + "/home/acme/notes.txt"
    try platform.type("varve run homes", showing: 0)
    let original = try here.read(notes)
    try here.write("second\n", to: notes)
    try platform.type("varve run homes", showing: 0)
    try here.write("third\n", to: notes)
    let path = "/api/admin/backups/sources/homes/acme/snapshots"
    #expect(try platform.ask(server.url, path, isShown: false).status == 401)
    var listed = try platform.ask(server.url, path, token: "~/watch", isShown: false)
    // What another process has saved is seen when the repository is read the next time.
    for _ in 0..<600 where listed.body["total"].number != 2 {
      usleep(100_000)
      listed = try platform.ask(server.url, path, token: "~/watch", isShown: false)
    }
    listed = try platform.ask(server.url, path, token: "~/watch")
    #expect(listed.body["total"].number == 2)
    let oldest = try #require(listed.body["snapshots"][1]["id"].string)
    let order = "{\"profile\":\"homes\",\"source\":\"acme\",\"snapshot\":\"\(oldest)\"}"
    let looking = try platform.ask(
      server.url, "/api/admin/backups/restores", token: "~/watch", body: order)
    #expect(looking.status == 403)

    platform.say("what is there cannot be saved: S3 takes no commit")
    platform.refuseCommits(true)
    let refused = try restore(server, platform, order)
    platform.refuseCommits(false)
    #expect(refused["state"].string == "failed", "\(refused["message"].string ?? "")")
    let reason = refused["message"].string ?? ""
    #expect(reason.contains("refuses PUT") && !reason.contains("{"), "\(reason)")
    #expect(try here.read(notes) == Array("third\n".utf8))
    platform.say("and now it does")
    let restored = try restore(server, platform, order)
    #expect(restored["state"].string == "succeeded", "\(restored["message"].string ?? "")")
    #expect(try here.read(notes) == original)
    let safety = try #require(restored["result"]["safety_snapshot"].string)
    let saved = try platform.type("varve dump \(safety.prefix(8)) \(notes)")
    #expect(saved.text == "third\n")
    try platform.type("varve restore --undo \(safety.prefix(8))", showing: 1)
    #expect(try here.read(notes) == Array("third\n".utf8))

    platform.say("a container goes where it is said to, and from there to 'docker import'")
    let refusal = try platform.ask(
      server.url, "/api/admin/backups/restores", token: "~/ops",
      body: #"{"profile":"containers","source":"cobalt"}"#)
    #expect(refusal.status == 400 && refusal.text.contains("target"), "\(refusal.text)")
    let place = here.root + "/home/restores"
    try here.write("older", to: place + "/cobalt.tar.gz")
    let container = try restore(
      server, platform,
      "{\"profile\":\"containers\",\"source\":\"cobalt\",\"target\":\"\(place)\"}")
    #expect(container["state"].string == "succeeded", "\(container["message"].string ?? "")")
    let before = try #require(container["result"]["safety_snapshot"].string)
    #expect(
      try platform.type("varve dump \(before.prefix(8)) \(place)/cobalt.tar.gz", showing: 0).text
        == "older")
    try platform.type("gunzip <~/restores/cobalt.tar.gz | docker import - cobalt-2")
    try here.expectEqual(
      platform.root + "/containers/cobalt", platform.root + "/containers/cobalt-2")
  }

  /// Starts a restore and follows it to its end.
  private func restore(_ server: Server, _ platform: Platform, _ order: String) throws -> Document {
    let started = try platform.ask(
      server.url, "/api/admin/backups/restores", token: "~/ops", body: order)
    #expect(started.status == 202, "\(started.text)")
    return try follow(started.body, server, platform)
  }

  private func follow(
    _ job: Document, _ server: Server, _ platform: Platform
  ) throws -> Document {
    let path = "/api/admin/jobs/\(try #require(job["id"].string))"
    for _ in 0..<600 {
      let answer = try platform.ask(server.url, path, token: "~/ops", isShown: false)
      if answer.body["ended"].exists {
        return try platform.ask(server.url, path, token: "~/ops").body
      }
      usleep(50_000)
    }
    throw SpawnFailure(description: "the job did not end")
  }
}
