import Foundation
import Testing
import VarveTestThreads

/// The trading-bot operator: section A of docs/runbooks.md, on a bot that plays.
@Suite(.onOwnThreads) struct ScenarioATests {
  private static let fixtures = Tools.sources + "/fixtures/scenarios"
  private static let generator = fixtures + "/trading-bot/generate.py"
  private static let control = "/srv/bot/code/bin/bot-control"

  @Test func scenarioA() throws {
    let operate = try RunbookSession("A.")
    defer { _ = try? operate.shell("\(Self.control) stop; rm -r /srv/bot/run") }
    try operate.here.write("a long password\n", to: operate.path("/media/safe/password"))
    try operate.configure()
    try operate.shell("python3 \(Self.generator) \(operate.here.root); \(Self.control) start")
    try setUp(operate)
    try everyDay(operate)
    try quiesce(operate)
    try metadata(operate)
    try corruptCache(operate)
    try stateMismatch(operate)
    try secretRotation(operate)
    try rollback(operate)
    try freshNode(operate)
    operate.finish()
  }

  private func setUp(_ operate: RunbookSession) throws {
    operate.step("A repository, its key, and a recovery key")
    try operate.type("export VARVE_REPOSITORY=/srv/backup/bot")
    try operate.type("varve init --password-file /media/safe/password", showing: "created")
    try operate.type(
      "varve key add --password-file /media/safe/password --new-key-file /etc/varve/bot.key")
    try operate.type("export VARVE_KEY_FILE=/etc/varve/bot.key")
    try operate.type("varve key export /media/safe/recovery-key")
    try operate.type("varve config check", showing: "nothing is wrong")
  }

  private func everyDay(_ operate: RunbookSession) throws {
    operate.step("Every kind of data in its rhythm")
    try operate.type("varve run config", showing: "bot: ok", "layouts: ok")
    try operate.shell("sed -i s/300/350/ /srv/bot/config/bot/table-2.json")
    try operate.type("varve run config", showing: "bot: ok")
    let diff = try operate.type("varve diff latest~1 latest --path /srv/bot/config/bot")
    #expect(diff.lines.filter { $0.hasPrefix("M ") }.map { $0.suffix(12) } == ["table-2.json"])
    // The timer's: hourly and daily.
    let due = try operate.type("varve run --due", showing: "caches into main: ok", "risk into main")
    #expect(!due.text.contains("sessions") && due.text.contains("monthly of caches passed"))
    #expect(try operate.due(clock: "+61m").contains("profile risk"))
    #expect(try operate.due(clock: "+25h").contains("profile caches"))
    let cache = "/srv/bot/code/bin/solver-check /srv/bot/cache/solver"
    try operate.type(
      "\(cache) && varve tag --add known-good latest --path /srv/bot/cache/solver",
      showing: "12 files are good, 0 are not")
    try operate.shell("\(Self.control) end-session")
    try operate.type("varve run sessions", showing: "logs: ok", "hands: ok")
    try operate.type("RELEASE=1.4.0 varve run release", showing: "sbom: ok")
    // Two bundles in one pack, of which one will go.
    try operate.shell(
      Self.bundle("2026-03") + "; head -c 5000 /dev/urandom >/srv/bot/env/exchange.env.enc")
    try operate.type("varve run secrets", showing: "env: ok")
    try operate.type("varve status", showing: "caches/monthly", "ok")
  }

  private static func bundle(_ month: String) -> String {
    "openssl enc -aes-256-cbc -pbkdf2 -pass file:/srv/bot/run/bundle.key -in /srv/bot/.env -out /srv/bot/env/\(month).env.enc"
  }

  private func quiesce(_ operate: RunbookSession) throws {
    operate.step("Quiesce first")
    func lines(_ text: String) throws -> [Document] {
      try text.split(separator: "\n").map { try Document(parsing: $0) }
    }
    let live = operate.path("/srv/bot/hands/session-2.jsonl")
    // While the bot plays, whoever looks finds half a hand.
    try operate.wait("half a hand") {
      operate.here.exists(live) && (try? operate.here.read(live))?.last != UInt8(ascii: "\n")
    }
    try operate.type("varve run sessions", showing: "sessions into main: ok")
    func saved(_ folder: String) throws -> [Document] {
      try lines(
        operate.here.succeed(
          "dump", "latest", operate.path("/srv/bot/\(folder)/session-2.jsonl"), "--path",
          operate.path("/srv/bot/\(folder)")
        ).text)
    }
    let hands = try saved("hands")
    #expect(hands.allSatisfy { $0["complete"].bool == true } && !hands.isEmpty)
    #expect(try saved("logs").map { $0["hand"].number } == hands.map { $0["hand"].number })
    // One that cannot be finished: nothing is captured, and the bot goes on.
    let before = try operate.here.snapshots().count
    let resumed = try status(operate)["resumed"].number
    try operate.shell("touch /srv/bot/run/stuck")
    try operate.type(
      "varve run caches", exit: 1, showing: "hook 'before'", "a hand is still open", "failed")
    #expect(try operate.here.snapshots().count == before)
    #expect(try status(operate)["mode"].string == "play")
    #expect(try status(operate)["resumed"].number == resumed.map { $0 + 1 })
    try operate.type("varve status", exit: 21, showing: "caches/solver: failed")
    try operate.shell("rm /srv/bot/run/stuck")
    try operate.type("varve run caches", showing: "solver: ok")
  }

  private func status(_ operate: RunbookSession) throws -> Document {
    try Document(parsing: operate.shell("\(Self.control) status"))
  }

  private func metadata(_ operate: RunbookSession) throws {
    operate.step("Metadata with the archive")
    try operate.shell("touch /srv/bot/run/panic")
    #expect(try operate.here.varve("run", "risk").code == 0)
    try operate.shell("rm /srv/bot/run/panic")
    let seen = try operate.type(
      "varve snapshots --path /srv/bot/risk-state.json --json", showing: "panic-stop")
    let meta = try seen.document().list.map { $0["meta"] }
    #expect(meta.map { $0["panic-stop"].string } == ["false", "true"])
    let commit = try operate.shell("git -C /srv/bot/code rev-parse HEAD")
    let hash = try operate.shell("cat /srv/bot/config/bot/*.json | sha256sum")
    #expect(meta.last?["commit"].string.map { $0 + "\n" } == commit)
    #expect(meta.last?["config"].string.map { $0 + "  -\n" } == hash)
    let feeds = try Document(parsing: try #require(meta.last?["feeds"].string))
    #expect(feeds.keys == ["books", "prices"] && feeds["books"].string?.hasSuffix("Z") == true)
  }

  private func corruptCache(_ operate: RunbookSession) throws {
    operate.step("A corrupt cache, which has been captured, too")
    let street = operate.path("/srv/bot/cache/solver/flop")
    try operate.here.copy(street, to: operate.here.root + "/flop")
    let spoil =
      "printf XXXX | dd of=/srv/bot/cache/solver/flop/02.cache bs=1 seek=5000 conv=notrunc"
    try operate.shell("\(spoil) status=none; touch /srv/bot/cache/solver/flop/stray")
    let captured = "varve run caches && varve drill run caches"
    try operate.type(captured, exit: 23, showing: "flop/02.cache is corrupt", "FAILED")
    try operate.type("\(Self.control) stop")
    #expect(try operate.shell("\(Self.control) status") == "stopped\n")
    try operate.type(
      "varve snapshots --path /srv/bot/cache/solver", showing: "known-good  /srv/bot/cache/solver")
    try operate.type(
      "varve restore latest:/srv/bot/cache/solver/flop --tag known-good --path /srv/bot/cache/solver --target /srv/bot/cache/solver/flop --safety --delete",
      showing: "left 3 items as they were", "restore --undo")
    try operate.here.expectEqual(street, operate.here.root + "/flop", "--skip-root")
    try operate.type(
      "/srv/bot/code/bin/solver-check /srv/bot/cache/solver && \(Self.control) start",
      showing: "12 files are good, 0 are not")
    #expect(try status(operate)["mode"].string == "play")
    try operate.type(captured, showing: "drill monthly of caches passed")
  }

  private func stateMismatch(_ operate: RunbookSession) throws {
    operate.step("The state is not what it should be")
    #expect(try operate.here.varve("run", "risk").code == 0)
    try operate.shell("\(Self.control) stop")
    let wrong = "{\"exposure\": -1}\n"
    let state = operate.path("/srv/bot/risk-state.json")
    let compare =
      "varve manifest latest --path /srv/bot/risk-state.json --absolute | sha256sum --check"
    try operate.here.write(wrong, to: state)
    try operate.type(compare, exit: 1, showing: "risk-state.json: FAILED")
    try operate.type(
      "varve dump latest /srv/bot/risk-state.json --path /srv/bot/risk-state.json | diff /srv/bot/risk-state.json -",
      exit: 1, showing: "< {\"exposure\": -1}", ">   \"panic_stop\": false")
    let restore = "varve restore --profile risk --keep-existing"
    // It is sensitive.
    let refused = try operate.here.run(["bash", "-c", restore])
    #expect(refused.code != 0 && refused.errors.contains("sensitive"), "\(refused.errors)")
    try operate.type(restore + " --yes", showing: "restoring state of risk")
    try operate.type(compare, showing: "risk-state.json: OK")
    let kept = try operate.shell("cat /srv/bot/risk-state.json.pre-restore-*")
    #expect(kept == wrong)
  }

  private func secretRotation(_ operate: RunbookSession) throws {
    operate.step("Secrets are rotated")
    let old = operate.here.root + "/old-bundle"
    // Somebody put a copy beside the configuration.
    try operate.here.copy(operate.path("/srv/bot/env/2026-03.env.enc"), to: old)
    try operate.shell("cp /srv/bot/env/2026-03.env.enc /srv/bot/config/bot; varve run config")
    try operate.shell("rm /srv/bot/config/bot/2026-03.env.enc; echo KEY=new >/srv/bot/.env")
    try operate.type(Self.bundle("2026-04"))
    try operate.type("shred --remove /srv/bot/env/2026-03.env.enc")
    let run = try operate.type("varve run secrets")
    #expect(run.errors.contains("1 snapshot forgotten"))
    let find = "varve find 2026-03.env.enc"
    let found = try operate.type(find, showing: "/srv/bot/config/bot/2026-03.env.enc")
    #expect(!found.text.contains(operate.path("/srv/bot/env/")))
    try operate.type("varve rewrite --exclude 2026-03.env.enc --forget", showing: "without 1 file")
    func blocks() throws -> String {
      try operate.shell(
        "python3 -B \(Self.fixtures)/plain-text.py /srv/backup/bot /etc/varve/bot.key \(old)"
      )
    }
    let packs = operate.here.objects("packs/", repository: operate.path("/srv/backup/bot"))
    // A little that nothing needs may stay beside what is needed, unless one says that it may not.
    try operate.shell("varve prune --now")
    #expect(try blocks().hasPrefix("1 of "))
    try operate.type("varve prune --now --max-unused 0", showing: "deleted")
    // By a program that shares no code with Varve: of all that can be decrypted nothing has it.
    #expect(try blocks().hasPrefix("0 of "))
    let left = Set(operate.here.objects("packs/", repository: operate.path("/srv/backup/bot")))
    #expect(!left.isSuperset(of: packs))
    #expect(try operate.type(find).text.isEmpty)
    try operate.type("varve recover", showing: "nothing that was forgotten can be brought back")
    try operate.type("varve audit", exit: 22, showing: "takes its place with another tree")
    #expect(try !operate.shell("grep -r KEY_ /srv/bot || true").contains("KEY_"))
  }

  private func rollback(_ operate: RunbookSession) throws {
    operate.step("A release is rolled back")
    let snapshot = try operate.type(
      "varve snapshots --tag release-1.4.0 --path /srv/bot/sbom --json")
    let found = try #require(snapshot.document().list.first)
    let signature = try #require(found["meta"]["signature"].string)
    try operate.here.copy(operate.path("/srv/bot/code"), to: operate.here.root + "/code-1.4.0")
    try operate.shell("python3 \(Self.generator) \(operate.here.root) build 1.5.0")
    #expect(try operate.shell("RELEASE=1.5.0 varve run release").contains("sbom: ok"))
    #expect(try !operate.shell("sha256sum /srv/bot/sbom/bot.spdx.json.sig").hasPrefix(signature))
    let dumped = try operate.type(
      "varve dump latest /srv/bot/sbom/bot.spdx.json.sig --tag release-1.4.0 --path /srv/bot/sbom | sha256sum"
    )
    #expect(dumped.text == signature + "  -\n")
    for part in ["sbom", "code"] {
      try operate.type(
        "varve restore latest:/srv/bot/\(part) --tag release-1.4.0 --path /srv/bot/\(part) --target /srv/bot/\(part) --safety --delete",
        showing: "restore --undo")
    }
    #expect(try operate.shell("sha256sum /srv/bot/sbom/bot.spdx.json.sig").hasPrefix(signature))
    try operate.here.expectEqual(
      operate.path("/srv/bot/code"), operate.here.root + "/code-1.4.0", "--skip-root")
    let verify =
      "cd /srv/bot && openssl pkeyutl -verify -rawin -pubin -inkey code/release.pub -in sbom/bot.spdx.json -sigfile sbom/bot.spdx.json.sig"
    try operate.type(verify, showing: "Signature Verified Successfully")
    #expect(
      try operate.shell("git -C /srv/bot/code rev-parse HEAD")
        == found["meta"]["commit"].string.map { $0 + "\n" })
    try operate.type("varve drill run release", showing: "drill signature of release passed")
    // What the check is worth.
    try operate.shell("echo >>/srv/bot/sbom/bot.spdx.json; varve run release")
    try operate.type("varve drill run release", exit: 23, showing: "Signature Verification Failure")
  }

  private func freshNode(_ operate: RunbookSession) throws {
    operate.step("A fresh node: the repository and the recovery key, and nothing else")
    try operate.shell("\(Self.control) stop; rm /srv/bot/risk-state.json.pre-restore-*")
    for profile in ["config", "caches", "risk", "sessions", "release", "secrets"] {
      #expect(try operate.here.varve("run", profile).code == 0)
    }
    let was = operate.here.root + "/was"
    try operate.shell(
      "mv /srv/bot \(was); rm -r \(was)/run \(was)/.env /etc/varve; cd \(operate.here.root); rm -rf cache state home/.[a-z]*; mkdir /etc/varve"
    )
    operate.here.environment["VARVE_KEY_FILE"] = nil
    try operate.type("varve key import /media/safe/recovery-key --new-key-file /etc/varve/bot.key")
    try operate.type("export VARVE_KEY_FILE=/etc/varve/bot.key")
    try operate.type(
      "varve restore latest:/etc/varve --path /etc/varve/varve.yaml --target /etc/varve")
    try operate.type("varve config check", showing: "nothing is wrong")
    try operate.type(
      "for profile in config caches risk sessions release secrets; do varve restore --profile $profile --yes || break; done",
      showing: "restoring env of secrets")
    try operate.here.expectEqual(operate.path("/srv/bot"), was, "--ignore", "mtime")
    for part in [
      "config/bot", "config/layouts", "cache/solver", "logs", "hands", "sbom", "code", "env",
    ] {
      try operate.here.expectEqual(operate.path("/srv/bot/\(part)"), "\(was)/\(part)")
    }
    let verify =
      "for path in config/bot config/layouts cache/solver risk-state.json logs hands sbom code env; do varve manifest latest --path /srv/bot/$path --absolute; done | sha256sum --check --quiet"
    try operate.type(verify)
    try operate.type("varve check --read-data", showing: "no damage found")
    try operate.type("git -C /srv/bot/code fsck --strict")
    try operate.type("\(Self.control) start")
    #expect(try status(operate)["mode"].string == "play")
    try operate.type("varve drill run caches --output /srv/bot/drill", showing: "passed")
    try operate.type(
      "varve proof verify /srv/bot/drill/proof.json --key \"$(varve cat config | grep -o '\"logKey\":\"[^\"]*' | cut -d '\"' -f 4)\"",
      showing: "the record is its document")
    try operate.here.expectAuthentic(operate.path("/srv/bot/drill/receipt.json"))
  }
}
