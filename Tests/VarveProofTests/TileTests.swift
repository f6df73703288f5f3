import Testing
import VarveFormat
import VarveProof
import VarveTestSupport

@Suite struct TileTests {
  @Test func paths() throws {
    for vector in try VectorFile.records("tiles.txt") {
      let level = try vector.integer("level")
      let tile = Tile(
        level < 0 ? .entries : .hashes(level: level), index: UInt64(try vector.integer("index")),
        width: try vector.integer("width"))
      #expect(tile.path == (try vector.text("path")))
      #expect(Tile(path: try vector.text("path")) == tile)
    }
  }

  @Test(arguments: [
    "", "tile", "tile/0", "tile/0/", "tile/0/00", "tile/0/0000", "tile/0/x001", "tile/0/001/001",
    "tile/0/x000/001", "tile/00/001", "tile/-1/001", "tile/8/001", "tile/0/001.p/0",
    "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001.p", "tile/0/x001.p/3", "tile/0/00a",
    "tile/entries/x1/001", "tile/entries/001/", "/tile/0/001", "tile/0/xx001/001",
    "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
  ])
  func otherPathsDenoteNoTile(_ path: String) { #expect(Tile(path: path) == nil) }

  /// The example of c2sp.org/tlog-tiles.
  @Test func aTreeOfSeventyThousandEntries() {
    let full = Tile.completed(from: 0, to: 70_000)
    let partial = Tile.partial(atSize: 70_000)
    func count(_ kind: Tile.Kind) -> Int { full.count { $0.kind == kind } }
    #expect(count(.hashes(level: 0)) == 273)
    #expect(count(.entries) == 273)
    #expect(count(.hashes(level: 1)) == 1)
    #expect(count(.hashes(level: 2)) == 0)
    #expect(
      Set(partial) == [
        Tile(.hashes(level: 0), index: 273, width: 112), Tile(.entries, index: 273, width: 112),
        Tile(.hashes(level: 1), index: 1, width: 17), Tile(.hashes(level: 2), index: 0, width: 1),
      ])
    #expect(Tile.partial(atSize: 256) == [Tile(.hashes(level: 1), index: 0, width: 1)])
    #expect(Tile.completed(from: 255, to: 255).isEmpty)
    #expect(Tile.completed(from: 300, to: 511).isEmpty)
    #expect(Tile.completed(from: 511, to: 512).map(\.path) == ["tile/0/001", "tile/entries/001"])
    #expect(
      Tile.completed(from: 65_535, to: 65_536).map(\.path) == [
        "tile/0/255", "tile/entries/255", "tile/1/000",
      ])
  }

  @Test func theHashesOfATileRebuildTheTree() throws {
    let tree = MerkleTests.tree(600)
    let first = try #require(tree.hashes(of: Tile(.hashes(level: 0), index: 1)))
    #expect(first == (256..<512).map(MerkleTests.leaf))
    let upper = try #require(tree.hashes(of: Tile(.hashes(level: 1), index: 0, width: 2)))
    #expect(upper[0] == tree.root(atSize: 256))
    var second = MerkleFrontier()
    for hash in first { second.append(leafHash: hash) }
    #expect(upper[1] == second.root)
    #expect(Tile.bytes(of: upper) == upper[0].bytes + upper[1].bytes)
    #expect(tree.hashes(of: Tile(.hashes(level: 0), index: 2)) == nil)
    #expect(tree.hashes(of: Tile(.hashes(level: 0), index: 2, width: 88))?.count == 88)
    #expect(tree.hashes(of: Tile(.hashes(level: 0), index: .max)) == nil)
    #expect(tree.hashes(of: Tile(.hashes(level: 7), index: 0, width: 1)) == nil)
  }
}
