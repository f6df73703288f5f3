import Foundation
import Glibc
import Testing

/// The incident commander's system (fixtures/scenarios/casino.py), and who works on it.
final class Casino {
  let here: Workspace
  let shell: OperatorShell
  let place: String
  private let address: String

  var database: String { place + "/data/casino.db" }

  init() throws {
    here = try Workspace()
    let ports = try freePorts(2)
    address = "127.0.0.1:\(ports[0])"
    place = here.root + "/srv/casino"
    shell = try OperatorShell(
      here, try RunbookSection("B"), directory: "/srv/casino",
      places: [
        ("127.0.0.1:8000", address), ("127.0.0.1:18000", "127.0.0.1:\(ports[1])"),
      ])
    try here.initializeWithKeyFile()
    symlink(here.repository, here.root + "/srv/backup")
    try here.copy(here.root + "/owner.key", to: here.root + "/etc/varve/casino.key")
    let made = try here.run([
      Tools.python, Tools.sources + "/fixtures/scenarios/casino.py", place, address,
    ])
    try #require(made.code == 0, "\(made.errors)")
    try here.write(try shell.configuration(), to: place + "/varve.yaml")
  }

  func begin() throws {
    try shell.run("varve config check\nsystemctl link app/casino.service\nsystemctl start casino")
      .expect([], "nothing is wrong")
    var tries = 0
    while try here.run(["curl", "--silent", address + "/api/health"]).code != 0, tries < 500 {
      tries += 1
      usleep(20_000)
    }
    try bet(3)
    try shell.follow("Before anything happens").expect(
      [], "database: ok", "recovery of casino passed")
    #expect(try here.text(of: here.root + "/srv/safe/log.vkey") == here.logKey() + "\n")
    let dumps = try FileManager.default.contentsOfDirectory(atPath: place + "/dumps")
    #expect(dumps.count == 1 && dumps[0].wholeMatch(of: /casino_db_\d{8}\.sql\.gz/) != nil)
  }

  func stop() { _ = try? shell.run("systemctl stop casino") }

  func follow(_ step: String, _ part: String, _ number: Int) throws -> Transcript {
    try shell.follow(step, part: part, record: "\(place)/incidents/\(number).txt")
  }

  /// Through the service.
  func bet(_ count: Int) throws {
    for _ in 0..<count {
      let made = try here.run([
        "curl", "--silent", "--fail", address + "/api/bets", "-d", "{\"player\": 3, \"amount\": 7}",
      ])
      try #require(made.code == 0, "\(made.text)\(made.errors)")
    }
  }

  func query(_ statements: String) throws {
    let outcome = try here.run(["sqlite3", database, statements])
    try #require(outcome.code == 0, "\(outcome.errors)")
  }

  /// All of the database, as text.
  func content() throws -> String {
    let outcome = try here.run(["sqlite3", database, ".dump"])
    try #require(outcome.code == 0, "\(outcome.errors)")
    return outcome.text
  }

  /// The last step: a document that has the decision, and what every step showed, and that nobody can alter.
  @discardableResult
  func prove(_ part: String, _ number: Int, _ decision: String) throws -> Transcript {
    let proved = try follow("Prove", part, number)
    proved.expect(
      [], "recovery of casino passed", "incidents/\(number)/drill.json is its document")
    let directory = "\(place)/incidents/\(number)"
    let document = try here.text(of: directory + "/proof.md")
    let shown = try here.text(of: directory + ".txt")
    let steps = try #require(shown.range(of: "$ cat >incidents/")).lowerBound
    for words in [
      decision, String(shown[..<steps]), "| Recovery time (RTO) |", "\"database\": \"ok\"",
      "\"schema\": \"ok\"", "{\"version\": \"2.4.1\", \"schema\": 3}", "HTTP 200", "measured RTO: ",
      "lines have event, request_id, path, status_code, duration_ms",
    ] {
      #expect(document.contains(words), "no \"\(words)\" in: \(document)")
    }
    let record = try Document(parsing: try here.text(of: directory + "/drill.json"))
    #expect((record["recoveryTimeMilliseconds"].number ?? 0) > 0)
    #expect(record["recoveryTimeTarget"].number == 1800)
    #expect(record["notes"].list.count == 2)
    try here.expectAuthentic(directory + "/receipt.json")
    // Another decision is not the one that was signed.
    let forged = try here.text(of: directory + "/drill.json").replacingOccurrences(
      of: decision, with: "nothing was decided")
    try here.write(forged, to: here.root + "/forged.json")
    try here.fail(
      22, "proof", "verify", directory + "/receipt.json", "--key", here.root + "/srv/safe/log.vkey",
      "--file", here.root + "/forged.json")
    // The record of the decision is saved, too.
    let saved = try here.succeed(
      "dump", "latest", directory + "-decision.md", "--tag", "scheduled", "--path",
      place + "/incidents")
    #expect(saved.text.contains(decision))
    return proved
  }

  /// What the service's logs promise.
  func expectContract(_ log: [UInt8]) throws {
    let lines = String(decoding: log, as: UTF8.self).split(separator: "\n")
    #expect(lines.count > 12)
    for line in lines {
      let members = try Document(parsing: line)
      #expect(
        members["event"].string == "request" && members["request_id"].string?.isEmpty == false
          && members["path"].string?.hasPrefix("/api/") == true
          && (100...599).contains(members["status_code"].number ?? 0)
          && (members["duration_ms"].double ?? -1) >= 0, "\(line)")
    }
    #expect(
      Set(try lines.map { try Document(parsing: $0)["request_id"].string }).count == lines.count)
    // And the check of the drill sees it when one does not.
    let spoilt = here.root + "/spoilt.jsonl"
    try here.write(log + Array("{\"event\": \"request\"}\n".utf8), to: spoilt)
    let judged = try here.run([Tools.python, place + "/app/check-log.py", spoilt])
    #expect(judged.code == 1 && judged.errors.contains("request_id"), "\(judged.errors)")
  }
}
