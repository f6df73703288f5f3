import Foundation
import Glibc
import Testing
import VarveTestThreads

/// The platform team's runbook (docs/runbooks.md, section C): databases, tenants, the service, a lost server.
@Suite(.onOwnThreads) struct ScenarioCTests {
  /// Seven databases, nightly, kept 30 days, and put back as of a date.
  @Test func scenarioC() throws {
    let platform = try Platform("C. Seven databases, every night")
    let here = platform.here
    try platform.start()
    let nights = 33
    var before: [Int] = []
    var after: [Int] = []
    for night in 0..<nights {
      before.append(try platform.committed())
      let isTold = night == 0 || night == nights - 1
      let time = "-\(nights - 1 - night)d"
      if night == 16 {
        platform.say("the host keeps nothing: cache and state are lost, and it goes on")
        try platform.type("rm -rf ~/../cache ~/../state", at: time)
      }
      let run = try platform.type("varve run databases", at: time, showing: isTold ? 8 : 0)
      for name in Platform.databases { #expect(run.text.contains("  \(name): ok: snapshot ")) }
      after.append(try platform.committed())
    }
    var kept: [String: [Document]] = [:]
    for name in Platform.databases {
      let found = try platform.snapshots("databases", name)
      #expect(found.count == 30, "\(name): \(found.count)")
      kept[name] = found
    }
    #expect(try here.snapshots().count == 7 * 30)
    // What the last timer finds: the containers, for the first time, and the drill of the month.
    try platform.type("varve run --due", showing: 20)
    #expect(try here.snapshots().count == 7 * 30 + 4)
    // Of the databases nothing stays here, not even a copy of one.
    for directory in ["/cache", "/state", "/drills"] {
      let copies = try here.run([
        "grep", "-rl", "SQLite format 3", here.root + directory,
      ])
      #expect(copies.text.isEmpty, "\(copies.text)")
    }

    try restoreOfADate(platform, kept, before, after)
    try restoreUnderACrash(platform)
    try aSpoiltDatabase(platform)
    try drills(platform)
  }

  private func restoreOfADate(
    _ platform: Platform, _ kept: [String: [Document]], _ before: [Int], _ after: [Int]
  ) throws {
    let here = platform.here
    // The 20th of the nights that are kept.
    let time = try #require(kept["auth"]?[19]["time"].string)
    platform.say("back to the night of \(time.prefix(10)), while the platform runs")
    let restore = try platform.type(
      "varve restore --profile databases --at '\(time.prefix(10)) 23:59:59' --keep-existing --json",
      showing: 7)
    let sources = try restore.documents().filter { $0["message_type"].string == "source" }
    #expect(sources.compactMap { $0["source"].string } == Platform.databases)
    #expect(sources.allSatisfy { $0["databases_checked"].number == 1 })
    #expect(
      restore.seconds < 15 * 60, "all seven took \(restore.seconds) s, and 15 min are the target")
    platform.say(
      "all seven: \(String(format: "%.1f", restore.seconds)) s, and 15 min are the target")
    let log = String(decoding: try here.read(platform.root + "/docker.log"), as: UTF8.self)
    #expect(log == "stop platform\nstart platform\n")
    let last = try platform.committed()
    for (index, name) in Platform.databases.enumerated() {
      let path = platform.root + "/db/\(name).db"
      // Checked before anything is opened for writing.
      let snapshot = try #require(kept[name]?[19]["id"].string)
      #expect(sources[index]["snapshot_id"].string == snapshot)
      #expect(try here.read(path) == here.succeed("dump", snapshot, path).output)
      let number = try platform.transactions(in: path)
      #expect((before[22]...after[22] + 1).contains(number), "\(name): \(number)")
      let aside = try aside(platform, name)
      #expect(aside.count == 1)
      #expect(try platform.transactions(in: try #require(aside.first)) >= last, "\(name)")
    }
    try platform.type("ls ${PLATFORM}/db | grep pre-restore", showing: 7)
    try platform.type("rm ${PLATFORM}/db/*.pre-restore-*")
  }

  /// What was there before, moved aside.
  private func aside(_ platform: Platform, _ name: String) throws -> [String] {
    let directory = platform.root + "/db"
    return try FileManager.default.contentsOfDirectory(atPath: directory)
      .filter { $0.hasPrefix("\(name).db.pre-restore-") && $0.hasSuffix("Z") }
      .map { "\(directory)/\($0)" }
  }

  /// What programs that were killed have committed is in their journals, which are kept beside.
  private func restoreUnderACrash(_ platform: Platform) throws {
    try platform.start()
    let first = try platform.committed()
    while try platform.committed() < first + 20 {}
    try platform.kill()
    let last = try platform.committed()
    platform.say("the platform was killed, and left its journals; one database is gone")
    unlink(platform.root + "/db/quotas.db")
    let restore = try platform.type(
      "varve restore --profile databases --source billing --source quotas --keep-existing")
    #expect(restore.seconds < 2 * 5 * 60)
    for name in ["billing", "quotas"] {
      let path = platform.root + "/db/\(name).db"
      #expect(!platform.here.exists(path + "-wal"))
      let newest = try #require(try platform.snapshots("databases", name).last?["id"].string)
      #expect(
        try platform.here.read(path) == platform.here.succeed("dump", newest, path).output)
    }
    let aside = try aside(platform, "billing")
    #expect(try platform.transactions(in: try #require(aside.first)) >= last)
  }

  /// One that is not whole in the repository takes no other's place, and keeps all others out.
  private func aSpoiltDatabase(_ platform: Platform) throws {
    let here = platform.here
    let path = platform.root + "/db/billing.db"
    let time = try #require(try platform.snapshots("databases", "billing").last?["time"].string)
    try here.copy(path, to: here.root + "/spoilt.db")
    try platform.spoil(here.root + "/spoilt.db")
    try here.succeed(
      "backup", here.root + "/spoilt.db", "--as-path", path, "--meta", "profile=databases",
      "--meta", "source=billing")
    platform.say("a database that is spoilt in the repository")
    _ = try here.run(["sqlite3", platform.root + "/db/auth.db", "delete from sessions"])
    try here.copy(platform.root + "/db", to: here.root + "/db-before")
    let refused = try platform.type(
      "varve restore --profile databases --keep-existing", code: 1)
    #expect(refused.errors.contains("the database billing.db is not whole"))
    try here.expectEqual(platform.root + "/db", here.root + "/db-before")
    let drill = try platform.type("varve drill run databases one-database", code: 23)
    #expect(drill.errors.contains("integrity"), "\(drill.errors)")
    platform.say("the newest before it is whole")
    try platform.type("varve restore --profile databases --at '\(time)'", showing: 2)
    #expect(try platform.transactions(in: path) > 0)
    #expect(try platform.transactions(in: platform.root + "/db/auth.db") > 0)
    let bad = try #require(try platform.snapshots("databases", "billing").last?["id"].string)
    try platform.type("varve forget \(bad.prefix(8)) --override-policy")
  }

  private func drills(_ platform: Platform) throws {
    let here = platform.here
    platform.say("the drill of the month, by hand, with its proof")
    let drill = try platform.type(
      "varve drill run databases --output ~/proof --json", showing: 0)
    let passed = try drill.documents().filter { $0["message_type"].string == "drill" }
    #expect(passed.map { $0["result"].string } == ["passed", "passed"])
    #expect(passed.map { $0["recovery_time_target"].number } == [900, 300])
    #expect(passed.allSatisfy { ($0["recovery_time_seconds"].double ?? 0) > 0 })
    let steps = try drill.documents().filter { $0["message_type"].string == "drill_step" }
    #expect(steps.filter { $0["kind"].string == "integrity" }.count == 8)
    #expect(steps.filter { $0["kind"].string == "tables" }.count == 8)
    try platform.type("varve drill trend databases", showing: 8)
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: here.root + "/drills") == [".keep"])
    try platform.type("varve cat config | head -1 | jq -r .logKey >~/log.vkey")
    for name in ["monthly", "one-database"] {
      try platform.type(
        "varve proof verify ~/proof/\(name)/receipt.json --key ~/log.vkey --file ~/proof/\(name)/drill.json",
        showing: 2)
      try here.expectAuthentic("\(here.root)/home/proof/\(name)/receipt.json")
    }
    platform.say("a table that is not there")
    let text = String(
      decoding: try here.read(platform.configuration + "/varve.yaml"), as: UTF8.self)
    try here.write(
      text.replacing("tables: {events: 1}", with: "tables: {events: 1, refunds: 1}"),
      to: here.root + "/etc/varve/other.yaml")
    let failed = try platform.type(
      "varve drill run databases monthly --config ${VARVE_CONFIG%/*}/other.yaml", code: 23)
    #expect(failed.errors.contains("refunds"), "\(failed.errors)")
  }
}
