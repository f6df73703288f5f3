import CVarveLinux
import Glibc
import Testing
import Varve
import VarveFormat
import VarveStorage
import VarveTestSupport

@Suite struct RestoreOverwriteTests {
  /// All files of the bench's trees have this time.
  let time: Int64 = 1_700_000_000

  @Test func alwaysComparesContentAndRewritesWhatDiffers() throws {
    let content = noise(200_000)
    var changed = content
    changed[150_000] ^= 1
    let bench = try RestoreBench([
      ("same", .text("same")), ("other", .text("right")),
      ("pieces", .file(content, chunkSize: 10_000)),
      ("longer", .text("short")), ("shorter", .text("longer")), ("new", .text("new")),
    ])
    try bench.write("same", "same", modified: time)
    // Same size and time: only the content tells.
    try bench.write("other", "wrong", modified: time)
    try bench.write("pieces", changed, modified: time)
    try bench.write("longer", "short and more", modified: time)
    try bench.write("shorter", "long", modified: time)
    let before = try #require(bench.status("same")).inode
    let observer = RecordingObserver()
    let report = try bench.restore(observer: observer)
    #expect(report.problems == [])
    #expect(bench.text("same") == "same")
    #expect(bench.status("same")?.inode == before)
    #expect(bench.text("other") == "right")
    #expect(bench.has("pieces", content))
    #expect(bench.text("longer") == "short")
    #expect(bench.text("shorter") == "longer")
    #expect(
      observer.actions() == [
        "same": .updated, "other": .updated, "pieces": .updated, "longer": .updated,
        "shorter": .updated, "new": .restored,
      ])
    // The mode was wrong the first time.
    let again = RecordingObserver()
    let second = try bench.restore(observer: again)
    #expect(second.itemsRestored == 0)
    #expect(second.itemsSkipped == 6)
    #expect(second.bytesSkipped == second.bytesTotal)
    #expect(again.items.allSatisfy { $0.action == .unchanged })
  }

  @Test func equalChunksAreTakenFromTheFileInPlace() throws {
    let content = noise(3_000_000)
    var changed = content
    changed[1_550_000] ^= 1
    // Each chunk has a block of its own, and each block a pack.
    let bench = try RestoreBench([("file", .file(content, chunkSize: 300_000))], packSize: 200_000)
    func packsRead(_ storage: FaultStorage) -> Int {
      Set(
        storage.operations.compactMap { operation -> String? in
          if case .read(let name) = operation, name.hasPrefix("packs/") { return name }
          return nil
        }
      ).count
    }
    let fresh = FaultStorage(bench.storage) { _, _ in .pass }
    try bench.restore(through: fresh) { $0.target += Array("2".utf8) }
    #expect(packsRead(fresh) >= 10)
    try bench.write("file", changed)
    let partial = FaultStorage(bench.storage) { _, _ in .pass }
    #expect(try bench.restore(through: partial).problems == [])
    #expect(bench.has("file", content))
    #expect(packsRead(partial) <= 2)
  }

  @Test func ifChangedTrustsSizeAndTime() throws {
    let bench = try RestoreBench([
      ("trusted", .text("right")), ("older", .text("right")), ("resized", .text("right")),
      ("link", .link([0x61])),
    ])
    try bench.write("trusted", "wrong", modified: time)
    try bench.write("older", "wrong", modified: time - 1)
    try bench.write("resized", "wrong!", modified: time)
    symlink("b", bench.path("link"))
    let report = try bench.restore { $0.overwrite = .ifChanged }
    #expect(report.problems == [])
    #expect(bench.text("trusted") == "wrong")
    #expect(bench.status("trusted")?.mode == 0o644)
    #expect(bench.text("older") == "right")
    #expect(bench.text("resized") == "right")
    #expect(bench.linkTarget("link") == "a")
  }

  @Test func ifNewerKeepsWhatIsAsNew() throws {
    let bench = try RestoreBench([
      ("older", .text("right")), ("equal", .text("right")), ("newer", .text("right")),
      ("new", .text("right")),
    ])
    try bench.write("older", "wrong", modified: time - 1)
    try bench.write("equal", "wrong", modified: time)
    try bench.write("newer", "wrong", modified: time + 1)
    let report = try bench.restore { $0.overwrite = .ifNewer }
    #expect(report.problems == [])
    #expect(report.itemsSkipped == 2)
    #expect(bench.text("older") == "right")
    #expect(bench.text("equal") == "wrong")
    #expect(bench.text("newer") == "wrong")
    #expect(bench.text("new") == "right")
  }

  @Test func neverTouchesNothing() throws {
    let bench = try RestoreBench([
      ("file", .text("right")), ("link", .link([0x61])), ("fifo", .fifo),
      ("directory", .mode(0o700, .directory([("there", .text("right")), ("new", .text("new"))]))),
    ])
    bench.makeDirectory("directory")
    for name in ["file", "link", "fifo", "directory/there"] { try bench.write(name, "wrong") }
    let report = try bench.restore { $0.overwrite = .never }
    #expect(report.problems == [])
    #expect(report.itemsSkipped == 5)
    #expect(report.itemsRestored == 1)
    for name in ["file", "link", "fifo", "directory/there"] {
      #expect(bench.text(name) == "wrong", "\(name)")
      #expect(bench.status(name)?.mode == 0o600, "\(name)")
    }
    #expect(bench.text("directory/new") == "new")
    #expect(bench.status("directory")?.mode == 0o755)
  }

  @Test func otherKindsInTheWayAreReplaced() throws {
    let bench = try RestoreBench([
      ("directory", .directory([("a", .text("x"))])), ("file", .text("y")),
      ("link", .link([0x61])), ("empty", .file([])),
    ])
    try bench.write("directory", "a file")
    bench.makeDirectory("file")
    mkfifo(bench.path("link"), 0o600)
    symlink("elsewhere", bench.path("empty"))
    #expect(try bench.restore().problems == [])
    #expect(bench.text("directory/a") == "x")
    #expect(bench.text("file") == "y")
    #expect(bench.linkTarget("link") == "a")
    #expect(bench.content("empty") == [])
  }

  @Test func aFullDirectoryInTheWayStaysUnlessDeletingIsAllowed() throws {
    let bench = try RestoreBench([("file", .text("y")), ("link", .link([0x61]))])
    for name in ["file", "link"] {
      bench.makeDirectory(name)
      try bench.write("\(name)/precious", "mine")
    }
    let report = try bench.restore()
    #expect(report.problems.map { String(decoding: $0.path, as: UTF8.self) } == ["file", "link"])
    #expect(report.problems.allSatisfy { $0.kind == .target })
    #expect(try bench.restore { $0.dryRun = true }.problems == report.problems)
    let dry = try bench.restore {
      $0.dryRun = true
      $0.delete = true
    }
    #expect(dry.problems == [] && dry.itemsDeleted == 4)
    #expect(bench.text("file/precious") == "mine")
    #expect(try bench.restore { $0.delete = true }.problems == [])
    #expect(bench.text("file") == "y")
    #expect(bench.linkTarget("link") == "a")
  }

  @Test func otherNamesOfAnOverwrittenFileKeepTheirContent() throws {
    let bench = try RestoreBench([("file", .text("right")), ("same", .text("same"))])
    try bench.write("file", "wrong")
    try bench.write("same", "same")
    link(bench.path("file"), bench.scratch("outside-1"))
    link(bench.path("same"), bench.scratch("outside-2"))
    #expect(try bench.restore().problems == [])
    #expect(bench.text("file") == "right")
    #expect(bench.text("../outside-1") == "wrong")
    // Not even the metadata of a file that has a name elsewhere is changed.
    #expect(bench.status("../outside-2")?.mode == 0o600)
    #expect(bench.status("same")?.mode == 0o644)
  }

  @Test func attributesThatTheSnapshotDoesNotHaveGo() throws {
    let bench = try RestoreBench([("file", .text("same"))])
    try bench.write("file", "same")
    let file = Descriptor(owning: varve_open(AT_FDCWD, bench.path("file"), O_RDONLY, 0))
    if ExtendedAttributes.set(file.number, Array("user.mine".utf8), [1]) == EOPNOTSUPP { return }
    #expect(try bench.restore().problems == [])
    var found: [ExtendedAttribute] = []
    #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
    #expect(found == [])
  }

  @Test(.enabled(if: geteuid() == 0)) func immutableFilesAreRestoredOver() throws {
    let immutable = InodeFlags.immutable
    func fixed(_ node: Node) -> Node { .with(node) { $0.attributes.inodeFlags = immutable } }
    let bench = try RestoreBench(
      [
        ("file", fixed(.text("right"))), ("other", fixed(.hardLinked(.text("linked")))),
        ("directory", fixed(.directory([("a", fixed(.hardLinked(.text("linked"))))]))),
      ], links: [["directory/a", "other"]])
    func setFlags(_ name: String, _ flags: UInt32) {
      let file = varve_open(AT_FDCWD, bench.path(name), O_RDONLY, 0)
      guard file >= 0 else { return }
      _ = InodeFlags.set(file, flags)
      close(file)
    }
    defer { for name in ["file", "directory", "directory/a", "other"] { setFlags(name, 0) } }
    let report = try bench.restore()
    #expect(report.problems == [])
    guard report.warnings.isEmpty else { return }
    #expect(try #require(bench.status("file")).isProtected)
    #expect(try #require(bench.status("directory")).isProtected)
    #expect(try bench.restore().problems == [])
    setFlags("directory", 0)
    setFlags("other", 0)
    #expect(unlink(bench.path("directory/a")) == 0)
    setFlags("other", immutable)
    let again = try bench.restore()
    #expect(again.problems == [])
    #expect(try #require(bench.status("file")).isProtected)
    #expect(try #require(bench.status("other")).isProtected)
    #expect(bench.status("directory/a")?.inode == bench.status("other")?.inode)
    #expect(bench.text("file") == "right")
  }

  @Test func aDryRunChangesNothing() throws {
    let bench = try RestoreBench([
      ("same", .text("same")), ("other", .text("right")), ("new", .text("new")),
      ("link", .link([0x61])), ("directory", .directory([("inner", .text("x"))])),
      ("there", .directory([("file", .file(noise(50_000), chunkSize: 5_000))])),
    ])
    try bench.write("same", "same", modified: time)
    chmod(bench.path("same"), 0o644)
    try bench.write("other", "wrong", modified: time)
    bench.makeDirectory("there")
    try bench.write("there/file", noise(50_000, seed: 9))
    try bench.write("extra", "x")
    let observer = RecordingObserver()
    let report = try bench.restore(observer: observer) {
      $0.dryRun = true
      $0.delete = true
    }
    #expect(report.problems == [])
    #expect(report.dryRun)
    #expect(report.bytesRestored + report.bytesSkipped == report.bytesTotal)
    #expect(
      observer.actions() == [
        "same": .unchanged, "other": .updated, "new": .restored, "link": .restored,
        "directory": .restored, "directory/inner": .restored, "there": .updated,
        "there/file": .updated, "extra": .deleted,
      ])
    #expect(bench.names() == ["extra", "other", "same", "there"])
    #expect(bench.text("other") == "wrong")
    #expect(bench.status("same")?.modified.seconds == time)

    var missing = RestoreOptions(target: Array(bench.scratch("not-there").utf8))
    missing.dryRun = true
    #expect(try bench.restore { $0 = missing }.itemsRestored == 8)
    #expect(!bench.names("").contains("not-there"))
  }
}
