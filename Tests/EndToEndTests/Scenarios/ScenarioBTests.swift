import Foundation
import Glibc
import Testing
import VarveTestThreads

/// The incident commander: three incidents of a service with a database, by docs/runbooks.md.
@Suite(.onOwnThreads) struct ScenarioBTests {
  private static let failure = "The application fails, the database is healthy"
  private static let migration = "A wrong migration"
  private static let loss = "The host is lost"

  @Test func scenarioB() throws {
    let casino = try Casino()
    defer { casino.stop() }
    try casino.begin()
    try applicationFails(casino)
    try migrationIsWrong(casino)
    try hostIsLost(casino)
  }

  private func applicationFails(_ casino: Casino) throws {
    let here = casino.here
    let (settings, database) = (casino.place + "/app/settings.json", try casino.content())
    let good = try here.read(settings)
    let bad = "{\"largest_bet\": 1000, currency"
    try here.write(bad, to: settings)
    try here.write("debris", to: casino.place + "/app/core.123")
    func follow(_ step: String) throws -> Transcript { try casino.follow(step, Self.failure, 1) }

    try follow("Detect").expect(
      [], "\"status\": \"error\"", "\"application\": \"JSONDecodeError", "\"database\": \"ok\"",
      "\nok\n", "\"path\": \"/api/health\", \"status_code\": 503")
    try follow("Contain").expect([], "held 1 snapshot")
    #expect(try casino.shell.run("systemctl is-active casino").codes == [3])
    let evidence = try #require(try here.snapshots("--tag", "incident-1").first?["id"].string)
    #expect(try here.succeed("dump", evidence, settings).output == Array(bad.utf8))
    try here.fail(1, "forget", evidence, saying: ["holds the snapshot"])
    try follow("Recover").expect([], "no damage found", "restoring application", "deleted 1 item")
    #expect(try here.read(settings) == good)
    #expect(!here.exists(casino.place + "/app/core.123"))
    let validated = try follow("Validate")
    validated.expect(
      [], "\"application\": \"ok\", \"database\": \"ok\"}", "\"schema\": \"ok\"}",
      "{\"version\": \"2.4.1\"", "service.py: OK", "settings.json: OK", "measured RTO: ")
    #expect(try casino.content() == database, "the healthy database is not touched")
    try casino.prove(Self.failure, 1, "the database is healthy and is not touched")
  }

  private func migrationIsWrong(_ casino: Casino) throws {
    let here = casino.here
    try casino.bet(3)
    try casino.shell.run("varve run casino").expect([], "database: ok")
    let good = try casino.content()
    let last = try #require(
      try here.snapshots("--tag", "scheduled", "--path", casino.database).last?["time"].string)
    // As the list shows it.
    here.environment["BEFORE"] = last.prefix(19).replacingOccurrences(of: "T", with: " ")
    let saved = time(nil)
    while time(nil) == saved { usleep(20_000) }
    try casino.bet(2)
    try casino.query(
      "ALTER TABLE bets DROP COLUMN amount; UPDATE players SET balance = 0; UPDATE schema SET version = 4"
    )
    try casino.shell.run("varve run casino").expect([], "database: ok")
    func follow(_ step: String) throws -> Transcript { try casino.follow(step, Self.migration, 2) }

    try follow("Detect").expect(
      [23], "\"database\": \"ok\"}", "\"schema\": \"ValueError: the schema is 4, not 3\"",
      "ok\n2008\n", "no such column: amount", "it answers 503, not 200")
    try follow("Contain").expect([], "held 1 snapshot")
    #expect(try here.snapshots("--tag", "incident-2").count == 1)
    try integrityGoesFirst(casino)
    let recovered = try follow("Recover")
    recovered.expect([], "no damage found", "restoring database", "restoring dumps")
    // In the order in which it was done: nothing is put in its place before all of it is staged.
    let places = ["restoring database", "restoring dumps", "puts it back"].map {
      recovered.text.range(of: $0)?.lowerBound
    }
    #expect(places == places.compactMap(\.self).sorted(), "\(recovered.text)")
    #expect(try casino.content() == good)
    try follow("Validate").expect(
      [], "\"schema\": \"ok\"}", "{\"version\": \"2.4.1\"", "ok\n2006\n",
      "database and dump are the same", "measured RTO: ")
    try casino.prove(Self.migration, 2, "Integrity goes before speed.")
  }

  /// A repository that is damaged is not restored from, with a check before or without.
  private func integrityGoesFirst(_ casino: Casino) throws {
    let here = casino.here
    let live = try here.read(casino.database)
    let packs = try here.objects("packs/").map { "\(here.repository)/\($0)" }.map {
      ($0, try here.read($0))
    }.filter { $0.1[10] == 1 }
    for (path, bytes) in packs {
      var bytes = bytes
      bytes[bytes.count / 2] ^= 1
      try here.write(bytes, to: path)
    }
    let checked = try casino.shell.follow("Recover", part: Self.migration)
    checked.expect([], "varve: error: ", "damage")
    #expect(!checked.text.contains("restoring"))
    try casino.shell.run(
      "varve restore --profile casino --source database --at \"$BEFORE\"; systemctl stop casino"
    ).expect([20])
    #expect(try here.read(casino.database) == live)
    for (path, bytes) in packs { try here.write(bytes, to: path) }
  }

  private func hostIsLost(_ casino: Casino) throws {
    let here = casino.here
    try casino.shell.run("varve run casino").expect([], "database: ok")
    let good = try casino.content()
    try here.copy(casino.place, to: here.root + "/before")
    // Since the last run: lost.
    try casino.bet(1)
    casino.stop()
    for name in ["/srv/casino", "/etc/varve", "/cache", "/state", "/units"] {
      try here.remove(here.root + name)
    }
    try FileManager.default.createDirectory(
      atPath: here.root + "/etc/varve", withIntermediateDirectories: true)
    func follow(_ step: String) throws -> Transcript { try casino.follow(step, Self.loss, 3) }

    try follow("Detect").expect([7], "Couldn't connect")
    try follow("Contain").expect([], "every link holds")
    try follow("Recover").expect(
      [], "added key file", "nothing is wrong", "restoring database", "restoring incidents")
    #expect(try casino.content() == good)
    for part in ["app", "dumps"] {
      try here.expectEqual(casino.place + "/" + part, here.root + "/before/" + part)
    }
    let log = try here.read(casino.place + "/log/service.jsonl")
    let before = try here.read(here.root + "/before/log/service.jsonl")
    #expect(Array(log.prefix(before.count)) == before)
    try casino.expectContract(log)
    try follow("Validate").expect(
      [], "\"schema\": \"ok\"}", "{\"version\": \"2.4.1\"", "the application is as it was saved",
      "the dumps are as they were saved", "lines have event, request_id, path, status_code",
      "measured RTO: ")
    // The decisions of the other incidents came with it.
    #expect(try here.text(of: casino.place + "/incidents/1-decision.md").contains("is healthy"))
    let proved = try casino.prove(Self.loss, 3, "the host is given up")
    #expect(proved.text.contains("5 drills, 4 passed"), "\(proved.text)")
    #expect(try here.succeed("audit", "--key", here.logKey()).text.contains("every link holds"))
  }
}
