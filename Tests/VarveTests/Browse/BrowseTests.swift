import Testing
import Varve
import VarveFormat

@Suite struct BrowseTests {
  private let chunks = MemoryChunks()

  private func paths(_ listing: Listing, _ root: DirectoryContent) throws -> [String] {
    var out: [String] = []
    try listing.forEach(below: root, from: chunks) { path, _ in
      out.append(String(decoding: path, as: UTF8.self))
    }
    return out
  }

  private func sample() throws -> DirectoryContent {
    try chunks.tree([
      ("etc", .directory([("hosts", .text("h")), ("ssh", .directory([("key", .text("k"))]))])),
      ("empty", .directory([])),
      ("srv", .directory([("a", .text("a")), ("a.d", .directory([("b", .text("b"))]))])),
    ])
  }

  @Test func wholeTree() throws {
    let all = [
      "/empty", "/etc", "/etc/hosts", "/etc/ssh", "/etc/ssh/key", "/srv", "/srv/a", "/srv/a.d",
      "/srv/a.d/b",
    ]
    #expect(try paths(Listing(), try sample()) == all)
    #expect(try paths(Listing(directories: [.root], isRecursive: true), try sample()) == all)
  }

  @Test func chosenDirectories() throws {
    let root = try sample()
    func listing(_ directories: String..., recursive: Bool = false) -> Listing {
      Listing(directories: directories.map { SnapshotPath($0.utf8) }, isRecursive: recursive)
    }
    #expect(try paths(listing("/"), root) == ["/empty", "/etc", "/srv"])
    #expect(try paths(listing("/etc"), root) == ["/etc", "/etc/hosts", "/etc/ssh"])
    #expect(
      try paths(listing("/etc/ssh", "srv/a"), root)
        == ["/etc/ssh", "/etc/ssh/key", "/srv/a"])
    #expect(
      try paths(listing("/etc", recursive: true), root)
        == ["/etc", "/etc/hosts", "/etc/ssh", "/etc/ssh/key"])
    #expect(throws: VarveError(.notFound, "")) { try paths(listing("/et"), root) }
  }

  @Test func lookingUp() throws {
    let root = try sample()
    func entry(_ path: String) throws -> TreeEntry? {
      try TreeLookup.entry(at: SnapshotPath(path.utf8), below: root, from: chunks)
    }
    #expect(try entry("/") == nil)
    #expect(try entry("etc//ssh/./key")?.name == Array("key".utf8))
    #expect(try entry("/etc/../srv/a.d")?.type == .directory)
    for missing in ["/etc/nothing", "/a", "/etc/hosts/x", "/zzz", "/srv/a/b"] {
      #expect(throws: VarveError(.notFound, "")) { try entry(missing) }
    }
    #expect(throws: VarveError(.notFound, "")) {
      try TreeLookup.directory(at: SnapshotPath("/etc/hosts".utf8), below: root, from: chunks)
    }
    let ssh = try TreeLookup.directory(at: SnapshotPath("/etc/ssh".utf8), below: root, from: chunks)
    #expect(try paths(Listing(), ssh) == ["/key"])
  }

  @Test func hugeDirectories() throws {
    let names = (0..<20_000).map { "file-\($0)" }
    let root = try chunks.tree(
      [("big", .directory(names.map { ($0, .text("x")) })), ("last", .text(""))])
    let listed = try paths(Listing(), root)
    #expect(listed.count == 20_002)
    #expect(listed.dropFirst().dropLast() == names.sorted().map { "/big/\($0)" }[...])

    chunks.recordsReads = true
    let found = try TreeLookup.entry(
      at: SnapshotPath("/big/file-777".utf8), below: root, from: chunks)
    #expect(found?.name == Array("file-777".utf8))
    #expect(chunks.reads.count == 3)
    for missing in ["file-", "file-99999", "zzz"] {
      #expect(throws: VarveError(.notFound, "")) {
        try TreeLookup.entry(
          at: SnapshotPath("/big/\(missing)".utf8), below: root, from: chunks)
      }
    }
  }

  /// Every level holds a node of some 200 KiB: a walk that kept them all would need 80 MB.
  @Test func deepTreesInFlatMemory() throws {
    let depth = 400
    let fill = (0..<200).map { ("file-\($0)-\(String(repeating: "x", count: 1_000))", Node.fifo) }
    var node = Node.directory(fill)
    for _ in 1..<depth {
      let content = try chunks.entry([0x64], node)
      node = .directory(fill + [("down", .with(.directory([])) { $0.content = content.content })])
    }
    let root = try #require(try chunks.entry([0x72], node).directory)
    let walk = try TreeWalk(root, from: chunks)
    var entries = 0
    var deepest = 0
    var largest = 0
    while let step = try walk.next() {
      guard case .entry(let raw) = step else { continue }
      entries += 1
      if case .directory(let content) = try raw.decode().content { try walk.enter(content) }
      deepest = max(deepest, walk.depth)
      largest = max(largest, walk.heldBytes)
    }
    #expect(entries == depth * 200 + depth - 1)
    #expect(deepest == depth)
    #expect((8 << 20..<17 << 20).contains(largest))
  }

  @Test func treesThatAreTooDeep() throws {
    var directory = try chunks.tree([])
    for _ in 0..<TreeLimits.depth {
      let below = directory
      directory = try chunks.tree(
        [("d", .with(.directory([])) { $0.content = .directory(below) })])
    }
    #expect(throws: VarveError(.damaged, "")) { try paths(Listing(), directory) }
  }

  @Test func nodesThatAreNotWhatTheTreeSays() throws {
    let root = try sample()
    var wrongCount = root
    wrongCount.entryCount += 1
    #expect(throws: VarveError(.damaged, "")) { try paths(Listing(), wrongCount) }
    let etc = try TreeLookup.directory(at: SnapshotPath("/etc".utf8), below: root, from: chunks)
    let node = try #require(chunks.chunks[etc.id])
    for cut in [0, 1, 2, 10, node.count - 1] {
      chunks.replace(etc.id, with: Array(node.prefix(cut)))
      #expect(throws: VarveError(.damaged, "")) { try paths(Listing(), root) }
    }
    chunks.remove(etc.id)
    #expect(throws: VarveError(.missing, "")) { try paths(Listing(), root) }
  }

  @Test func snapshotPaths() {
    #expect(SnapshotPath("//a/./b/".utf8).bytes == Array("/a/b".utf8))
    #expect(SnapshotPath("".utf8).isRoot)
    #expect(SnapshotPath("../..".utf8).isRoot)
    #expect(SnapshotPath.root.description == "/")
    #expect(SnapshotPath("/a/b".utf8).lies(in: SnapshotPath("/a".utf8)))
    #expect(!SnapshotPath("/ab".utf8).lies(in: SnapshotPath("/a".utf8)))
  }
}

extension TreeEntry {
  var directory: DirectoryContent? {
    if case .directory(let content) = content { content } else { nil }
  }
}
