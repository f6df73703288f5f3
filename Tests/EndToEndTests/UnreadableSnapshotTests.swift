import Glibc
import Testing
import VarveTestThreads

/// One snapshot whose record is gone does not stop what is about the others.
@Suite(.onOwnThreads) struct UnreadableSnapshotTests {
  /// Snapshots of three days, of which one has lost its record.
  private func prepare(losing lost: Int?) throws -> (here: Workspace, ids: [String]) {
    let here = try Workspace()
    try here.initializeWithKeyFile()
    for day in 1...3 {
      try here.write("day \(day)", to: here.source + "/file")
      try here.backup("--time", "2026-03-0\(day) 12:00:00", here.source)
    }
    let ids = try here.snapshots().compactMap { $0["id"].string }
    try #require(ids.count == 3)
    if let lost {
      unlink(here.repository + "/snapshots/" + ids[lost])
      try here.remove(here.root + "/cache")
    }
    return (here, ids)
  }

  @Test func itIsListed() throws {
    let (here, ids) = try prepare(losing: 1)
    let outcome = try here.varve("snapshots", "--json")
    #expect(outcome.code == 20)
    let list = try outcome.document().list
    #expect(list.compactMap { $0["id"].string } == [ids[0], ids[2], ids[1]])
    #expect(list.map { $0["readable"].flag } == [nil, nil, false])
    #expect(list[2]["time"].string?.hasPrefix("2026-03-02") == true)
    let text = try here.varve("snapshots")
    #expect(text.code == 20)
    for id in ids { #expect(text.text.contains(id.prefix(8)), "\(text.text)") }
    #expect(text.text.contains("Cannot be read") && text.errors.contains("hint"))
    let groups = try here.varve("snapshots", "--group-by", "host", "--json").document().list
    #expect(groups.map { $0["snapshots"].list.count } == [2, 1])
    // One that is whole is listed as ever.
    #expect(try here.snapshots(ids[0]).count == 1)
    try here.fail(20, "snapshots", ids[1])
  }

  @Test func readingGoesOnWithTheOthers() throws {
    let (here, ids) = try prepare(losing: 0)
    let restored = try here.restoreSource()
    #expect(restored.code == 0, "\(restored.errors)")
    #expect(restored.errors.contains("warning") && restored.errors.contains(ids[0].prefix(8)))
    try here.expectEqual(here.source, here.target, "--skip-root")
    try here.succeed("diff", "latest~1", "latest")
    let found = try here.varve("find", "file")
    #expect(found.code == 20)
    #expect(found.text.contains(ids[1].prefix(8)) && found.text.contains(ids[2].prefix(8)))
    let counted = try here.varve("stats", "--json")
    #expect(counted.code == 20)
    #expect(try counted.document()["snapshots_count"].number == 2)
    // Nothing is said where a filter leaves it out.
    let nobody = try here.succeed("find", "file", "--tag", "other")
    #expect(!nobody.errors.contains(ids[0].prefix(8)))
  }

  @Test func whatMayBeTheLatestIsNotPassedOver() throws {
    let (here, ids) = try prepare(losing: 2)
    let outcome = try here.restoreSource()
    #expect(outcome.code == 20)
    #expect(outcome.errors.contains("may be latest") && outcome.errors.contains("by its id"))
    let named = try here.restoreSource(ids[1])
    #expect(named.code == 0, "\(named.errors)")
  }

  @Test func changesGoOnWithTheOthers() throws {
    let (here, ids) = try prepare(losing: 1)
    let tagged = try here.varve("tag", "--add", "x", "--json")
    #expect(tagged.code == 20)
    #expect(try tagged.message("summary")["changed_snapshot_count"].number == 2)
    let rewritten = try here.varve("rewrite", "--new-host", "elsewhere", "--forget", "--json")
    #expect(rewritten.code == 20)
    let summary = try rewritten.message("summary")
    #expect(summary["changed_snapshot_count"].number == 2)
    #expect(summary["forgotten_snapshot_count"].number == 2)
    let forgotten = try here.succeed("forget", "--keep-last", "1", "--json")
    let groups = try forgotten.document().list
    #expect(groups.map { $0["remove"].list.count } == [1, 0])
    #expect(groups.last?["keep"][0]["id"].string == ids[1])
    #expect(groups.last?["reasons"][0]["matches"].strings == ["record lost"])
    let told = try here.succeed("forget", "--keep-last", "1")
    #expect(told.errors.contains("kept") && told.errors.contains(ids[1].prefix(8)))
    // What it needs nobody knows, so nothing is deleted before it is parted with.
    try here.fail(20, "prune")
    try here.succeed("forget", ids[1], "--json")
    try here.succeed("prune", "--now", "--max-unused", "0")
    try here.succeed("check", "--read-data")
    #expect(try here.snapshots().count == 1)
  }

  @Test func theOthersAreCopied() throws {
    let (here, _) = try prepare(losing: 1)
    let copies = ["--repo", here.root + "/copies", "--password-file", here.passwordFile]
    let made = try here.varve(["init"] + copies)
    #expect(made.code == 0, "\(made.errors)")
    let from = ["--from-repo", here.repository, "--from-key-file", here.ownerKeyFile]
    let outcome = try here.varve(["copy"] + from + copies)
    #expect(outcome.code == 20 && outcome.text.contains("copied 2 snapshots"), "\(outcome.errors)")
    let listed = try here.varve(["snapshots", "--json"] + copies)
    #expect(try listed.document().list.count == 2)
  }

  /// A path behind an id is of no use to what acts on whole snapshots, which do not get smaller by it.
  @Test func aPartIsNotAWholeSnapshot() throws {
    let (here, ids) = try prepare(losing: nil)
    let part = "\(ids[0]):\(here.source)"
    let size = try here.succeed("log", "show", "--json").lines.count
    for command in [
      ["forget"], ["tag", "--add", "x"], ["hold", "add"], ["hold", "remove"],
      ["rewrite", "--exclude", "file"], ["rewrite", "--exclude", "file", "--forget"],
      ["repair", "snapshots", "--forget"], ["snapshots"], ["stats"], ["forget", "--dry-run"],
    ] {
      for selector in [part, "latest:/nosuch"] {
        let outcome = try here.varve(command + [selector])
        #expect(outcome.code == 64, "\(command): \(outcome.code)\n\(outcome.errors)")
        #expect(outcome.errors.contains("part of a snapshot"), "\(outcome.errors)")
      }
    }
    try here.fail(
      64, "find", "file", "--snapshot", part, saying: ["part of a snapshot"])
    try here.fail(64, "tag", "--add", "x", ids[0], part)
    let twice = try here.succeed("tag", "--add", "x", ids[0], "\(ids[0]):", "\(ids[0]):/")
    #expect(twice.text.contains("changed the tags of 1 snapshot"))
    #expect(try here.succeed("log", "show", "--json").lines.count == size + 2)
    #expect(try here.snapshots().count == 3)
  }

  @Test func whatWasRewrittenBeforeIsForgottenAndSaidSo() throws {
    let (here, ids) = try prepare(losing: nil)
    try here.succeed("rewrite", "--exclude", "file", ids[0], ids[1])
    let dry = try here.succeed("rewrite", "--exclude", "file", "--forget", "--dry-run", ids[0])
    #expect(dry.text.contains("it would be forgotten"))
    #expect(dry.text.contains("would forget 1 old snapshot"))
    let done = try here.succeed("rewrite", "--exclude", "file", "--forget", ids[0])
    #expect(done.text.contains("it is forgotten") && done.text.contains("forgot 1 old snapshot"))
    let json = try here.succeed("rewrite", "--exclude", "file", "--forget", "--json", ids[1])
    let present = try json.message("present")
    #expect(present["old_snapshot_id"].string == ids[1] && present["forgotten"].flag == true)
    #expect(try json.message("summary")["forgotten_snapshot_count"].number == 1)
    #expect(try here.snapshots().count == 3)
  }
}
