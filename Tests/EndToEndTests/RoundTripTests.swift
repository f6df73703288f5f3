import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct RoundTripTests {
  @Test func awkwardTreeComesBackEqual() throws {
    let here = try Workspace()
    try here.makeAwkwardTree(
      "--sparse-size", "\(1 << 30)", "--siblings", "\(Tools.rounds(20_000, soak: 1_000_000))")
    try here.initializeWithKeyFile()
    // By a relative path: parents of an absolute one are saved too, and theirs changes with every other test.
    let first = try here.varve("backup", "--json", ".", directory: here.source).message("summary")
    let second = try here.varve("backup", "--json", ".", directory: here.source).message("summary")
    #expect(try #require(first["data_added"].number) > 0)
    #expect(second["data_added"].number == 0, "a second backup of the same tree stores nothing")
    #expect(second["data_blobs"].number == 0)
    #expect(second["tree_blobs"].number == 0)
    #expect(second["files_new"].number == 0)
    // Two of them have times in the future, which no cache can trust.
    #expect(try #require(second["files_changed"].number) <= 2)
    #expect(try #require(second["dirs_changed"].number) <= 1)

    try here.succeed("restore", "latest", "--target", here.target)
    try here.expectEqual(here.source, here.target, "--skip", "socket", "--skip-root")
    try here.succeed("check", "--read-data")
    try here.succeed(
      "restore", "latest", "--target", here.target, "--verify", "--overwrite", "if-changed")
    try here.expectEqual(here.source, here.target, "--skip", "socket", "--skip-root")

    try here.backup()
    try here.succeed("restore", "latest", "--target", here.root + "/whole")
    try here.expectEqual(here.source, here.root + "/whole" + here.source, "--skip", "socket")
  }

  @Test func aSubtreeIsRestoredIntoTheTargetItself() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.backup()
    let outcome = try here.restoreSource()
    #expect(outcome.code == 0, "\(outcome.errors)")
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func tenGibibytesOfHolesWithThreeIslands() throws {
    let here = try Workspace()
    try here.makeAwkwardTree(
      "--sparse-size", "\(10 << 30)", "--siblings", "1", "--tiny", "1", "--depth", "2")
    let sparse = here.source + "/sparse"
    try here.initializeWithKeyFile()
    try here.backup(sparse)
    #expect(here.storedBytes() < 4 << 20, "holes cost next to nothing")
    try here.succeed("restore", "latest", "--target", here.target)
    try here.expectEqual(sparse, here.target + sparse)
  }

  @Test func movedAndShiftedContentIsStoredOnce() throws {
    let here = try Workspace()
    var generator = SeededGenerator(seed: 5)
    let content = generator.bytes(12 << 20)
    try here.write(content, to: here.source + "/original")
    try here.initializeWithKeyFile()
    let first = try here.backup()
    rename(here.source + "/original", here.source + "/renamed")
    try here.write(generator.bytes(100) + content, to: here.source + "/shifted")
    let second = try here.backup()
    let added = try #require(second["data_added"].number)
    #expect(try added * 2 < #require(first["data_added"].number), "\(added) bytes added")
    _ = try here.restoreSource()
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func everyCompressionLevelRestoresTheSame() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.write(
      [UInt8](repeating: 7, count: 3 << 20) + Array("text\n".utf8),
      to: here.source + "/compressible")
    for level in ["off", "fastest", "auto", "better", "max"] {
      here.environment["VARVE_REPOSITORY"] = here.root + "/repository-" + level
      try here.succeed("init")
      try here.backup(here.source, "--compression", level)
      try here.succeed("check", "--read-data")
      let target = here.root + "/target-" + level
      try here.succeed("restore", "latest:\(here.source)", "--target", target)
      try here.expectEqual(here.source, target, "--skip-root")
    }
  }

  @Test func ownersAreMatchedByNameWhenAsked() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.initializeWithKeyFile()
    try here.backup()
    try here.succeed(
      "restore", "latest:\(here.source)", "--target", here.target, "--ownership-by-name")
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func accessTimesAreKeptWhenAsked() throws {
    let here = try Workspace()
    try here.makeSmallTree()
    let times = [
      timespec(tv_sec: 1_000_000_000, tv_nsec: 123), timespec(tv_sec: 1_100_000_000, tv_nsec: 456),
    ]
    utimensat(AT_FDCWD, here.source + "/hello.txt", times, 0)
    try here.initializeWithKeyFile()
    try here.backup(here.source, "--with-atime")
    try here.succeed("restore", "latest:\(here.source)", "--target", here.target)
    var status = stat()
    stat(here.target + "/hello.txt", &status)
    #expect(status.st_atim.tv_sec == 1_000_000_000)
    #expect(status.st_atim.tv_nsec == 123)
  }

  /// The data set of the acceptance list; only in the soak run, because it takes minutes.
  @Test(.enabled(if: Tools.soak)) func systemTreesComeBackEqual() throws {
    let here = try Workspace()
    let trees = ["/usr/share", "/usr/lib", "/usr/include"]
    try here.initializeWithKeyFile()
    let first = try here.varve(["backup", "--json"] + trees)
    #expect(first.code == 0, "\(first.errors)")
    #expect(first.peakMemory <= 300 << 20, "peak \(first.peakMemory >> 20) MiB")
    let second = try here.varve(["backup", "--json"] + trees)
    #expect(second.seconds * 3 <= first.seconds, "\(first.seconds) s, then \(second.seconds) s")
    #expect(try second.message("summary")["data_added"].number == 0)
    let restored = try here.succeed("restore", "latest", "--target", here.target, "--verify")
    #expect(restored.peakMemory <= 300 << 20, "peak \(restored.peakMemory >> 20) MiB")
    for tree in trees { try here.expectEqual(tree, here.target + tree) }
    try here.succeed("check", "--read-data")
  }
}
