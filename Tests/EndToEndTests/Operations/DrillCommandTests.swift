import Foundation
import Glibc
import Testing
import VarveFormat
import VarveProof
import VarveTestThreads

/// `varve drill`, driven as operators do.
@Suite(.onOwnThreads) struct DrillCommandTests {
  private static let verifier = Tools.product("varve-verify")

  /// A ledger and its proofs, backed up as a run of a profile marks its snapshots.
  private func prepare(_ drill: (Workspace) -> String) throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree(files: 20)
    let ledger = here.source + "/ledger.db"
    let made = try here.run([
      "sqlite3", ledger,
      "CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT); INSERT INTO entries (text) VALUES ('a'), ('b'), ('c');",
    ])
    try #require(made.code == 0, "\(made.errors)")
    try here.write(
      """
      repositories:
        local:
          location: \(here.repository)
          password-file: \(here.passwordFile)
      profiles:
        proofs:
          sources:
            - name: ledger
              path: \(here.source)
          drills:
            quarterly:
      \(drill(here).split(separator: "\n").map { "        \($0)" }.joined(separator: "\n"))

      """, to: here.root + "/varve.yaml")
    here.environment["VARVE_CONFIG"] = here.root + "/varve.yaml"
    here.environment["TMPDIR"] = here.root + "/drills"
    try FileManager.default.createDirectory(
      atPath: here.root + "/drills", withIntermediateDirectories: true)
    try here.succeed("init")
    try here.backup(here.source, "--meta", "profile=proofs", "--meta", "source=ledger")
    return here
  }

  private func checks(_ here: Workspace) -> String {
    """
    rto: 30m
    rpo: 1h
    sample: all
    checks:
      - path: \(here.source)/ledger.db
        integrity: true
        tables: {entries: 3}
        minimum-size: 4096
      - command: test -s "$VARVE_DRILL_DIRECTORY\(here.source)/ledger.db"
    """
  }

  private func leftovers(_ here: Workspace) throws -> [String] {
    try FileManager.default.contentsOfDirectory(atPath: here.root + "/drills")
  }

  @Test func aDrillIsProvedToWhoeverHasTheKey() throws {
    let here = try prepare(checks)
    let place = here.root + "/proof"
    let challenge = String(repeating: "5a", count: 32)
    try here.write("# Decision\nWe go on.\n", to: here.root + "/decision.md")
    let outcome = try here.succeed(
      "drill", "run", "proofs", "--challenge", challenge, "--output", place, "--note-file",
      here.root + "/decision.md", "--json")
    let summary = try outcome.message("drill")
    #expect(summary["result"].string == "passed")
    #expect(summary["files"].number == summary["files_total"].number)
    #expect((summary["files"].number ?? 0) > 20)
    #expect((summary["recovery_time_seconds"].double ?? 0) > 0)
    #expect(summary["recovery_time_target"].number == 1800)
    #expect((0...120).contains(summary["recovery_point_seconds"].number ?? -1))
    #expect(try leftovers(here) == [])
    let steps = try outcome.documents().filter { $0["message_type"].string == "drill_step" }
    #expect(steps.map { $0["result"].string } == steps.map { _ in "passed" })

    // Without the repository, a password, or Varve's own program.
    let key = try here.logKey()
    func verify(_ file: String) throws -> Outcome {
      try here.run([
        Self.verifier, place + "/receipt.json", "--key", key, "--file", place + "/" + file,
        "--json",
      ])
    }
    #expect(try verify("drill.json").document()["member"].string == "document")
    #expect(try verify("sample.txt").document()["member"].string == "sample")
    #expect(try verify("proof.md").code == 22)
    try here.succeed("proof", "verify", place + "/receipt.json", "--key", key)
    try verifyWhole(here, place, key)
    let receipt = try Document(
      parsing: String(decoding: try here.read(place + "/receipt.json"), as: UTF8.self))
    try here.expectAuthentic(place + "/receipt.json")
    let payload = try #require(receipt["payload"].string.flatMap { Base64.decode($0) })
    let predicate = try Document(parsing: String(decoding: payload, as: UTF8.self))["predicate"]
    #expect(predicate["receipt"]["digests"]["challenge"].string ?? challenge == challenge)
    #expect(!String(decoding: payload, as: UTF8.self).contains("quarterly"))

    let hashed = try here.run(["sha256sum", place + "/drill.json"])
    #expect(hashed.text.hasPrefix(try #require(summary["document"].string)))
    for name in ["proof.md", "proof.html", "proof.json"] {
      let text = String(decoding: try here.read(place + "/" + name), as: UTF8.self)
      #expect(text.contains("We go on."), "\(name)")
      #expect(text.contains(summary["id"].string ?? "?"), "\(name)")
    }
    // The same again, from what this host keeps.
    let id = try #require(summary["id"].string)
    #expect(
      try here.succeed("drill", "show", String(id.prefix(8))).text
        == String(decoding: here.read(place + "/proof.md"), as: UTF8.self))
    #expect(try here.succeed("audit", "--key", key).code == 0)
  }

  /// `proof.json`, the three in one file, by both programs.
  private func verifyWhole(_ here: Workspace, _ place: String, _ key: String) throws {
    let whole = try here.succeed("proof", "verify", place + "/proof.json", "--key", key)
    #expect(whole.text.contains("the record is its document"))
    let text = String(decoding: try here.read(place + "/proof.json"), as: UTF8.self)
    let other = here.root + "/resilience_ops_v1.json"
    func verdict(_ changed: String) throws -> Outcome {
      try here.write(changed, to: other)
      return try here.run([
        Self.verifier, other, "--key", key, "--file", place + "/sample.txt", "--json",
      ])
    }
    #expect(try verdict(text).document()["member"].string == "sample")
    #expect(try verdict(String(text.dropLast())).code == 0)
    for (old, new) in [
      ("We go on.", "We stop."), ("\"logProof\":\"c2sp", "\"logProof\":\"d2sp"),
      ("\"record\":{", "\"record\":{\"a\":1,"), ("\"payload\":\"e", "\"payload\":\"f"),
      ("\"receipt\":", "\"receipts\":"), ("{\"authorKey\":\"", "{\"author\u{212a}ey\":\""),
      ("{\"authorKey\":", "{\"a\":0,\"authorKey\":"), ("\"index\":", "\"index\":1"),
      ("\(key)\",\"logProof\"", "\(key)x\",\"logProof\""), ("}\n", ",\"verdict\":\"passed\"}\n"),
    ] {
      let changed = text.replacingOccurrences(of: old, with: new)
      #expect(!changed.utf8.elementsEqual(text.utf8), "\(old)")
      let refused = try verdict(changed)
      #expect(refused.code == 22, "\(old): \(refused.code) \(refused.errors)")
    }
    try here.fail(
      64, "proof", "verify", place + "/proof.json", "--key", key, "--log-proof",
      place + "/receipt.json.tlog-proof")
  }

  @Test func aFailedDrillIsLoggedAndSaysWhat() throws {
    let here = try prepare { _ in
      """
      rpo: 1h
      checks:
        - command: echo the nonce store is empty >&2; exit 5
      """
    }
    let outcome = try here.fail(
      23, "drill", "run", "proofs", "quarterly", saying: ["the nonce store is empty"])
    #expect(outcome.text.contains("FAILED"))
    #expect(try leftovers(here) == [])
    let stale = try here.varve(at: "+2h", "drill", "run", "proofs", "--json")
    #expect(stale.code == 23)
    #expect(stale.text.contains("the snapshot is stale"))
    let trend = try here.succeed("drill", "trend", "proofs", "--json").documents()
    #expect(trend.map { $0["result"].string } == ["failed", "failed"])
    #expect(try here.succeed("drill", "trend", "proofs").text.contains("0 passed"))
    let declared = try here.succeed("drill", "list", "--json").document()
    #expect(declared["last_result"].string == "failure")
    #expect(declared["drill"].string == "quarterly")
    let receipts = try here.succeed("receipt", "list", "--json").documents()
    #expect(
      receipts.map { $0["activity"].string } == ["drill-start", "drill", "drill-start", "drill"])
    #expect(receipts.map { $0["result"].string } == ["ok", "failed", "ok", "failed"])
    try here.fail(64, "drill", "run", "proofs", "--challenge", "beef")
    try here.fail(1, "drill", "run", "proofs", "yearly", saying: ["quarterly"])
    try here.fail(1, "drill", "run", "nothing", saying: ["proofs"])
  }

  @Test func aKilledDrillIsAFindingOfAudits() throws {
    let here = try prepare { _ in "checks:\n  - command: sleep 60" }
    let drill = try here.start("drill", "run", "proofs", "--json")
    // Until it waits for its check.
    for _ in 0..<600 {
      let entries = try here.succeed("receipt", "list", "--json").documents()
      if !entries.isEmpty, try leftovers(here).count == 1 { break }
      usleep(50_000)
    }
    usleep(300_000)
    drill.send(SIGKILL)
    #expect(try drill.wait().signal == SIGKILL)
    #expect(try leftovers(here).count == 1)
    let key = try here.logKey()
    // At once it may still be under way.
    #expect(try !here.succeed("audit", "--key", key).text.contains("drill was begun"))
    let audit = try here.varve(at: "+25h", "audit", "--key", key)
    #expect(audit.code == 0)
    #expect(audit.text.contains("a drill was begun"))
    try here.write("drill 1h\n", to: here.root + "/policy")
    let strict = try here.varve(at: "+2h", "audit", "--key", key, "--policy", here.root + "/policy")
    #expect(strict.code == 22)
    #expect((strict.text + strict.errors).contains("a drill was begun"))
    #expect(try here.succeed("drill", "trend", "proofs").text.contains("no end"))
    // The next drill removes what it left.
    try here.write(
      String(decoding: here.read(here.root + "/varve.yaml"), as: UTF8.self)
        .replacingOccurrences(of: "sleep 60", with: "exit 0"), to: here.root + "/varve.yaml")
    try here.succeed("drill", "run", "proofs")
    #expect(try leftovers(here) == [])
  }
}
