import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Whether backups are good where a clock was wrong, where only parts were checked, and for a writer.
@Suite(.onOwnThreads) struct StatusTimeTests {
  private func prepare(repository: String = "") throws -> Workspace {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    try here.makeSmallTree()
    try here.write("old", to: here.source + "/file")
    try here.write(
      """
      repositories:
        main: {location: \(here.repository), key-file: \(here.ownerKeyFile)\(repository)}
      profiles:
        web:
          max-age: 26h
          sources: [{name: data, path: \(here.source)}]
          drills: {small: {rpo: 1d, checks: [{path: \(here.source)/file, minimum-size: 11}]}}
      """, to: here.configurationFile)
    return here
  }

  /// The state of the one thing, where it is later by `clock`.
  private func expect(
    _ part: String, _ kinds: [String], _ here: Workspace, code: Int32 = 21,
    clock: String? = nil, at location: SourceLocation = #_sourceLocation
  ) throws {
    let varve = Tools.clock(clock) + [Tools.varve]
    let outcome = try here.run(varve + ["status", "--config", here.configurationFile, "--json"])
    #expect(outcome.code == code, "\(outcome.text)", sourceLocation: location)
    let found = try outcome.document()[part].list.first?["problems"].list.map { $0["kind"].string }
    #expect(found == kinds, "\(outcome.text)", sourceLocation: location)
  }

  /// Once the clock was some years ahead.
  @Test func oneRunOfTheFuture() throws {
    let here = try prepare()
    let first = try here.varve(at: "+1200d", "run", "--config", here.configurationFile, "web")
    try #require(first.code == 0, "\(first.errors)")
    try expect("sources", ["stale", "future"], here)
    try here.write("new content", to: here.source + "/file")
    #expect(try here.runProfiles("web").code == 0)
    try expect("sources", [], here, code: 0)
    try expect("sources", ["stale"], here, clock: "+400d")
    // It is not what is restored, in drills either.
    try here.succeed("drill", "run", "--config", here.configurationFile, "web")
    try here.write("spoilt", to: here.source + "/file")
    try here.succeed("restore", "--profile", "web", "--config", here.configurationFile)
    #expect(try here.text(of: here.source + "/file") == "new content")
    try here.remove(here.source)
    #expect(try here.runProfiles("web").code != 0)
    try expect("sources", ["failed"], here)
  }

  /// Nor is a failure hidden that comes right after it.
  @Test func aFailureBehindARunOfTheFuture() throws {
    let here = try prepare()
    let first = try here.varve(at: "+1200d", "run", "--config", here.configurationFile, "web")
    try #require(first.code == 0, "\(first.errors)")
    try here.remove(here.source)
    #expect(try here.runProfiles("web").code != 0)
    try expect("sources", ["failed", "future"], here)
    // The failure's receipt shows that it was there by then.
    try expect("sources", ["failed", "stale", "future"], here, clock: "+3d")
  }

  /// Damage stays until somebody looks there again.
  @Test func damageIsNotForgotten() throws {
    let here = try prepare()
    #expect(try here.runProfiles("web").code == 0)
    let pack = try here.largestPack()
    let whole = try here.read(pack)
    chmod(pack, 0o600)
    try here.write(whole.map { $0 ^ 1 }, to: pack)
    #expect(try here.varve("check", "--read-data").code == 20)
    // Another object goes and comes back.
    let record = here.repository + "/" + (try #require(here.objects("snapshots/").first))
    let kept = try here.read(record)
    try here.remove(record)
    #expect(try here.varve("check").code == 20)
    try here.write(kept, to: record)
    try here.succeed("check")
    try expect("repositories", ["damaged"], here)
    try here.write(whole, to: pack)
    try here.succeed("check")
    try expect("repositories", ["damaged"], here)
    try here.succeed("check", "--read-data")
    try expect("repositories", [], here, code: 0)
  }

  @Test func partsAreAllWhenTogether() throws {
    let here = try prepare(repository: ", max-unverified-age: 30d")
    // So many packs that each part has some: their names, which are random, say which.
    for number in 0..<8 {
      try here.write("\(number)", to: here.source + "/dir0/changing")
      #expect(try here.runProfiles("web").code == 0)
    }
    try here.succeed("check", "--read-data-subset", "1/2")
    try expect("repositories", ["unverified"], here)
    try here.succeed("check", "--read-data-subset", "2/2")
    try expect("repositories", [], here, code: 0)
    // The pack is in one of them.
    let pack = try here.largestPack()
    let whole = try here.read(pack)
    chmod(pack, 0o600)
    try here.write(whole.map { $0 ^ 1 }, to: pack)
    let isFirst = try here.varve("check", "--read-data-subset", "1/2").code == 20
    let (bad, other) = isFirst ? ("1/2", "2/2") : ("2/2", "1/2")
    #expect(try here.varve("check", "--read-data-subset", bad).code == 20)
    try here.succeed("check", "--read-data-subset", other)
    try expect("repositories", ["damaged"], here)
    try here.write(whole, to: pack)
    try here.succeed("check", "--read-data-subset", bad)
    try expect("repositories", [], here, code: 0)
    try expect("repositories", ["unverified"], here, clock: "+31d")
    try here.succeed("check", "--read-data-subset", "100%")
    try expect("repositories", [], here, code: 0)
  }

  /// A writer's credential opens no records, but its host's backups may be too old all the same.
  @Test func aWriterJudgesByTheLog() throws {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    let writer = here.root + "/writer"
    try here.addKeyFile("writer", role: "writer")
    func status(_ options: String...) throws -> Outcome {
      try here.varve(["status", "--key-file", writer] + options)
    }
    #expect(try status("--max-age", "26h").text.contains("any: never"))
    try here.write("content", to: here.source + "/file")
    try here.succeed(
      "backup", here.source, "--key-file", writer, "--time", "2026-01-01 12:00:00")
    let stale = try status("--max-age", "26h")
    #expect(stale.code == 21 && stale.text.contains(": stale: the newest"), "\(stale.text)")
    #expect(stale.errors.contains("opens no records"))
    #expect(try status().code == 0, "any age will do")
    // An entry of today with data of then.
    try here.succeed("tag", "--add", "kept", "latest")
    let tagged = try status("--max-age", "26h", "--json")
    #expect(tagged.code == 21, "\(tagged.text)")
    let source = try #require(tagged.document()["sources"].list.first)
    #expect(source["evidence"].string == "log" && source["state"].string == "stale")
    #expect(source["source"].string?.hasPrefix("id ") ?? false)
    try here.succeed("backup", here.source, "--key-file", writer)
    let good = try status("--max-age", "26h")
    #expect(good.code == 0, "\(good.text)")
  }
}
