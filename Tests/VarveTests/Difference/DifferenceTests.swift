import Testing
import Varve
import VarveFormat

@Suite struct DifferenceTests {
  private let chunks = MemoryChunks()

  private func changes(
    _ first: DirectoryContent, _ second: DirectoryContent, metadata: Bool = false
  ) throws -> ([String], Difference.Report) {
    var lines: [String] = []
    let report = try Difference(includesMetadata: metadata).compare(
      first, with: second, from: chunks
    ) {
      let slash = $0.isDirectory ? "/" : ""
      lines.append("\($0.modifier) \(String(decoding: $0.path, as: UTF8.self))\(slash)")
    }
    return (lines, report)
  }

  @Test func equalTrees() throws {
    let root = try chunks.tree([("a", .text("a"))])
    chunks.recordsReads = true
    let (lines, report) = try changes(root, root)
    #expect(lines.isEmpty)
    #expect(report == Difference.Report())
    #expect(chunks.reads.isEmpty)
  }

  @Test func everyKindOfChange() throws {
    let first = try chunks.tree([
      ("bitrot", .text("one")), ("device", .device(.characterDevice, 1, 3)),
      ("gone", .text("gone")),
      ("gone.d", .directory([("x", .text("xx")), ("y", .directory([("z", .fifo)]))])),
      ("link", .link([0x61])), ("mode", .text("m")), ("same", .text("s")),
      ("sub", .directory([("file", .modified(1, node: .text("old")))])),
      ("type", .directory([("below", .text("b"))])),
    ])
    let second = try chunks.tree([
      ("bitrot", .text("eno")), ("device", .device(.characterDevice, 1, 4)),
      ("link", .link([0x62])), ("mode", .mode(0o600, .text("m"))),
      ("new", .text("new")), ("new.d", .directory([("x", .link([0x61]))])), ("same", .text("s")),
      ("sub", .directory([("file", .modified(2, node: .text("newer")))])), ("type", .text("t")),
    ])
    let (lines, report) = try changes(first, second, metadata: true)
    #expect(
      lines == [
        "M? /bitrot", "M /device", "- /gone", "- /gone.d/", "- /gone.d/x", "- /gone.d/y/",
        "- /gone.d/y/z", "M /link", "U /mode", "+ /new", "+ /new.d/", "+ /new.d/x",
        "M /sub/file", "TU /type", "- /type/below",
      ])
    #expect(report.changedFiles == 2)
    #expect(report.removed.files == 3)
    #expect(report.removed.directories == 2)
    #expect(report.removed.others == 1)
    #expect(report.added.files == 1)
    #expect(report.added.directories == 1)
    #expect(report.added.others == 1)
    // "one", "gone", "xx", "old", "b" against "eno", "new", "newer", "t".
    #expect(report.removed.dataChunks == 5)
    #expect(report.added.dataChunks == 4)
    // The roots, /sub; /gone.d, its y and /type against /new.d.
    #expect(report.removed.treeChunks == 5)
    #expect(report.added.treeChunks == 3)

    let (plain, _) = try changes(first, second)
    #expect(
      plain
        == lines.filter { !$0.hasPrefix("U") }.map { $0 == "TU /type" ? "T /type" : $0 })

    let (reversed, backwards) = try changes(second, first)
    #expect(reversed.count == lines.count - 1)
    #expect(backwards.added == report.removed)
    #expect(backwards.removed == report.added)
  }

  @Test func bytes() throws {
    let first = try chunks.tree([
      ("kept", .file(Array(repeating: 1, count: 5_000))),
      ("moved", .file(Array(repeating: 2, count: 6_000))),
      ("removed", .file(Array(repeating: 3, count: 7_000))),
    ])
    let second = try chunks.tree([
      ("added", .file(Array(repeating: 4, count: 8_000))),
      ("copy", .file(Array(repeating: 1, count: 5_000))),
      ("kept", .file(Array(repeating: 1, count: 5_000))),
      ("moved.to", .file(Array(repeating: 2, count: 6_000))),
    ])
    let (_, report) = try changes(first, second)
    let firstNode = UInt64(try #require(chunks.chunks[first.id]).count)
    let secondNode = UInt64(try #require(chunks.chunks[second.id]).count)
    #expect(report.removed.bytes == 7_000 + firstNode)
    #expect(report.added.bytes == 8_000 + secondNode)
    #expect(report.removed.dataChunks == 1)
    #expect(report.added.dataChunks == 1)
  }

  @Test func equalSubtreesAreNotRead() throws {
    let same = (0..<50).map { ("d\($0)", Node.directory([("f", .text("\($0)"))])) }
    let first = try chunks.tree(same + [("changed", .text("1"))])
    let second = try chunks.tree(same + [("changed", .text("2!"))])
    chunks.recordsReads = true
    let (lines, _) = try changes(first, second)
    #expect(lines == ["M /changed"])
    #expect(chunks.reads == [first.id, second.id])
  }

  @Test func ofHugeDirectoriesOnlyTheChangedPartsAreRead() throws {
    let names = (0..<60_000).map { "file-\($0)" }
    let first = try chunks.tree(names.map { ($0, .text($0)) })
    var changed = names
    changed.insert("file-31234-more", at: 31_235)
    changed.removeAll { $0 == "file-500" }
    let second = try chunks.tree(changed.map { ($0, .text($0)) })
    chunks.recordsReads = true
    let (lines, report) = try changes(first, second)
    #expect(lines == ["+ /file-31234-more", "- /file-500"])
    // Two lists, and two to four parts around each change, of some forty on each side.
    #expect(chunks.reads.count <= 14)
    #expect(report.added.dataChunks == 1)
    #expect(report.removed.dataChunks == 1)
    #expect((2...4).contains(report.added.treeChunks))
  }

  @Test func longFilesShareTheirLists() throws {
    var bytes = [UInt8](repeating: 0, count: 200_000)
    for index in bytes.indices { bytes[index] = UInt8(truncatingIfNeeded: index * index >> 9) }
    var changed = bytes
    changed[0] ^= 1
    let first = try chunks.tree([("f", .file(bytes, chunkSize: 1_000))])
    let second = try chunks.tree([("f", .modified(5, node: .file(changed, chunkSize: 1_000)))])
    let (lines, report) = try changes(first, second)
    #expect(lines == ["M /f"])
    #expect(report.added.dataChunks == 1)
    #expect(report.removed.dataChunks == 1)
  }

  @Test func damageIsFound() throws {
    let first = try chunks.tree([("d", .directory([("f", .text("1"))]))])
    let second = try chunks.tree([("d", .directory([("f", .text("2"))]))])
    let below = try TreeLookup.directory(
      at: SnapshotPath("d".utf8), below: second, from: chunks)
    chunks.replace(below.id, with: [1, 0, 1])
    #expect(throws: VarveError(.damaged, "")) { try changes(first, second) }
    chunks.remove(below.id)
    #expect(throws: VarveError(.missing, "")) { try changes(first, second) }
  }
}
