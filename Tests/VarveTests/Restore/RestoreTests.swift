import CVarveLinux
import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct RestoreTests {
  @Test func everyKindOfContent() throws {
    let large = noise(3_000_000)
    let bench = try RestoreBench(
      [
        ("empty", .file([])), ("small", .text("hello")),
        ("pieces", .file(large, chunkSize: 300_000)),
        ("lists", .file(noise(400_000, seed: 2), chunkSize: 1_000)),
        ("same", .text("hello")),
        ("folder", .directory([("inner", .directory([("deep", .text("deep down"))]))])),
        ("bare", .directory([])), ("link", .link(Array("../nowhere".utf8))), ("fifo", .fifo),
      ], packSize: 200_000)
    let report = try bench.restore()
    #expect(report.problems == [])
    #expect(report.itemsTotal == 11)
    #expect(report.itemsRestored == 11)
    #expect(report.bytesTotal == 3_400_019)
    #expect(report.bytesRestored == 3_400_019)
    #expect(bench.content("empty") == [])
    #expect(bench.text("small") == "hello")
    #expect(bench.text("same") == "hello")
    #expect(bench.has("pieces", large))
    #expect(bench.has("lists", noise(400_000, seed: 2)))
    #expect(bench.text("folder/inner/deep") == "deep down")
    #expect(bench.names("target/bare") == [])
    #expect(bench.linkTarget("link") == "../nowhere")
    #expect(bench.status("fifo")?.type == .fifo)
    #expect(bench.names().filter { $0.hasPrefix(".varve") } == [])
  }

  @Test func modesAndTimesOfEverything() throws {
    func at(_ seconds: Int64, _ mode: UInt16, _ node: Node) -> Node {
      .modified(seconds, 123_456_789, node: .mode(mode, node))
    }
    let bench = try RestoreBench([
      ("setid", at(1_000, 0o6755, .text("x"))), ("secret", at(-5, 0o000, .text("y"))),
      ("pieces", at(1_001, 0o440, .file(noise(10_000), chunkSize: 1_000))),
      ("sticky", at(1_002, 0o1777, .directory([("a", at(1_003, 0o644, .text("z")))]))),
      ("closed", at(1_004, 0o555, .directory([("b", at(1_005, 0o600, .file([])))]))),
      ("link", at(1_006, 0o777, .link([0x61]))), ("fifo", at(1_007, 0o640, .fifo)),
    ])
    #expect(try bench.restore().problems == [])
    for (name, seconds, mode) in [
      ("setid", 1_000, 0o6755), ("secret", -5, 0o000), ("pieces", 1_001, 0o440),
      ("sticky", 1_002, 0o1777), ("sticky/a", 1_003, 0o644), ("closed", 1_004, 0o555),
      ("closed/b", 1_005, 0o600), ("link", 1_006, 0o777), ("fifo", 1_007, 0o640),
    ] as [(String, Int64, UInt16)] {
      let status = try #require(bench.status(name), "\(name)")
      #expect(
        status.modified == FileTime(seconds: seconds, nanoseconds: 123_456_789), "\(name)")
      #expect(status.mode == mode, "\(name)")
    }
  }

  @Test func accessTimesWhenTheSnapshotHasThem() throws {
    let accessed = FileTime(seconds: 99, nanoseconds: 7)
    let bench = try RestoreBench([
      ("file", .with(.text("x")) { $0.attributes.accessed = accessed }),
      ("link", .with(.link([0x61])) { $0.attributes.accessed = accessed }),
    ])
    #expect(try bench.restore().problems == [])
    #expect(bench.status("file")?.accessed == accessed)
    #expect(bench.status("link")?.accessed == accessed)
  }

  @Test(.enabled(if: geteuid() == 0)) func ownersAndDevices() throws {
    func owned(_ node: Node) -> Node {
      .with(node) { ($0.attributes.uid, $0.attributes.gid) = (1_234, 4_321) }
    }
    let bench = try RestoreBench([
      ("file", .mode(0o6755, owned(.text("x")))), ("directory", owned(.directory([]))),
      ("link", owned(.link([0x61]))),
      ("named", .with(owned(.text("y"))) { $0.user = Array("root".utf8) }),
      ("character", owned(.device(.characterDevice, 1, 3))),
      ("block", .device(.blockDevice, 259, 70_000)),
    ])
    #expect(try bench.restore().problems == [])
    for name in ["file", "directory", "link", "named", "character"] {
      #expect(bench.status(name)?.owner == 1_234, "\(name)")
      #expect(bench.status(name)?.group == 4_321, "\(name)")
    }
    #expect(bench.status("file")?.mode == 0o6755)
    let character = try #require(bench.status("character"))
    #expect(character.type == .characterDevice)
    #expect(character.raw.special_device_major == 1)
    #expect(character.raw.special_device_minor == 3)
    #expect(bench.status("block")?.raw.special_device_minor == 70_000)

    #expect(try bench.restore { $0.ownershipByName = true }.problems == [])
    #expect(bench.status("named")?.owner == 0)
    #expect(bench.status("named")?.group == 4_321)
    #expect(bench.status("file")?.owner == 1_234)
  }

  @Test func extendedAttributesAndInodeFlags() throws {
    let attributes = [
      ExtendedAttribute(name: Array("user.one".utf8), value: [0, 1, 2]),
      ExtendedAttribute(name: Array("user.two".utf8), value: []),
    ]
    let noDump: UInt32 = 0x40
    let bench = try RestoreBench([
      (
        "file",
        .with(.mode(0o444, .text("x"))) {
          $0.extendedAttributes = attributes
          $0.attributes.inodeFlags = noDump
        }
      ),
      (
        "directory",
        .with(.directory([("a", .text("y"))])) {
          $0.extendedAttributes = attributes
          $0.attributes.inodeFlags = noDump
        }
      ),
    ])
    let report = try bench.restore()
    #expect(report.problems == [])
    guard report.warnings.isEmpty else { return }
    for name in ["file", "directory"] {
      let file = Descriptor(owning: varve_open(AT_FDCWD, bench.path(name), O_RDONLY, 0))
      var found: [ExtendedAttribute] = []
      var flags: UInt32 = 0
      #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
      #expect(found == attributes, "\(name)")
      #expect(InodeFlags.read(file.number, into: &flags) == 0)
      #expect(flags & noDump != 0, "\(name)")
    }
  }

  @Test func accessControlListsAreTheSnapshotsAndNotTheTargets() throws {
    // Version 2; the owner, user 1234, the group, the mask, others: tag, permissions, id.
    func list(_ mask: UInt16) -> [UInt8] {
      var writer = ByteWriter()
      writer.u32(2)
      for (tag, permissions, id) in [
        (1, 6, UInt32.max), (2, 7, 1_234), (4, 4, UInt32.max), (16, mask, UInt32.max),
        (32, 4, UInt32.max),
      ] as [(UInt16, UInt16, UInt32)] {
        writer.u16(tag)
        writer.u16(permissions)
        writer.u32(id)
      }
      return writer.bytes
    }
    let access = ExtendedAttribute(name: Array("system.posix_acl_access".utf8), value: list(6))
    let bench = try RestoreBench([
      ("with", .mode(0o664, .with(.text("x")) { $0.extendedAttributes = [access] })),
      ("without", .mode(0o640, .text("y"))),
      ("folder", .mode(0o750, .directory([("inner", .mode(0o600, .file([])))]))),
    ])
    bench.makeDirectory()
    let target = Descriptor(owning: OpenAt.userDirectory(bench.target))
    let byDefault = Array("system.posix_acl_default".utf8)
    if ExtendedAttributes.set(target.number, byDefault, list(7)) == EOPNOTSUPP { return }
    #expect(try bench.restore().problems == [])
    for (name, mode, expected) in [
      ("with", 0o664, [access]), ("without", 0o640, []), ("folder", 0o750, []),
      ("folder/inner", 0o600, []),
    ] as [(String, UInt16, [ExtendedAttribute])] {
      let file = Descriptor(owning: varve_open(AT_FDCWD, bench.path(name), O_RDONLY, 0))
      var found: [ExtendedAttribute] = []
      #expect(ExtendedAttributes.read(file.number, into: &found) == 0)
      #expect(found == expected, "\(name)")
      #expect(bench.status(name)?.mode == mode, "\(name)")
    }
  }

  @Test func holesStayHoles() throws {
    var bytes = [UInt8](repeating: 0, count: 5 << 20)
    bytes.replaceSubrange((1 << 20)..<(1 << 20) + 100_000, with: noise(100_000))
    let holes = [
      Hole(offset: 0, length: 1 << 20),
      Hole(offset: 1 << 20 + 100_000, length: 4 << 20 - 100_000),
    ]
    let zeros = [UInt8](repeating: 0, count: 1 << 20)
    let bench = try RestoreBench([
      ("sparse", .file(bytes, holes: holes, chunkSize: 30_000)),
      ("hole", .file(zeros, holes: [Hole(offset: 0, length: 1 << 20)])),
      ("written", .file(zeros + noise(1_000))),
    ])
    let report = try bench.restore { $0.verify = true }
    #expect(report.problems == [])
    #expect(report.bytesRestored == report.bytesTotal)
    #expect(report.filesVerified == 3)
    #expect(report.bytesVerified == report.bytesTotal)
    #expect(bench.has("sparse", bytes))
    #expect(bench.has("hole", zeros))
    #expect(bench.has("written", zeros + noise(1_000)))
    #expect(try #require(bench.blocks("sparse")) < 1_000)
    #expect(try #require(bench.blocks("hole")) < 100)
    #expect(try #require(bench.blocks("written")) > 2_000)
  }

  @Test func sparseAlsoLeavesOutWrittenZeros() throws {
    let content =
      noise(5_000) + [UInt8](repeating: 0, count: 1 << 20) + noise(5_000, seed: 2)
      + [UInt8](repeating: 0, count: 1 << 20)
    let bench = try RestoreBench([
      ("one", .file(content, chunkSize: 4 << 20)), ("pieces", .file(content, chunkSize: 70_000)),
    ])
    #expect(try bench.restore { $0.sparse = true }.problems == [])
    for name in ["one", "pieces"] {
      #expect(bench.has(name, content))
      #expect(try #require(bench.blocks(name)) < 200, "\(name)")
    }
  }

  @Test func hardLinksAreOneFile() throws {
    let body = Node.hardLinked(.file(noise(5_000), chunkSize: 1_000))
    let bench = try RestoreBench(
      [
        ("a", body), ("folder", .directory([("b", body), ("c", .hardLinked(.text("other")))])),
        ("z", .directory([("d", .hardLinked(.text("other"))), ("e", body)])),
        ("single", .hardLinked(.text("its other names were not saved"))),
        ("link", .hardLinked(.link([0x61]))), ("link2", .hardLinked(.link([0x61]))),
      ], links: [["a", "folder/b", "z/e"], ["folder/c", "z/d"], ["link", "link2"]])
    let report = try bench.restore()
    #expect(report.problems == [])
    #expect(report.itemsRestored == 10)
    #expect(report.bytesRestored == report.bytesTotal)
    for group in [["a", "folder/b", "z/e"], ["folder/c", "z/d"], ["link", "link2"]] {
      let first = try #require(bench.status(group[0]))
      #expect(first.links == UInt32(group.count))
      for name in group { #expect(bench.status(name)?.inode == first.inode, "\(name)") }
    }
    #expect(bench.status("single")?.links == 1)
    #expect(bench.has("z/e", noise(5_000)))
    // Linking must not have changed the times of directories.
    #expect(bench.status("z")?.modified == FileTime(seconds: 1_700_000_000, nanoseconds: 0))

    let again = try bench.restore()
    #expect(again.problems == [])
    #expect(bench.status("a")?.inode == bench.status("z/e")?.inode)
    #expect(bench.status("a")?.links == 3)
  }

  @Test func aLinkTableThatLiesDoesNotMixFiles() throws {
    let bench = try RestoreBench(
      [
        ("a", .hardLinked(.text("one"))), ("b", .hardLinked(.text("two"))),
        ("c", .mode(0o600, .hardLinked(.text("one")))),
      ], links: [["a", "b", "c", "not there"]])
    #expect(try bench.restore().problems == [])
    #expect(bench.text("a") == "one")
    #expect(bench.text("b") == "two")
    #expect(bench.status("a")?.inode != bench.status("b")?.inode)
    #expect(bench.status("a")?.mode == 0o644)
    #expect(bench.status("c")?.mode == 0o600)
  }

  @Test func pathsLongerThanTheSystemTakes() throws {
    var node = Node.directory([("file", .text("at the bottom"))])
    for _ in 0..<600 { node = .directory([("a-directory-of-a-name", node)]) }
    let bench = try RestoreBench([("top", node)])
    let report = try bench.restore { $0.verify = true }
    #expect(report.problems == [])
    #expect(report.itemsRestored == 602)
    #expect(report.filesVerified == 1)
    var directory = Descriptor(owning: OpenAt.userDirectory(bench.path("top")))
    for _ in 0..<600 {
      directory = Descriptor(owning: OpenAt.directory(directory.number, "a-directory-of-a-name"))
      try #require(directory.number >= 0)
    }
    var status = FileStatus()
    #expect(FileStatus.read(directory.number, "file", into: &status) == 0)
    #expect(status.size == 13)
    #expect(FileStatus.read(directory.number, into: &status) == 0)
    #expect(status.modified == FileTime(seconds: 1_700_000_000, nanoseconds: 0))
  }

  @Test func namesAreBytes() throws {
    let chunks = MemoryChunks()
    let names: [[UInt8]] = [[0xff, 0xfe], [0x0a], [0x20], [0x2d, 0x72, 0x66], Array("é".utf8)]
    let root = try chunks.directory(names.map { ($0, .text("x")) })
    let bench = try RestoreBench(chunks, root)
    #expect(try bench.restore().problems == [])
    let directory = Descriptor(owning: OpenAt.userDirectory(bench.target))
    var listing = DirectoryListing()
    #expect(listing.load(directory.number) == 0)
    #expect(
      (0..<listing.count).map { Array(listing.bytes($0)) }
        == names.sorted { $0.lexicographicallyPrecedes($1) })
  }

  @Test func manyFilesInManyDirectories() throws {
    // More directories than descriptors are kept, more files than a window takes at first.
    let entries = (0..<700).map { number -> (name: String, node: Node) in
      ("d\(number)", .directory((0..<5).map { ("f\($0)", .text("file \(number) \($0)")) }))
    }
    let bench = try RestoreBench(entries)
    let report = try bench.restore { $0.verify = true }
    #expect(report.problems == [])
    #expect(report.itemsRestored == 700 * 6)
    #expect(report.filesVerified == 3_500)
    for number in 0..<700 { #expect(bench.text("d\(number)/f3") == "file \(number) 3") }
  }

  @Test func observersHearOfEveryItem() throws {
    let bench = try RestoreBench([
      ("a", .text("x")), ("d", .directory([("b", .link([0x61]))])),
    ])
    let observer = RecordingObserver()
    let report = try bench.restore(observer: observer)
    #expect(report.itemsRestored == 3)
    #expect(observer.actions() == ["a": .restored, "d": .restored, "d/b": .restored])
    #expect(observer.items.first { $0.path == Array("d".utf8) }?.isDirectory == true)
    let planned = observer.progress.planned.load(ordering: .relaxed)
    #expect(planned)
  }

  @Test func anInterruptedRestoreLeavesNoPartOfAFile() throws {
    let bench = try RestoreBench(
      (0..<40).map { ("f\($0)", .file(noise(50_000, seed: UInt64($0)), chunkSize: 5_000)) },
      packSize: 100_000)
    let cancellation = CancellationFlag()
    let observer = RecordingObserver { _ in cancellation.cancel() }
    #expect(throws: VarveError(.interrupted, "")) {
      try bench.restore(observer: observer, cancellation: cancellation)
    }
    #expect(!bench.names().contains { $0.hasPrefix(".varve") })
    for number in 0..<40 {
      let isThere = bench.status("f\(number)") != nil
      #expect(!isThere || bench.has("f\(number)", noise(50_000, seed: UInt64(number))))
    }
    #expect(try bench.restore().problems == [])
    #expect(bench.has("f39", noise(50_000, seed: 39)))
  }

  @Test func filesAppearOnlyWhenTheyAreComplete() throws {
    let bench = try RestoreBench(
      [
        ("pieces", .file(noise(100_000), chunkSize: 1_000)),
        ("there", .file(noise(90_000, seed: 2), chunkSize: 1_000)),
      ], packSize: 10_000)
    try bench.write("there", "old")
    let seen = Mutex<Set<String>>([])
    let storage = FaultStorage(bench.storage) { _, _ in
      let names = bench.names()
      seen.withLock { $0.formUnion(names) }
      let isOldOrNew = bench.status("there")?.size == 90_000 || bench.text("there") == "old"
      return isOldOrNew ? .pass : .failBeforeEffect
    }
    let report = try bench.restore(through: storage) { $0.workers = 1 }
    #expect(report.problems == [])
    #expect(bench.has("pieces", noise(100_000)))
    #expect(bench.has("there", noise(90_000, seed: 2)))
    // Where files cannot be without a name, they have one that nobody takes for theirs.
    #expect(seen.withLock { $0.filter { !$0.hasPrefix(".varve-") } } == ["there"])
  }
}
