import Foundation
import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct CopyCommandTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.succeed("init")
    try here.makeOtherRepository()
    return here
  }

  private static func from(_ here: Workspace) -> [String] {
    ["--from-repo", here.otherRepository, "--from-key-file", here.otherKeyFile]
  }

  private func copy(_ here: Workspace, _ arguments: String...) throws -> Outcome {
    try here.varve(["copy"] + Self.from(here) + arguments)
  }

  @Test func everyKindOfEntryComesBackTheSame() throws {
    let here = try Workspace()
    try here.makeAwkwardTree()
    try here.succeed("init")
    try here.makeOtherRepository(keepsOriginals: false)
    let saved = try here.varve(
      "backup", "--json", here.source, "--repo", here.otherRepository)
    #expect(saved.code == 0, "\(saved.errors)")
    let outcome = try copy(here, "latest", "--json")
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(try outcome.message("summary")["copied_snapshots"].number == 1)
    let restored = try here.restoreSource()
    #expect(restored.code == 0, "\(restored.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root", "--skip", "socket")
    try here.succeed("check", "--read-data")
    try here.succeed("log", "verify")
  }

  /// What is missing is the source's password, so what is said is how to give that.
  @Test func withoutTheSourcesPassword() throws {
    let here = try prepare()
    let outcome = try here.run([
      "setsid", "--wait", Tools.varve, "copy", "--from-repo", here.otherRepository,
    ])
    #expect(outcome.code == 64)
    #expect(outcome.errors.contains("VARVE_FROM_PASSWORD_FILE"), "\(outcome.errors)")
    #expect(outcome.errors.contains("--from-password-file"))
    let held = try copy(here, "--holds", "--json")
    #expect(held.code == 0, "\(held.errors)")
    let summary = try held.message("summary")
    #expect(summary["held_snapshots"].number == 0 && summary["gone_snapshots"].number == 0)
  }

  /// Names, sizes and times of all that is there.
  private func listing(_ directory: String) throws -> [String] {
    let names =
      FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
    return try (names + [""]).sorted().map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: "\(directory)/\(name)")
      return "\(name) \(attributes[.size] ?? 0) \(attributes[.modificationDate] ?? 0)"
    }
  }

  @Test func theSourceIsOnlyRead() throws {
    let here = try prepare()
    // Derived objects that are missing would be written by whoever holds the log key.
    unlink(here.otherRepository + "/log/checkpoint")
    let before = try listing(here.otherRepository)
    _ = try here.run(["chmod", "-R", "a-w", here.otherRepository])
    let outcome = try copy(here)
    #expect(outcome.code == 0, "\(outcome.errors)")
    #expect(!outcome.errors.contains("warning"))
    #expect(outcome.text.contains("copied 2 snapshots"))
    #expect(try listing(here.otherRepository) == before)
    _ = try here.run(["chmod", "-R", "u+w", here.otherRepository])
    let again = try copy(here)
    #expect(again.code == 0 && again.text.contains("copied 0 snapshots; 2 were there already"))
  }

  @Test func filtersAndIds() throws {
    let here = try prepare()
    let none = try copy(here, "--host", "nowhere")
    #expect(none.code == 0 && none.text.contains("copied 0 snapshots"))
    let dry = try copy(here, "--dry-run", "--json")
    #expect(dry.code == 0)
    #expect(try dry.documents().filter { $0["message_type"].string == "would_copy" }.count == 2)
    #expect(try here.snapshots().isEmpty)
    let one = try copy(here, "latest", "--json")
    let message = try one.message("copied")
    let copied = try here.snapshots()
    #expect(copied.count == 1)
    #expect(copied[0]["id"].string == message["snapshot_id"].string)
    #expect(copied[0]["original"].string == message["source_snapshot_id"].string)
  }

  @Test func mistakes() throws {
    let here = try prepare()
    try here.fail(64, "copy", saying: ["no source repository", "--from-repo"])
    try here.fail(
      10, "copy", "--from-repo", here.root + "/none", "--from-key-file", here.otherKeyFile)
    try here.write("wrong", to: here.root + "/wrong")
    try here.fail(
      12, "copy", "--from-repo", here.otherRepository, "--from-password-file", here.root + "/wrong",
      saying: ["password"])
    try here.fail(
      64, "copy", "--repo", here.otherRepository, "--from-repo", here.otherRepository,
      "--from-key-file", here.otherKeyFile, saying: ["same repository"])
    try here.fail(
      64, "copy", "--from-repo", here.otherRepository, "--from-password-file", here.passwordFile,
      "--from-key-file", here.otherKeyFile)
    #expect(try here.snapshots().isEmpty)
  }

  @Test func theEnvironmentNamesTheSource() throws {
    let here = try prepare()
    here.environment["VARVE_FROM_REPOSITORY"] = here.otherRepository
    here.environment["VARVE_FROM_PASSWORD_FILE"] = here.passwordFile
    #expect(try here.succeed("copy").text.contains("copied 2 snapshots"))
    here.environment["VARVE_FROM_PASSWORD_FILE"] = nil
    here.environment["VARVE_FROM_PASSWORD"] = here.password
    #expect(try here.succeed("copy").text.contains("copied 0 snapshots"))
  }

  @Test func damageIsNamedAndTheExitCodeSaysSo() throws {
    let here = try prepare()
    for name in here.objects("packs/", repository: here.otherRepository) {
      let path = "\(here.otherRepository)/\(name)"
      var bytes = try here.read(path)
      for place in stride(from: 130, to: bytes.count, by: 100) { bytes[place] ^= 1 }
      _ = try here.run(["chmod", "u+w", path])
      try here.write(bytes, to: path)
    }
    let outcome = try copy(here)
    #expect(outcome.code == 20)
    #expect(outcome.errors.contains("2 snapshots could not be copied"))
    #expect(try here.snapshots().isEmpty)
    try here.succeed("check")
  }
}

@Suite(.onOwnThreads) struct RewriteCommandTests {
  @Test func pathsAreTakenOut() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    for number in 1...2 {
      try here.write("\(number)", to: here.source + "/changing")
      try here.backup()
    }
    let dry = try here.succeed("rewrite", "--exclude", "file0", "--dry-run")
    #expect(dry.text.contains("would rewrite 2 snapshots") && dry.text.contains("without 1 file"))
    let excluded = here.source + "/dir1"
    let outcome = try here.succeed(
      "rewrite", "-e", "FILE0", "--iexclude", "FILE0", "--exclude", excluded, "--forget", "--json")
    let changes = try outcome.documents().filter { $0["message_type"].string == "changed" }
    #expect(changes.count == 2)
    #expect(
      try here.snapshots().compactMap { $0["id"].string }
        == changes.compactMap { $0["new_snapshot_id"].string })
    try here.succeed("prune", "--now")
    try here.succeed("check", "--read-data")
    try here.remove(excluded)
    unlink(here.source + "/dir0/file0")
    let restored = try here.restoreSource()
    #expect(restored.code == 0, "\(restored.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root", "--ignore", "mtime")
    let again = try here.succeed("rewrite", "--iexclude", "file0")
    #expect(again.text.contains("rewrote 0 snapshots; nothing to do in 2 others"))
    try here.fail(64, "rewrite", saying: ["--exclude"])
  }

  @Test func aHoldIsInTheWay() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    let id = try #require(try here.backup()["snapshot_id"].string)
    try here.succeed("hold", "add", "--reason", "audit", id)
    try here.fail(
      1, "rewrite", "--exclude", "file0", "--forget", saying: ["holds it", "hold remove"])
    #expect(try here.snapshots().compactMap { $0["id"].string } == [id])
    let time = try here.succeed(
      "rewrite", "--new-host", "elsewhere", "--new-time", "2020-01-02 03:04:05")
    #expect(time.text.contains("rewrote 1 snapshot"))
    let new = try #require(try here.snapshots().first)
    #expect(new["hostname"].string == "elsewhere" && new["original"].string == id)
    #expect(new["time"].string?.hasPrefix("2020-01-02T03:04:05") == true)
    #expect(new["tags"].strings == ["rewrite"])
  }
}
