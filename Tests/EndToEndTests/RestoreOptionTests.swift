import Glibc
import Testing
import VarveTestThreads

@Suite(.onOwnThreads) struct RestoreOptionTests {
  private func prepare() throws -> Workspace {
    let here = try Workspace()
    try here.makeSmallTree()
    try here.write("old text", to: here.source + "/notes.txt")
    try here.initializeWithKeyFile()
    try here.backup()
    return here
  }

  private func restore(_ here: Workspace, _ options: String...) throws -> Document {
    let outcome = try here.varve(
      ["restore", "--json", "latest:\(here.source)", "--target", here.target] + options)
    try #require(outcome.code == 0, "\(outcome.errors)")
    return try outcome.message("summary")
  }

  private func setTime(_ path: String, _ seconds: Int) {
    let times = [timespec(tv_sec: seconds, tv_nsec: 0), timespec(tv_sec: seconds, tv_nsec: 0)]
    utimensat(AT_FDCWD, path, times, 0)
  }

  @Test func includesAndExcludes() throws {
    let here = try prepare()
    _ = try restore(here, "--include", "*.txt")
    #expect(here.exists(here.target + "/notes.txt"))
    #expect(!here.exists(here.target + "/dir0/file0"))
    try here.remove(here.target)
    _ = try restore(here, "--exclude", "dir0", "--exclude", "*.txt")
    #expect(!here.exists(here.target + "/notes.txt"))
    #expect(!here.exists(here.target + "/dir0"))
    #expect(here.exists(here.target + "/dir1/file1"))
  }

  @Test func overwriteAlways() throws {
    let here = try prepare()
    _ = try restore(here)
    try here.write("mine!!!!", to: here.target + "/notes.txt")
    _ = try restore(here, "--overwrite", "always")
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func overwriteIfChanged() throws {
    let here = try prepare()
    _ = try restore(here)
    try here.write("mine!!!!", to: here.target + "/notes.txt")
    try here.write("longer than it was before", to: here.target + "/dir0/file3")
    unlink(here.target + "/dir1/file1")
    let summary = try restore(here, "--overwrite", "if-changed")
    try here.expectEqual(here.source, here.target, "--skip-root")
    #expect(try #require(summary["files_skipped"].number) > 0, "what was right is left alone")
  }

  @Test func overwriteIfNewer() throws {
    let here = try prepare()
    _ = try restore(here)
    try here.write("later", to: here.target + "/notes.txt")
    setTime(here.target + "/notes.txt", 4_000_000_000)
    try here.write("earlier", to: here.target + "/hello.txt")
    setTime(here.target + "/hello.txt", 1_000_000_000)
    _ = try restore(here, "--overwrite", "if-newer")
    #expect(try here.read(here.target + "/notes.txt") == Array("later".utf8))
    #expect(try here.read(here.target + "/hello.txt") == Array("hello\n".utf8))
  }

  @Test func overwriteNever() throws {
    let here = try prepare()
    try here.write("mine", to: here.target + "/notes.txt")
    _ = try restore(here, "--overwrite", "never")
    #expect(try here.read(here.target + "/notes.txt") == Array("mine".utf8))
    #expect(try here.read(here.target + "/hello.txt") == Array("hello\n".utf8))
  }

  @Test func deleteRemovesWhatTheSnapshotLacks() throws {
    let here = try prepare()
    _ = try restore(here)
    try here.write("extra", to: here.target + "/dir0/extra")
    try here.write("extra", to: here.target + "/extra dir/inside/extra")
    let tried = try restore(here, "--delete", "--dry-run")
    #expect(try #require(tried["files_deleted"].number) >= 2)
    #expect(here.exists(here.target + "/dir0/extra"))
    _ = try restore(here, "--delete")
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func otherTypesInTheWayAreReplaced() throws {
    let here = try prepare()
    try here.write("a file where a directory goes", to: here.target + "/dir0")
    mkdir(here.target + "/hello.txt", 0o755)
    try here.write("a file where a link goes", to: here.target + "/link")
    _ = try restore(here)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func linksInTheTargetAreNotFollowed() throws {
    let here = try prepare()
    mkdir(here.root + "/outside", 0o755)
    mkdir(here.target, 0o755)
    symlink(here.root + "/outside", here.target + "/dir0")
    try here.write("precious", to: here.root + "/precious")
    symlink(here.root + "/precious", here.target + "/notes.txt")
    _ = try restore(here)
    #expect(!here.exists(here.root + "/outside/file0"), "nothing is written through a link")
    #expect(try here.read(here.root + "/precious") == Array("precious".utf8))
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func sparseMakesHolesOfZeros() throws {
    let here = try prepare()
    try here.write([UInt8](repeating: 0, count: 8 << 20) + [1], to: here.source + "/zeros")
    try here.backup()
    _ = try restore(here, "--sparse")
    var status = stat()
    stat(here.target + "/zeros", &status)
    #expect(status.st_blocks * 512 < 1 << 20, "\(status.st_blocks) blocks")
    try here.expectEqual(here.source, here.target, "--skip-root", "--ignore", "data")
  }

  @Test func verifyReadsBackWhatIsThere() throws {
    let here = try prepare()
    let outcome = try here.succeed(
      "restore", "latest:\(here.source)", "--target", here.target, "--verify")
    #expect(!outcome.text.isEmpty || !outcome.errors.isEmpty)
    try here.expectEqual(here.source, here.target, "--skip-root")
  }

  @Test func dryRunsWriteNothing() throws {
    let here = try prepare()
    let summary = try restore(here, "--dry-run")
    #expect(try #require(summary["total_files"].number) > 0)
    #expect(!here.exists(here.target))
  }

  @Test func singleFilesAndOlderSnapshots() throws {
    let here = try prepare()
    try here.write("new text", to: here.source + "/notes.txt")
    try here.backup()
    try here.succeed(
      "restore", "latest~1:\(here.source)", "--target", here.target, "--include", "notes.txt")
    #expect(try here.read(here.target + "/notes.txt") == Array("old text".utf8))
    try here.fail(
      1, "restore", "latest:/not/there", "--target", here.root + "/nothing",
      saying: ["/not", "hint"])
    try here.fail(
      1, "restore", "ffffffff", "--target", here.root + "/nothing", saying: ["ffffffff"])
  }

  @Test func hardLinksSurviveAPartialRestore() throws {
    let here = try prepare()
    link(here.source + "/notes.txt", here.source + "/dir1/second name")
    link(here.source + "/notes.txt", here.source + "/dir2/third name")
    try here.backup()
    _ = try restore(here, "--include", "dir1", "--include", "dir2")
    var first = stat()
    var second = stat()
    #expect(lstat(here.target + "/dir1/second name", &first) == 0)
    #expect(lstat(here.target + "/dir2/third name", &second) == 0)
    #expect(first.st_ino == second.st_ino)
    #expect(first.st_nlink == 2)
  }
}
