import Foundation
import Testing
import VarveTestThreads

/// The proof-keeper: section D of docs/runbooks.md, on a keeper that issues receipts and reserves nonces all the time.
@Suite(.onOwnThreads) struct ScenarioDTests {
  private static let programs = Tools.sources + "/fixtures/scenarios/proof-keeper"
  private static let keeper = "/srv/keeper/code/keeper"
  private static let repositories = "/srv/backup /mnt/offsite"

  @Test func scenarioD() throws {
    let operate = try RunbookSession("D.")
    defer { _ = try? operate.shell("\(Self.keeper) stop /srv/keeper; rm -r /srv/keeper") }
    try operate.configure()
    try keys(operate)
    try pastMonths(operate)
    try operate.type("\(Self.keeper) start /srv/keeper")
    try everyHour(operate)
    try retention(operate)
    try continuity(operate)
    try proofsOnly(operate)
    try ledgerOnly(operate)
    try indexAndNonces(operate)
    try panic(operate)
    try quarterlyDisaster(operate)
    operate.finish()
  }

  private func keys(_ operate: RunbookSession) throws {
    operate.step("Keys live in a vault")
    let here = operate.here
    try operate.install("vault", Self.programs + "/vault")
    try here.write("token\n", to: here.root + "/vault/token")
    here.environment["VAULT_TOKEN_FILE"] = here.root + "/vault/token"
    here.environment["VAULT_ADDR"] = try Server(
      here, [Tools.python, Self.programs + "/vault", "serve", here.root + "/vault"]
    ).url
    for name in ["main-password", "offsite-password"] {
      try operate.shell("head -c 24 /dev/urandom | base64 | vault put \(name)")
    }
    try operate.shell(
      "mkdir -p /srv/keeper/code /srv/keeper/recovery-proofs; cp \(Self.programs)/keeper \(Self.keeper)"
    )
    try operate.shell(
      "cd /etc/varve; git init --quiet; git add .; git -c user.name=k -c user.email=k@k commit --quiet -m 1"
    )
    let long = "-101d"
    try operate.type(
      "export VARVE_REPOSITORY=/srv/backup/proofs VARVE_KEY_FILE=/run/varve/keeper.key")
    try operate.type("varve init --password-command 'vault get main-password'", clock: long)
    try operate.type(
      "varve key add --password-command 'vault get main-password' --new-key-file /run/varve/keeper.key",
      clock: long)
    try operate.type("vault put keeper.key </run/varve/keeper.key")
    try operate.type(
      "varve -r /mnt/offsite/proofs init --password-command 'vault get offsite-password'",
      clock: long)
    // The machine starts again, and its memory is empty.
    try operate.shell("rm /run/varve/keeper.key")
    #expect(try here.varve("snapshots").code != 0)
    try operate.type("(umask 077; vault get keeper.key >/run/varve/keeper.key)")
    #expect(try here.varve("snapshots").code == 0)
    try operate.type(
      "git -C /etc/varve grep --fixed-strings -f /run/varve/keeper.key $(git -C /etc/varve rev-list --all)",
      exit: 1)
    try operate.type("varve config check", showing: "nothing is wrong")
    // One that stands in the file would be seen, by both.
    try operate.shell(
      "cd /etc/varve; cp varve.yaml was; echo 'notifications: {chat: {webhook: {url: http://localhost/, headers: {Authorization: \"Bearer 0123456789abcdef\"}}}}' >>varve.yaml"
    )
    try operate.type("varve config check", showing: "stands here in clear")
    try operate.shell("cd /etc/varve; mv was varve.yaml")
    try operate.type(
      "varve cat config | grep -o '\"logKey\":\"[^\"]*' | cut -d '\"' -f 4 >/etc/varve/log.vkey")
  }

  /// What the timer did on four days of the last months.
  private func pastMonths(_ operate: RunbookSession) throws {
    operate.step("A hundred days ago, and since")
    for days in [100, 40, 10, 1] {
      let clock = "-\(days)d"
      try operate.shell("\(Self.keeper) issue /srv/keeper 100", clock: clock)
      try operate.shell("echo {} >/srv/keeper/recovery-proofs/\(days)-days-ago.json")
      try operate.type("varve run proofs", clock: clock, showing: "proofs into main: ok")
      try operate.type("varve run archives", clock: clock, showing: "archive: ok")
      try operate.type("varve run recovery-proofs", clock: clock, showing: "into offsite: ok")
      if days == 100 {
        operate.step("An archive that is too small")
        try operate.type(
          "varve drill run archives", clock: clock, exit: 23, showing: "fewer than 1000000")
      }
    }
  }

  private func everyHour(_ operate: RunbookSession) throws {
    operate.step("Hourly, daily, weekly")
    let due = try operate.type("varve run --due", showing: "proofs into main: ok")
    #expect(
      due.text.contains("archives into main: ok") && due.text.contains("full into offsite: ok"))
    #expect(due.text.contains("drill quarterly of proofs passed"))
    for (clock, profile) in [("+61m", "proofs"), ("+25h", "archives"), ("+8d", "full")] {
      #expect(try operate.due(clock: clock).contains("profile \(profile)"))
    }
    let count = "SELECT count(*) FROM nonces"
    let before = try rows(operate, "nonces.db", count)
    try operate.type("varve run proofs", showing: "nonces: ok")
    let after = try rows(operate, "nonces.db", count)
    // It was captured under way, and whole.
    try operate.shell(
      "varve dump latest /srv/keeper/nonces.db --path /srv/keeper/nonces.db >/srv/copy.db")
    let captured = Int(try operate.shell("sqlite3 /srv/copy.db '\(count)'").dropLast()) ?? 0
    #expect((before...after).contains(captured) && before < after)
    let receipts = try operate.snapshots(of: "/srv/keeper/receipts").map { $0["summary"] }
    let (size, added) = (receipts.last?["total_bytes_processed"], receipts.last?["data_added"])
    #expect((added?.number ?? .max) < (size?.number ?? 0) / 2, "\(added?.number ?? 0)")
    try operate.type("varve run archives", showing: "archive: ok")
    try operate.type("varve drill run archives", showing: "drill sanity of archives passed")
    try operate.type("varve run full", showing: "full into offsite: ok")
    try operate.type("varve run recovery-proofs", showing: "into main: ok")
    try operate.type("varve check --read-data", showing: "no damage found")
    try operate.type(
      "varve -r /mnt/offsite/proofs check --read-data --password-command 'vault get offsite-password'",
      showing: "no damage found")
    try operate.type("varve status", showing: "proofs/quarterly")
    try operate.type("varve status", clock: "+2h", exit: 21, showing: "proofs/ledger: stale")
    // Encrypted: what each receipt has is nowhere to be read.
    let digest = try operate.shell(
      "sqlite3 /srv/keeper/ledger.db 'SELECT digest FROM entries LIMIT 1'")
    #expect(
      try operate.shell("grep -l \(digest.dropLast()) -r \(Self.repositories) || true").isEmpty)
  }

  private func rows(_ operate: RunbookSession, _ database: String, _ query: String) throws -> Int {
    Int(try operate.shell("sqlite3 /srv/keeper/\(database) '\(query)'").dropLast()) ?? -1
  }

  private func retention(_ operate: RunbookSession) throws {
    operate.step("A retention for each")
    try operate.type("varve policy list", showing: "within 90d", "within 30d", "within 7d")
    try operate.type("varve forget --dry-run", showing: "would forget 0 snapshots")
    func days(_ place: String) throws -> Set<Int> {
      let times = try operate.snapshots(of: place).compactMap { $0["time"].string }
      return Set(
        try times.map {
          let taken = try Date("\($0.prefix(19))Z", strategy: .iso8601)
          return Int((Date().timeIntervalSince(taken) / 86_400).rounded())
        })
    }
    #expect(try days("/srv/keeper/receipts") == [40, 10, 1, 0])
    #expect(try days("/proofs.tar") == [40, 10, 1, 0])
    for database in ["ledger", "nonces", "index"] {
      #expect(try days("/srv/keeper/\(database).db") == [10, 1, 0], "\(database)")
    }
    #expect(try days("/srv/keeper/logs") == [1, 0])
    #expect(try days("/srv/keeper/recovery-proofs") == [100, 40, 10, 1, 0])
  }

  private func continuity(_ operate: RunbookSession) throws {
    operate.step("Continuity between two dates")
    func day(_ ago: Double) -> String {
      Date(timeIntervalSinceNow: -ago * 86_400).formatted(.iso8601.year().month().day())
    }
    let dates = ["FROM": day(50), "TO": day(5)]
    try operate.type("varve log verify", showing: "verified")
    let audit = "varve audit --from FROM --to TO --key \"$(cat /etc/varve/log.vkey)\""
    try operate.type(audit, dates, showing: "every link holds", "from \(day(50))", "as given")
    let verify = "\(Self.keeper) verify /srv/keeper --from FROM --to TO"
    try operate.type(verify, dates, showing: "200 receipts and 4 roots verified, 0 findings")
    try operate.type("varve receipt list", showing: "drill", "check")
    // A log of which something is missing, and receipts of which one is.
    try operate.shell("cp -r /srv/backup/proofs /srv/backup/saved; varve audit")
    let commits = operate.here.objects(
      "log/commits/", repository: operate.path("/srv/backup/proofs"))
    try operate.shell("rm /srv/backup/proofs/\(commits[commits.count / 2])")
    try operate.type(audit, dates, exit: 22)
    try operate.shell("rm -r /srv/backup/proofs; mv /srv/backup/saved /srv/backup/proofs")
    try operate.shell("mv /srv/keeper/receipts/000003/00000170.json /srv/receipt")
    try operate.type(verify, dates, exit: 1, showing: "receipt 170 is missing")
    try operate.shell(
      "sed s/payload/PAYLOAD/ /srv/receipt >/srv/keeper/receipts/000003/00000170.json")
    try operate.type(
      verify, dates, exit: 1, showing: "00000170.json: it is not what its digest says")
    try operate.shell("mv /srv/receipt /srv/keeper/receipts/000003/00000170.json")
    try operate.type(verify, dates, showing: "0 findings")
  }

  private func proofsOnly(_ operate: RunbookSession) throws {
    operate.step("Proofs only")
    let entries = "SELECT count(*) FROM entries"
    let before = try rows(operate, "ledger.db", entries)
    try operate.shell(
      "echo >>/srv/keeper/receipts/000001/00000060.json; rm /srv/keeper/receipts/000001/00000061.json"
    )
    let check =
      "varve manifest latest --path /srv/keeper/receipts --absolute | sha256sum --check --quiet"
    try operate.type(check, exit: 1, showing: "00000060.json: FAILED", "00000061.json")
    let restored = try operate.type(
      "varve restore --profile proofs --source receipts --keep-existing", showing: "0 findings")
    #expect(!restored.errors.contains("restoring ledger"))
    try operate.type(check)
    #expect(try rows(operate, "ledger.db", entries) >= before)
    #expect(
      try operate.shell("ls /srv/keeper/receipts/000001/*.pre-restore-*").contains("00000060"))
  }

  private func ledgerOnly(_ operate: RunbookSession) throws {
    operate.step("The ledger only, which is not whole")
    let entries = try rows(operate, "ledger.db", "SELECT count(*) FROM entries")
    let count = try operate.snapshots(of: "/srv/keeper/ledger.db").count
    try operate.shell(
      "\(Self.keeper) stop /srv/keeper; sqlite3 /srv/keeper/ledger.db 'PRAGMA wal_checkpoint(TRUNCATE)'; dd if=/dev/urandom of=/srv/keeper/ledger.db bs=4096 seek=3 count=5 conv=notrunc status=none"
    )
    // What is not whole is no backup.
    try operate.type("varve run proofs", exit: 1, showing: "ledger: failed", "integrity check")
    #expect(try operate.snapshots(of: "/srv/keeper/ledger.db").count == count)
    try operate.type(
      "varve restore --profile proofs --source ledger --keep-existing", showing: "0 findings")
    try operate.type("sqlite3 /srv/keeper/ledger.db 'PRAGMA integrity_check'", showing: "ok")
    #expect(try rows(operate, "ledger.db", "SELECT count(*) FROM entries") >= entries)
    try operate.shell("ls /srv/keeper/ledger.db.pre-restore-*")
    try operate.type("varve run proofs", showing: "ledger: ok")
  }

  private func indexAndNonces(_ operate: RunbookSession) throws {
    operate.step("Index and nonce store anew; nothing is replayable")
    let insert = "sqlite3 /srv/keeper/nonces.db \"INSERT INTO nonces VALUES ('NONCE')\""
    try operate.type("\(Self.keeper) stop /srv/keeper")
    // Reserved after the last backup, and never issued: no copy has it.
    let used = "\(Int(Date().timeIntervalSince1970 * 1000))-reserved"
    try operate.shell("sqlite3 /srv/keeper/nonces.db \"INSERT INTO nonces VALUES ('\(used)')\"")
    try operate.type(insert, ["NONCE": used], exit: 19, showing: "UNIQUE constraint failed")
    try operate.shell("rm /srv/keeper/index.db* /srv/keeper/nonces.db*")
    try operate.type("\(Self.keeper) rebuild /srv/keeper", showing: "nonces are used")
    try operate.type("\(Self.keeper) verify /srv/keeper", showing: "0 findings")
    let stored = try rows(operate, "nonces.db", "SELECT count(*) FROM nonces")
    try operate.type(insert, ["NONCE": used], exit: 19, showing: "older than the last recovery")
    let taken = try operate.shell(
      "cat /srv/keeper/receipts/*/0*[0-9].json | grep -o '\"nonce\":\"[^\"]*' | cut -d '\"' -f 4 | sort -u"
    )
    let nonces = taken.split(separator: "\n")
    let statements = nonces.map { "INSERT OR FAIL INTO nonces VALUES ('\($0)');" }
    try operate.here.write(statements.joined(separator: "\n"), to: operate.path("/srv/replay.sql"))
    try operate.shell("sqlite3 /srv/keeper/nonces.db </srv/replay.sql 2>/srv/refused || true")
    #expect(
      try operate.shell("grep -c 'near line' /srv/refused") == "\(nonces.count)\n"
        && nonces.count > 400)
    #expect(try rows(operate, "nonces.db", "SELECT count(*) FROM nonces") == stored)
    try operate.type("\(Self.keeper) start /srv/keeper")
  }

  private func panic(_ operate: RunbookSession) throws {
    operate.step("Panic")
    let entries = try rows(operate, "ledger.db", "SELECT count(*) FROM entries")
    try operate.shell("rm /srv/keeper/ledger.db; echo >>/srv/keeper/receipts/000002/00000120.json")
    let marker = operate.path("/srv/keeper/PANIC")
    try operate.wait("a panic") { operate.here.exists(marker) }
    // The log of transactions of the ledger that is gone is there.
    #expect(operate.here.exists(operate.path("/srv/keeper/ledger.db-wal")))
    try operate.type("\(Self.keeper) verify /srv/keeper", exit: 1, showing: "ledger.db is missing")
    let restored = try operate.type(
      "varve restore --profile proofs --keep-existing", showing: "0 findings",
      "the panic marker is removed")
    #expect(restored.seconds < 30 * 60)
    #expect(!operate.here.exists(marker))
    #expect(try rows(operate, "ledger.db", "SELECT count(*) FROM entries") >= entries)
    try operate.type("\(Self.keeper) verify /srv/keeper", showing: "0 findings")
  }

  private func quarterlyDisaster(_ operate: RunbookSession) throws {
    operate.step("A disaster each quarter, and the proof that it was recovered from")
    let proofs = "/srv/keeper/recovery-proofs"
    try operate.type(
      "rm /srv/keeper/ledger.db && sed -i s/payload/PAYLOAD/ /srv/keeper/receipts/000001/*1.json")
    try operate.wait("a panic") { operate.here.exists(operate.path("/srv/keeper/PANIC")) }
    try operate.type("varve restore --profile proofs --keep-existing &>\(proofs)/disaster.txt")
    try operate.type("\(Self.keeper) verify /srv/keeper", showing: "0 findings")
    try operate.type("varve run proofs", showing: "proofs into main: ok")
    try operate.type(
      "varve drill run proofs quarterly --note-file \(proofs)/disaster.txt --output \(proofs)/drill",
      showing: "quarterly of proofs passed", "of 30 min", "of 1 h")
    try operate.here.expectAuthentic(operate.path(proofs + "/drill/receipt.json"))
    let file = proofs + "/resilience_ops_v1.json"
    try operate.type("cp \(proofs)/drill/proof.json \(file)")
    try operate.type(
      "varve proof verify \(file) --key /etc/varve/log.vkey", showing: "the record is its document")
    let verifier = Tools.product("varve-verify")
    try operate.shell("\(verifier) \(file) --key /etc/varve/log.vkey")
    let proof = String(decoding: try operate.here.read(operate.path(file)), as: UTF8.self)
    #expect(proof.contains("the panic marker is removed"))
    try operate.here.write(
      proof.replacing("the panic marker", with: "no panic marker"), to: operate.path("/srv/false"))
    let forged = try operate.here.run([
      verifier, operate.path("/srv/false"), "--key", operate.path("/etc/varve/log.vkey"),
    ])
    #expect(forged.code == 22, "\(forged.text)")
    try operate.type("varve run recovery-proofs", showing: "into main: ok", "into offsite: ok")
    try operate.type("varve snapshots --path \(proofs) --latest 1", showing: proofs)
    let snapshot = try #require(try operate.snapshots(of: proofs).last?["short_id"].string)
    try operate.type(
      "varve hold add --permanent --reason \"recovery proof\" SNAPSHOT", ["SNAPSHOT": snapshot])
    for options in [
      ["forget", snapshot], ["forget", "--override-policy", snapshot],
      ["hold", "remove", snapshot],
    ] {
      #expect(try operate.here.varve(options).code != 0, "\(options)")
    }
    let kept = try operate.here.succeed("dump", snapshot, operate.path(file))
    #expect(kept.text == proof)
  }
}
