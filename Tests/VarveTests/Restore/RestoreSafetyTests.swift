import CVarveLinux
import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveStorage
import VarveTestSupport

/// Whatever a tree says and whatever happens in the target, nothing is written outside.
@Suite struct RestoreSafetyTests {
  @Test(arguments: ["..", ".", "/x", "a/b", "x\0y", "\0\0", "../x", ""])
  func hostileNamesAreDamage(_ hostile: String) throws {
    let chunks = MemoryChunks()
    let stand = String(repeating: "n", count: hostile.utf8.count)
    for node in [Node.text("evil"), .link(Array("/etc".utf8)), .directory([("x", .text("evil"))])] {
      var body = try chunks.entry(Array((stand.isEmpty ? "n" : stand).utf8), node).encode()
      body.replaceSubrange(
        0..<1 + max(1, stand.utf8.count), with: [UInt8(hostile.utf8.count)] + hostile.utf8)
      let good = try chunks.entry(Array("zz".utf8), .text("fine")).encode()
      let encoded: [UInt8] = [1, 0, 2, UInt8(body.count)] + body + [UInt8(good.count)] + good
      let root = DirectoryContent(id: chunks.store(encoded), proofRoot: .zero, entryCount: 2)
      let inner = try chunks.tree([
        ("ok", .text("fine")), ("sub", .with(.directory([])) { $0.content = .directory(root) }),
      ])
      let bench = try RestoreBench(chunks, inner)
      let report = try bench.restore()
      #expect(report.problems.map(\.kind) == [.damage])
      #expect(report.problems.map(\.path) == [Array("sub".utf8)])
      #expect(bench.names("") == ["target"])
      #expect(bench.names() == ["ok", "sub"])
      #expect(bench.names("target/sub") == [])
    }
  }

  @Test func aLinkInThePlaceOfADirectoryIsNotFollowed() throws {
    let bench = try RestoreBench([
      ("folder", .directory([("file", .text("x")), ("inner", .directory([("y", .text("z"))]))]))
    ])
    mkdir(bench.scratch("outside"), 0o755)
    bench.makeDirectory()
    symlink("../outside", bench.path("folder"))
    for rule in RestoreOptions.Overwrite.allCases.reversed() {
      _ = try bench.restore { $0.overwrite = rule }
      #expect(bench.names("outside") == [])
    }
    #expect(bench.text("folder/file") == "x")
    #expect(try #require(bench.status("folder")).isDirectory)
  }

  @Test func aLinkInThePlaceOfAFileIsNotFollowed() throws {
    let bench = try RestoreBench([
      ("one", .text("x")), ("pieces", .file(noise(9_000), chunkSize: 1_000)), ("empty", .file([])),
    ])
    bench.makeDirectory()
    for name in ["one", "pieces", "empty"] {
      try bench.write("../\(name)", "precious")
      symlink("../\(name)", bench.path(name))
    }
    #expect(try bench.restore().problems == [])
    for name in ["one", "pieces", "empty"] { #expect(bench.text("../\(name)") == "precious") }
    #expect(bench.text("one") == "x")
    #expect(bench.has("pieces", noise(9_000)))
  }

  @Test func aLinkSwappedIntoThePathMidwayIsNotFollowed() throws {
    // So many directories that the first one's descriptor is closed when its file is written.
    let entries = (0..<600).map { number -> (name: String, node: Node) in
      ("d\(number)", .directory([("file", .text("content \(number)"))]))
    }
    let bench = try RestoreBench(entries)
    mkdir(bench.scratch("outside"), 0o755)
    let swapped = Mutex(false)
    let observer = RecordingObserver { item in
      // Once the first file is written, with every directory that is there.
      let isFirst = swapped.withLock { swapped in
        defer { swapped = true }
        return !swapped
      }
      guard isFirst else { return }
      for number in 0..<600
      where rename(bench.path("d\(number)"), bench.scratch("moved-\(number)")) == 0 {
        symlink("../outside", bench.path("d\(number)"))
      }
    }
    let report = try bench.restore(observer: observer) { $0.workers = 1 }
    #expect(bench.names("outside") == [])
    #expect(report.problems.count > 10)
    #expect(report.problems.allSatisfy { $0.kind == .target })
  }

  @Test func aTargetThatIsNoDirectoryIsRefused() throws {
    let bench = try RestoreBench([("a", .text("x"))])
    try bench.write("file", "mine")
    #expect(throws: VarveError(.io, "")) {
      try bench.restore { $0.target = Array(bench.path("file").utf8) }
    }
    #expect(throws: VarveError(.usage, "")) { try bench.restore { $0.target = [] } }
    #expect(throws: VarveError(.usage, "")) { try bench.restore { $0.target = [0x61, 0] } }
    #expect(bench.text("file") == "mine")
  }

  @Test func aTargetThatIsALinkIsTheUsersWish() throws {
    let bench = try RestoreBench([("a", .text("x"))])
    mkdir(bench.scratch("real"), 0o755)
    symlink("real", bench.target)
    #expect(try bench.restore().problems == [])
    #expect(bench.names("real") == ["a"])
  }

  @Test func aTargetIsMadeWithEverythingAboveIt() throws {
    let bench = try RestoreBench([("a", .text("x"))])
    #expect(try bench.restore { $0.target += Array("/deep/er/".utf8) }.problems == [])
    #expect(bench.text("deep/er/a") == "x")
  }
}
