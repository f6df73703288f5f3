import Glibc
import Testing
import VarveTestThreads

/// Each exit code of docs/design.md, section 6, as a user meets it.
@Suite(.onOwnThreads) struct ExitCodeTests {
  @Test func success() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.succeed("backup", here.source)
    try here.succeed("check")
  }

  @Test func aSecondInitFails() throws {
    let here = try Workspace()
    try here.succeed("init")
    try here.fail(1, "init", saying: ["error", here.repository])
  }

  @Test func sourcesThatCannotBeReadGiveThree() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    let outcome = try here.fail(
      3, "backup", "--json", here.source, here.root + "/not there", saying: ["not there"])
    #expect(try outcome.message("summary")["snapshot_id"].string?.count == 64)
    #expect(try here.snapshots().count == 1)
  }

  @Test func unreadableFilesAreNamedAndTheRestIsSaved() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.write("secret", to: here.source + "/unreadable")
    try here.write("inside", to: here.source + "/closed/inside")
    try here.succeed("init")
    chmod(here.source + "/unreadable", 0)
    chmod(here.source + "/closed", 0)
    defer { chmod(here.source + "/closed", 0o700) }
    // Root reads everything, so somebody else does it.
    var command = [Tools.varve, "backup", "--json", here.source]
    if Tools.isRoot {
      _ = try here.run(["chown", "-R", "65534:65534", here.root])
      chmod(here.root, 0o755)
      command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] + command
    }
    let outcome = try here.run(command)
    #expect(outcome.code == 3, "\(outcome.code) \(outcome.errors)")
    #expect(outcome.errors.contains("unreadable"))
    #expect(outcome.errors.contains("closed"))
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    #expect(here.exists(here.target + "/hello.txt"))
    #expect(!here.exists(here.target + "/unreadable"))
  }

  @Test func noRepositoryGivesTen() throws {
    let here = try Workspace()
    let outcome = try here.fail(
      10, "snapshots", saying: ["error", "hint", "init", here.repository])
    #expect(outcome.output.isEmpty)
    try here.write("a file", to: here.root + "/elsewhere/file")
    try here.fail(10, "snapshots", "-r", here.root + "/elsewhere", saying: ["hint"])
  }

  @Test func aWrongPasswordGivesTwelve() throws {
    let here = try Workspace()
    try here.succeed("init")
    try here.write("not the password\n", to: here.root + "/wrong")
    try here.fail(12, "snapshots", "-p", here.root + "/wrong", saying: ["password", "hint"])
  }

  @Test func aForeignKeyFileGivesTwelveAndSaysSo() throws {
    let here = try Workspace()
    try here.succeed("init")
    try here.addKeyFile("mine")
    here.environment["VARVE_REPOSITORY"] = here.root + "/other"
    try here.succeed("init")
    here.environment["VARVE_PASSWORD_FILE"] = nil
    try here.fail(
      12, "snapshots", "--key-file", here.root + "/mine", saying: ["another repository", "hint"])
  }

  @Test func aNewerFormatIsNamedAndNothingIsTouched() throws {
    let here = try Workspace()
    try here.succeed("init")
    let generator = Tools.sources + "/fixtures/generate/newer-config.py"
    #expect(try here.run([Tools.python, generator, here.repository + "/config"]).code == 0)
    let before = here.objects()
    for command in ["snapshots", "check"] {
      try here.fail(1, command, saying: ["format 2", "hint", "newer"])
    }
    try here.fail(1, "backup", here.root + "/home", saying: ["format 2", "hint"])
    #expect(here.objects() == before)
  }

  @Test func damageGivesTwentyAndNamesTheObject() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.succeed("init")
    try here.backup()
    let pack = try #require(here.objects("packs/").first)
    unlink(here.repository + "/" + pack)
    try here.fail(20, "check", saying: [String(pack.suffix(64).prefix(8)), "hint"])
  }

  @Test func usageErrorsGiveSixtyFour() throws {
    let here = try Workspace()
    try here.fail(64, "no-such-verb")
    try here.fail(64, "backup", "--no-such-option", here.source)
    try here.fail(64, "backup")
    try here.fail(64, "restore", "latest", "--target", here.target, "--overwrite", "perhaps")
    here.environment["VARVE_REPOSITORY"] = nil
    try here.fail(64, "snapshots", saying: ["repo"])
  }

  @Test(arguments: [SIGINT, SIGTERM]) func interruptionGivesOneHundredAndThirty(signal: Int32)
    throws
  {
    let here = try Workspace()
    var generator = SeededGenerator(seed: UInt64(signal))
    try here.makeSmallTree()
    try here.succeed("init")
    try here.backup()
    let running = try here.start("backup", "--stdin", "--stdin-filename", "endless", input: nil)
    // More than the pipe holds: the write returns only when the other side has begun to read.
    try running.feed(generator.bytes(4 << 20))
    running.send(signal)
    let outcome = try running.wait(limit: 60)
    #expect(
      outcome.code == 130, "\(outcome.code), signal \(outcome.signal ?? 0): \(outcome.errors)")
    #expect(try here.snapshots().count == 1)
    try here.succeed("check", "--read-data")
    try here.backup()
  }

  @Test func aRestoreCanBeInterruptedToo() throws {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 3)
    for number in 0..<60 {
      try here.write(generator.bytes(4 << 20), to: here.source + "/\(number)")
    }
    try here.succeed("init")
    try here.backup()
    let running = try here.start("restore", "latest", "--target", here.target)
    while !running.ended(within: 1) && !here.exists(here.target + here.source + "/0") {}
    running.send(SIGINT)
    let outcome = try running.wait(limit: 60)
    #expect(outcome.code == 130 || outcome.code == 0, "\(outcome.code): \(outcome.errors)")
    try here.succeed("restore", "latest", "--target", here.target)
    try here.expectEqual(here.source, here.target + here.source)
  }
}
