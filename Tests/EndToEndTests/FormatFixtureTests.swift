import Foundation
import Glibc
import Testing
import VarveTestThreads

/// Repositories of every format version that was ever released: each stays readable for ever. They are
/// made once, by `fixtures/generate/repository.sh`, and committed; a test works on a copy.
@Suite(.onOwnThreads) struct FormatFixtureTests {
  private func prepare(_ version: String) throws -> Workspace {
    let here = try Workspace()
    let fixture = Tools.sources + "/fixtures/repositories/" + version
    try here.copy(fixture + "/repository", to: here.repository)
    try here.copy(fixture, to: here.root + "/fixture")
    chmod(here.root + "/fixture/key-file", 0o600)
    here.environment["VARVE_KEY_FILE"] = here.root + "/fixture/key-file"
    here.environment["VARVE_PASSWORD_FILE"] = nil
    return here
  }

  @Test(arguments: ["v1", "v1-small-packs", "v1-block-keys"])
  func isListedCheckedAndRestored(version: String) throws {
    let here = try prepare(version)
    let fixture = here.root + "/fixture"
    let snapshots = try here.snapshots()
    let expected = try Document(
      parsing: String(decoding: here.read(fixture + "/snapshots.json"), as: UTF8.self))
    #expect(
      snapshots.compactMap { $0["id"].string } == expected.list.compactMap { $0["id"].string })
    try here.succeed("check", "--read-data")
    try here.succeed("log", "verify")
    for (number, snapshot) in snapshots.enumerated() {
      let target = here.root + "/restored-\(number)"
      try here.succeed("restore", try #require(snapshot["id"].string), "--target", target)
      let sums = try here.run(
        ["sha256sum", "--check", "--strict", "--quiet", fixture + "/sha256sums-\(number)"],
        directory: target)
      #expect(sums.code == 0, "\(sums.text)\(sums.errors)")
      // Owners need root, and inode flags a file system that has them.
      let list = try here.run([
        Tools.python, Tools.walker, "compare-list", fixture + "/tree-\(number).txt", target,
        "--skip-root", "--ignore",
        "flags", "--ignore", "uid", "--ignore", "gid",
      ])
      #expect(list.code == 0, "\(list.text)\(list.errors)")
    }
  }

  @Test func aPasswordUnlocksIt() throws {
    let here = try prepare("v1")
    here.environment["VARVE_KEY_FILE"] = nil
    here.environment["VARVE_PASSWORD_FILE"] = here.root + "/fixture/password"
    #expect(try here.snapshots().count == 2)
  }
}
