import Glibc
import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveTestSupport

@Suite struct RestoreSelectionTests {
  private func bench() throws -> RestoreBench {
    try RestoreBench([
      ("a.txt", .text("a")), ("b.log", .text("b")),
      (
        "folder",
        .mode(
          0o751,
          .directory([
            ("c.txt", .text("c")), ("d.log", .text("d")),
            ("inner", .directory([("e.txt", .text("e"))])),
          ]))
      ),
      ("other", .directory([("f.log", .text("f"))])), ("void", .directory([])),
    ])
  }

  @Test func excludedItemsAndWhatIsBelowThemStayAway() throws {
    let bench = try bench()
    let report = try bench.restore {
      $0.excludes = [Array("*.log".utf8), Array("inner".utf8)]
    }
    #expect(report.problems == [])
    #expect(bench.names() == ["a.txt", "folder", "other", "void"])
    #expect(bench.names("target/folder") == ["c.txt"])
    #expect(report.itemsTotal == 5)
    #expect(report.itemsRestored == 5)
  }

  @Test func onlyIncludedItemsAndTheWayToThem() throws {
    let bench = try bench()
    let report = try bench.restore { $0.includes = [Array("/folder/inner/e.txt".utf8)] }
    #expect(report.problems == [])
    #expect(bench.names() == ["folder"])
    #expect(bench.names("target/folder") == ["inner"])
    #expect(bench.text("folder/inner/e.txt") == "e")
    // The way there is restored as well.
    #expect(bench.status("folder")?.mode == 0o751)
    #expect(bench.status("folder")?.modified == FileTime(seconds: 1_700_000_000, nanoseconds: 0))
    #expect(report.itemsRestored == 3)
  }

  @Test func aPatternForFilesMakesNoEmptyDirectories() throws {
    let bench = try bench()
    let report = try bench.restore { $0.caseInsensitiveIncludes = [Array("*.TXT".utf8)] }
    #expect(report.problems == [])
    #expect(bench.names() == ["a.txt", "folder"])
    #expect(bench.names("target/folder") == ["c.txt", "inner"])
  }

  @Test func aMalformedPatternIsRefusedBeforeAnythingIsMade() throws {
    let bench = try bench()
    #expect(throws: VarveError(.usage, "")) {
      try bench.restore { $0.excludes = [Array("[".utf8)] }
    }
    #expect(bench.names("") == [])
  }

  @Test func aPartOfASnapshotWithItsLinks() throws {
    let source = try BackupBench()
    mkdir(source.source + "/part", 0o755)
    mkdir(source.source + "/part/inner", 0o700)
    try source.write("part/one", noise(100_000))
    try source.write("outside", Array("outside".utf8))
    link(source.source + "/part/one", source.source + "/part/inner/two")
    link(source.source + "/outside", source.source + "/part/three")
    let snapshot = try #require(try source.backUp().snapshot)
    let repository = try IndexedRepository(source.unlocked)
    let record = try source.unlocked.snapshotRecord(snapshot)

    let target = source.scratch("target")
    var options = RestoreOptions(target: Array(target.utf8))
    options.subpath = [Array("data".utf8), Array("part".utf8)]
    options.verify = true
    let report = try Restore.run(repository, record, options: options)
    #expect(report.problems == [])
    #expect(report.filesVerified == 2)
    var one = FileStatus()
    var two = FileStatus()
    #expect(FileStatus.read(AT_FDCWD, target + "/one", into: &one) == 0)
    #expect(FileStatus.read(AT_FDCWD, target + "/inner/two", into: &two) == 0)
    #expect(one.inode == two.inode)
    #expect(one.size == 100_000)
    #expect(FileStatus.read(AT_FDCWD, target + "/three", into: &one) == 0)
    #expect(one.links == 1)

    options.subpath = [Array("data".utf8), Array("absent".utf8)]
    #expect(throws: VarveError(.notFound, "")) {
      try Restore.run(repository, record, options: options)
    }
    options.subpath = [Array("data".utf8), Array("outside".utf8)]
    #expect(throws: VarveError(.notFound, "")) {
      try Restore.run(repository, record, options: options)
    }
  }
}
