import Foundation
import Glibc
import Testing
import VarveTestThreads

/// From damage back to a repository that is whole, by the commands that `check` and its hints name.
@Suite(.onOwnThreads) struct RepairTests {
  private func prepare() throws -> (Workspace, first: String) {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.useKeyFile()
    usleep(50_000)
    let first = try #require(try here.backup()["snapshot_id"].string)
    try here.copy(here.source, to: here.root + "/before")
    try here.write("new\n", to: here.source + "/dir0/new")
    try here.backup()
    return (here, first)
  }

  private func expectRestored(_ here: Workspace, _ snapshot: String, _ source: String) throws {
    try here.remove(here.target)
    let outcome = try here.restoreSource(snapshot)
    #expect(outcome.code == 0, "\(outcome.errors)")
    try here.expectEqual(source, here.target, "--skip-root")
  }

  @Test(arguments: ["flipped", "removed"])
  func aDamagedPackHealsByABackup(how: String) throws {
    let (here, first) = try prepare()
    let pack = try here.largestPack()
    var bytes = try here.read(pack)
    bytes[bytes.count / 2] ^= 1
    if how == "removed" {
      try FileManager.default.removeItem(atPath: pack)
    } else {
      try here.write(bytes, to: pack)
    }
    let command = how == "removed" ? "varve repair index" : "varve repair packs"
    let found = try here.fail(20, "check", "--read-data", saying: [command])
    #expect(found.text.contains("dir0/file0"))
    #expect(found.text.contains(first.prefix(8)))
    if how == "removed" { try here.fail(20, "repair", "snapshots", saying: ["repair index"]) }

    let planned = try here.succeed("repair", "packs", "--dry-run")
    #expect(planned.text.contains("lost: packs/"))
    try here.fail(20, "check", "--read-data", saying: [command])
    try here.succeed("repair", "packs")
    try here.fail(20, "check", saying: ["back up the same files", "repair snapshots"])
    try here.fail(20, "prune", saying: ["repair snapshots --forget"])
    let would = try here.succeed("repair", "snapshots", "--dry-run")
    #expect(would.text.contains("/dir0/file0"))

    try here.backup()
    try here.succeed("check", "--read-data")
    #expect(try here.succeed("repair", "snapshots").text.contains("each is whole"))
    try expectRestored(here, first, here.root + "/before")
    #expect(try here.succeed("prune", "--now").text.contains("1 lost object"))
    #expect(!here.exists(pack))
    try here.succeed("check", "--read-data")
    try here.succeed("log", "verify")
  }

  @Test func lostIndexSegments() throws {
    let (here, first) = try prepare()
    for name in here.objects("index/") {
      try FileManager.default.removeItem(atPath: here.repository + "/" + name)
    }
    try here.fail(20, "ls", "--no-cache", "latest", saying: ["index/"])
    try here.fail(20, "check", saying: ["repair index"])
    let planned = try here.succeed("repair", "index", "--dry-run", "--json").document()
    #expect(planned["message_type"].string == "plan" && planned["lost"].list.count == 2)
    try here.succeed("repair", "index", "--no-cache")
    try here.succeed("check", "--read-data", "--no-cache")
    try expectRestored(here, "latest", here.source)
    #expect(try here.restoreSource(first, "--no-cache", "--overwrite", "always").code == 0)
    #expect(try here.succeed("repair", "index").text.contains("nothing to do"))
  }

  @Test func whatIsLostForGoodIsPartedWith() throws {
    let (here, first) = try prepare()
    try FileManager.default.removeItem(atPath: try here.largestPack())
    try here.succeed("hold", "add", "--reason", "evidence", first)
    try here.succeed("repair", "index")
    let marked = try here.succeed("repair", "snapshots", "--mark", "--json")
    let messages = try marked.lines.map { try Document(parsing: $0) }
    let touched = try #require(messages.first)
    #expect(touched["old_snapshot_id"].string == first)
    #expect(touched["forgotten"].bool == false)
    #expect(
      touched["unreadable"].list.contains {
        ($0["path"].string ?? "").hasSuffix("/dir0/file0")
          && $0["mark"].string == "file0.unreadable"
      })
    let new = try #require(touched["new_snapshot_id"].string)
    #expect(try here.succeed("ls", new).text.contains("/dir0/file0.unreadable"))
    #expect(try here.snapshots().count == 4)

    let said = try here.succeed("repair", "snapshots", "--forget")
    #expect(said.text.contains("holds it, so it stays"))
    let left = try here.snapshots()
    #expect(left.contains { $0["id"].string == first }, "a held snapshot stays")
    #expect(left.contains { $0["original"].string == first && $0["id"].string != new })
    try here.succeed("hold", "remove", first)
    try here.succeed("repair", "snapshots", "--forget")
    try here.succeed("check")
    try here.succeed("prune", "--now")
    try here.succeed("check", "--read-data")
    // The change cache describes a snapshot that had more.
    try here.backup()
    try expectRestored(here, "latest", here.source)
    #expect(try here.succeed("repair", "snapshots").text.contains("nothing to do"))
  }

  @Test func undoOfWhatWasSweptSaysSo() throws {
    let (here, first) = try prepare()
    try here.succeed("forget", first)
    try here.succeed("prune", "--now", "--max-unused", "0")
    try here.fail(1, "undo", String(first.prefix(8)), saying: ["swept", "hint"])
  }

  @Test func usage() throws {
    let (here, _) = try prepare()
    try here.fail(64, "repair", "everything", saying: ["hint"])
    try here.fail(1, "repair", "packs", "ffffffffffff", saying: ["no live pack"])
    try here.fail(1, "repair", "snapshots", "ffffffffffff", saying: ["no snapshot"])
    #expect(try here.succeed("repair", "--help").text.contains("snapshots"))
    #expect(try here.succeed("repair", "packs").text.contains("nothing to do"))
  }
}
