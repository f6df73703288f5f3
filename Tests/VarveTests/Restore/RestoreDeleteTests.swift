import CVarveLinux
import Glibc
import Testing
import Varve
import VarveFormat
import VarveTestSupport

@Suite struct RestoreDeleteTests {
  private func bench() throws -> RestoreBench {
    let bench = try RestoreBench([
      ("b", .text("kept")), ("folder", .directory([("m", .text("kept"))])),
    ])
    bench.makeDirectory("folder")
    bench.makeDirectory("extra")
    bench.makeDirectory("extra/deep")
    for name in ["a", "b", "z", "folder/l", "folder/m", "folder/n", "extra/x", "extra/deep/y"] {
      try bench.write(name, "kept")
    }
    return bench
  }

  @Test func whatTheSnapshotDoesNotHaveGoes() throws {
    let bench = try bench()
    let observer = RecordingObserver()
    let report = try bench.restore(observer: observer) { $0.delete = true }
    #expect(report.problems == [])
    #expect(report.itemsDeleted == 8)
    #expect(bench.names() == ["b", "folder"])
    #expect(bench.names("target/folder") == ["m"])
    #expect(observer.actions()["extra/deep/y"] == .deleted)
    #expect(observer.actions()["folder/n"] == .deleted)
  }

  @Test func withoutTheOptionEverythingStays() throws {
    let bench = try bench()
    #expect(try bench.restore().itemsDeleted == 0)
    #expect(bench.names() == ["a", "b", "extra", "folder", "z"])
  }

  @Test func whatPatternsLeaveOutStays() throws {
    let bench = try bench()
    let report = try bench.restore {
      $0.delete = true
      $0.excludes = [Array("y".utf8), Array("/z".utf8), Array("/folder".utf8)]
    }
    #expect(report.problems == [])
    #expect(bench.names() == ["b", "extra", "folder", "z"])
    #expect(bench.names("target/extra") == ["deep"])
    #expect(bench.text("extra/deep/y") == "kept")
    #expect(bench.names("target/folder") == ["l", "m", "n"])
  }

  @Test func onlyIncludedThingsGo() throws {
    let bench = try bench()
    let before = try #require(bench.status("folder"))
    let report = try bench.restore {
      $0.delete = true
      $0.includes = [Array("/folder/n".utf8), Array("/extra/deep".utf8)]
    }
    #expect(report.problems == [])
    #expect(bench.names("target/folder") == ["l", "m"])
    #expect(bench.names() == ["a", "b", "extra", "folder", "z"])
    #expect(bench.status("folder")?.mode == before.mode)
  }

  @Test func linksAreRemovedNotFollowed() throws {
    let bench = try bench()
    mkdir(bench.scratch("outside"), 0o755)
    try bench.write("../outside/precious", "mine")
    symlink("../outside", bench.path("extra/link"))
    symlink("../outside", bench.path("link"))
    #expect(try bench.restore { $0.delete = true }.problems == [])
    #expect(bench.names() == ["b", "folder"])
    #expect(bench.text("../outside/precious") == "mine")
  }

  @Test func nothingGoesFromADirectoryThatCannotBeRead() throws {
    let bench = try RestoreBench([("folder", .directory([("m", .text("kept"))]))])
    bench.makeDirectory("folder")
    try bench.write("folder/extra", "mine")
    let chunks = MemoryChunks()
    // A root whose only directory refers to a node that is not stored.
    let root = try chunks.tree([
      (
        "folder",
        .with(.directory([])) {
          $0.content = .directory(
            DirectoryContent(id: Digest(1, 2, 3, 4), proofRoot: .zero, entryCount: 1))
        }
      )
    ])
    let broken = try RestoreBench(chunks, root)
    let report = try broken.restore {
      $0.target = Array(bench.target.utf8)
      $0.delete = true
    }
    #expect(report.problems.map(\.kind) == [.damage])
    #expect(bench.text("folder/extra") == "mine")
  }
}
