import Testing
import Varve
import VarveCrypto
import VarveFormat

@Suite struct ObjectFinderTests {
  private let chunks = MemoryChunks()

  private func found(_ finder: ObjectFinder, _ root: DirectoryContent) throws -> [String] {
    var out: [String] = []
    try finder.search(.zero, root, from: chunks) {
      out.append("\($0.kind.rawValue) \(String(decoding: $0.path, as: UTF8.self))")
    }
    return out
  }

  @Test func chunksAndTrees() throws {
    let root = try chunks.tree([
      ("a", .directory([("one", .text("one")), ("two", .text("two"))])),
      ("b", .directory([("one again", .text("one"))])),
    ])
    let one = SHA256.digest(Array("one".utf8)).hex
    #expect(try found(ObjectFinder(chunks: [one]), root) == ["blob /a/one", "blob /b/one again"])
    #expect(try found(ObjectFinder(chunks: [String(one.prefix(9)).uppercased()]), root).count == 2)
    #expect(try found(ObjectFinder(nodes: [one]), root).isEmpty)
    let a = try TreeLookup.directory(at: SnapshotPath("a".utf8), below: root, from: chunks)
    #expect(try found(ObjectFinder(nodes: [a.id.hex]), root) == ["tree /a"])
    #expect(try found(ObjectFinder(nodes: [root.id.hex]), root) == ["tree /"])
    #expect(try found(ObjectFinder(chunks: [a.id.hex]), root).isEmpty)
    #expect(
      try found(ObjectFinder(exact: [a.id, SHA256.digest(Array("two".utf8))]), root)
        == ["tree /a", "blob /a/two"])
  }

  @Test func parentsAreTheirDirectories() throws {
    let root = try chunks.tree([("d", .directory([("f", .text("f"))]))])
    let d = try TreeLookup.directory(at: SnapshotPath("d".utf8), below: root, from: chunks)
    var uses: [FoundObject] = []
    try ObjectFinder(chunks: [SHA256.digest(Array("f".utf8)).hex]).search(
      d.id, root, from: chunks
    ) { uses.append($0) }
    #expect(uses.count == 1)
    #expect(uses.first?.parent == d.id)
    #expect(uses.first?.snapshot == d.id)
  }

  @Test(arguments: ["", "g", "0x12", String(repeating: "0", count: 65)])
  func whatIsNoID(_ text: String) {
    #expect(throws: VarveError(.usage, "")) { try ObjectFinder(chunks: [text]) }
    #expect(throws: VarveError(.usage, "")) { try ObjectFinder(nodes: [text]) }
  }

  @Test func partsAndChunkLists() throws {
    let names = (0..<20_000).map { ("file-\($0)", Node.fifo) }
    let bytes = (0..<50_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 7) }
    let root = try chunks.tree(
      [("big", .directory(names)), ("long", .file(bytes, chunkSize: 1_000))])
    let long = try #require(
      try TreeLookup.entry(at: SnapshotPath("long".utf8), below: root, from: chunks))
    guard case .file(let content) = long.content, case .lists(let lists) = content.form else {
      Issue.record("the file is not long")
      return
    }
    #expect(try found(ObjectFinder(nodes: [lists[0].id.hex]), root) == ["tree /long"])
    let last = SHA256.digest(Array(bytes.suffix(1_000)))
    #expect(try found(ObjectFinder(chunks: [last.hex]), root) == ["blob /long"])
    let big = try TreeLookup.directory(at: SnapshotPath("big".utf8), below: root, from: chunks)
    var reader = try TreeNodeReader(
      try #require(chunks.chunks[big.id]).withUnsafeBytes { node in
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: node.count, alignment: 8)
        copy.copyMemory(from: node)
        return UnsafeRawBufferPointer(copy)
      })
    var parts: [String] = []
    while let part = try reader.nextPart() { parts.append(part.id.hex) }
    #expect(parts.count > 3)
    #expect(
      try found(ObjectFinder(nodes: parts), root) == parts.map { _ in "tree /big" })
  }

  @Test func nothingIsReadTwiceInVain() throws {
    let root = try chunks.tree(
      (0..<10).map { ("d\($0)", Node.directory([("f", .text("\($0)"))])) })
    let finder = try ObjectFinder(chunks: [SHA256.digest(Array("3".utf8)).hex])
    #expect(try found(finder, root) == ["blob /d3/f"])
    chunks.recordsReads = true
    #expect(try found(finder, root) == ["blob /d3/f"])
    #expect(chunks.reads.count == 2)
  }
}
