import Testing
import Varve
import VarveFormat
import VarveRepository

@Suite struct PathFinderTests {
  private let chunks = MemoryChunks()

  private func found(_ finder: PathFinder, _ root: DirectoryContent) throws -> [String] {
    var out: [String] = []
    try finder.search(.zero, root, from: chunks) {
      out.append(String(decoding: $0.path, as: UTF8.self))
    }
    return out
  }

  private func finder(_ patterns: String..., ignoringCase: Bool = false) throws -> PathFinder {
    try PathFinder(patterns: patterns.map { Array($0.utf8) }, ignoringCase: ignoringCase)
  }

  private func sample() throws -> DirectoryContent {
    try chunks.tree([
      ("etc", .directory([("a.conf", .text("a")), ("b.txt", .text("b"))])),
      ("home", .directory([("conf.d", .directory([("x", .text("x"))])), ("B.CONF", .text("c"))])),
      ("var", .directory([("log", .directory([("l.txt", .text("l"))]))])),
    ])
  }

  @Test func byPattern() throws {
    let root = try sample()
    #expect(try found(finder("*.conf"), root) == ["/etc/a.conf"])
    #expect(
      try found(finder("*.conf", ignoringCase: true), root) == ["/etc/a.conf", "/home/B.CONF"])
    #expect(try found(finder("b.txt", "l.txt"), root) == ["/etc/b.txt", "/var/log/l.txt"])
    #expect(try found(finder("conf.d"), root) == ["/home/conf.d", "/home/conf.d/x"])
    #expect(try found(finder("/var/*"), root) == ["/var/log", "/var/log/l.txt"])
    #expect(try found(finder("log/*.txt"), root) == ["/var/log/l.txt"])
    #expect(try found(finder("/**/l.txt"), root) == ["/var/log/l.txt"])
    #expect(try found(finder(""), root).count == 10)
    #expect(try found(finder("nothing"), root).isEmpty)
  }

  @Test func whatCannotBeLookedFor() {
    #expect(throws: VarveError(.usage, "")) { try finder("[") }
    #expect(throws: VarveError(.usage, "")) { try finder("!a") }
    #expect(throws: VarveError(.usage, "")) {
      try PathFinder(
        patterns: [[0x61]], oldest: FileTime(seconds: 2, nanoseconds: 0),
        newest: FileTime(seconds: 1, nanoseconds: 0))
    }
  }

  @Test func byTime() throws {
    let root = try chunks.tree([
      ("d", .modified(5, node: .directory([("1", .modified(1, node: .fifo))]))),
      ("2", .modified(2, 5, node: .fifo)), ("3", .modified(3, node: .fifo)),
    ])
    func times(_ oldest: FileTime?, _ newest: FileTime?) throws -> [String] {
      try found(
        PathFinder(patterns: [Array("*".utf8)], oldest: oldest, newest: newest), root)
    }
    let two = FileTime(seconds: 2, nanoseconds: 5)
    #expect(try times(two, nil) == ["/2", "/3", "/d"])
    #expect(try times(nil, two) == ["/2", "/d/1"])
    #expect(try times(two, two) == ["/2"])
  }

  @Test func sharedSubtreesWithoutMatchesAreReadOnce() throws {
    let plain = (0..<20).map { ("p\($0)", Node.directory([("f", .text("\($0)"))])) }
    let first = try chunks.tree(plain + [("has", .directory([("wanted", .text("1"))]))])
    let second = try chunks.tree(
      plain + [("has", .directory([("wanted", .text("1"))])), ("more", .fifo)])
    for pattern in ["wanted", "has/wanted", "/*/wanted"] {
      let finder = try finder(pattern)
      #expect(try found(finder, first) == ["/has/wanted"])
      chunks.recordsReads = true
      chunks.reads = []
      #expect(try found(finder, second) == ["/has/wanted"])
      #expect(chunks.reads.count == 2, "\(pattern)")
    }
  }

  /// The same directory matches in one place and not in another; what was learnt there must not hide it.
  @Test func subtreesDoNotHideMatchesElsewhere() throws {
    let same = Node.directory([("f", .directory([("g", .text("x"))]))])
    let first = try chunks.tree([("a", same)])
    let second = try chunks.tree([("a", same), ("b", same)])
    for (pattern, expected) in [
      ("b/f", ["/b/f", "/b/f/g"]), ("/b/**/g", ["/b/f/g"]), ("b", ["/b", "/b/f", "/b/f/g"]),
    ] {
      let finder = try finder(pattern)
      #expect(try found(finder, first).isEmpty)
      #expect(try found(finder, second) == expected)
    }
  }

  @Test func canBeInterruptedBetweenNodes() throws {
    let root = try sample()
    let flag = CancellationFlag()
    let source = CancellableSource(chunks, flag)
    let finder = try finder("*.conf", ignoringCase: true)
    var paths: [String] = []
    #expect(throws: VarveError(.interrupted, "")) {
      try finder.search(.zero, root, from: source) {
        paths.append(String(decoding: $0.path, as: UTF8.self))
        flag.cancel()
      }
    }
    #expect(paths == ["/etc/a.conf"])
  }
}
