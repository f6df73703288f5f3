import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct ChunkListTests {
  private func chunks(_ count: Int) -> [ChunkReference] {
    (0..<count).map { number in
      var writer = ByteWriter()
      writer.u32(UInt32(number))
      return ChunkReference(
        address: SHA256.digest(writer.bytes), length: UInt32(1_000 + number % 7))
    }
  }

  private func write(
    _ chunks: [ChunkReference]
  ) throws -> (writer: ChunkListWriter, isList: Bool, nodes: [[UInt8]]) {
    var writer = ChunkListWriter()
    var nodes: [[UInt8]] = []
    let store: TreeNodeWriter.Store = {
      nodes.append(Array($0))
      return SHA256.digest($0)
    }
    for chunk in chunks { try writer.append(chunk, store: store) }
    let isList = try writer.finish(store: store)
    return (writer, isList, nodes)
  }

  @Test func listsEndAsTheVectorsSay() throws {
    for record in try VectorFile.records("chunk-lists.txt") {
      let chunks = chunks(try record.integer("count"))
      let (writer, isList, nodes) = try write(chunks)
      #expect(isList == (chunks.count > TreeLimits.inlineChunks))
      #expect(writer.byteCount == chunks.reduce(0) { $0 + UInt64($1.length) })
      let expected = try record.text("nodes").split(separator: " ").map(String.init)
      #expect(nodes.map { SHA256.digest($0).hex } == expected, "\(record)")
      let counts = try record.text("counts").split(separator: " ").map(String.init)
      #expect(writer.lists.map { "\($0.chunks)" } == counts, "\(record)")
      guard isList else {
        #expect(writer.chunks == chunks)
        continue
      }
      var read: [ChunkReference] = []
      for (index, (node, reference)) in zip(nodes, writer.lists).enumerated() {
        read += try node.withUnsafeBytes {
          try ChunkListNode(decoding: $0, as: reference, isLast: index == nodes.count - 1).chunks
        }
      }
      #expect(read == chunks)
    }
  }

  @Test(arguments: [1, 2, 31, 32, 33, 500, 5_000]) func aFileThatGoesOn(count: Int) throws {
    let chunks = chunks(count)
    var nodes: [Digest: [UInt8]] = [:]
    let store: TreeNodeWriter.Store = {
      nodes[SHA256.digest($0)] = Array($0)
      return SHA256.digest($0)
    }
    var writer = ChunkListWriter()
    for (index, chunk) in chunks.enumerated() {
      try writer.append(chunk, store: store)
      guard index % 97 == 0 || index + 1 == count else { continue }
      var read: [ChunkReference] = []
      for list in try writer.nodesSoFar(store: store) {
        let node = try #require(nodes[list.id])
        read += try node.withUnsafeBytes { try ChunkListNode(decoding: $0).chunks }
      }
      #expect(read == Array(chunks[...index]))
    }
    let isList = try writer.finish(store: store)
    let plain = try write(chunks)
    #expect(isList == plain.isList)
    #expect(writer.lists == plain.writer.lists && writer.chunks == plain.writer.chunks)
  }

  @Test func listsCutElsewhereAreRefused() throws {
    let chunks = chunks(3_000)
    let (writer, _, nodes) = try write(chunks)
    let first = writer.lists[0]
    #expect(throws: VarveError(.damaged, "")) {
      try nodes[1].withUnsafeBytes { _ = try ChunkListNode(decoding: $0, as: first, isLast: true) }
    }
    // Too long: it goes on behind a chunk that ends lists. Too short: it is not the last.
    let end = Int(first.chunks)
    let long = ChunkListNode(chunks: Array(chunks[..<(end + 1)])).encode()
    #expect(throws: VarveError(.damaged, "")) {
      try long.withUnsafeBytes { _ = try ChunkListNode(decoding: $0) }
    }
    let short = ChunkListNode(chunks: Array(chunks[..<(end - 1)]))
    let reference = ChunkListReference(
      id: .zero, chunks: UInt32(end - 1), byteCount: short.byteCount)
    try short.encode().withUnsafeBytes { bytes in
      _ = try ChunkListNode(decoding: bytes, as: reference, isLast: true)
      #expect(throws: VarveError(.damaged, "")) {
        _ = try ChunkListNode(decoding: bytes, as: reference, isLast: false)
      }
    }
  }

  @Test func mutatedListsNeverTrap() throws {
    let node = ChunkListNode(chunks: chunks(40)).encode()
    Mutation(seed: 41, rounds: 2_000).expectSafe(node) {
      try ChunkListNode(decoding: $0).encode()
    }
  }

  @Test func aWriterThatIsUsedAgainGivesTheSame() throws {
    var writer = ChunkListWriter()
    let store: TreeNodeWriter.Store = { SHA256.digest($0) }
    var results: [[ChunkListReference]] = []
    for _ in 0..<2 {
      writer.reset()
      for chunk in chunks(500) { try writer.append(chunk, store: store) }
      _ = try writer.finish(store: store)
      results.append(writer.lists)
    }
    #expect(results[0] == results[1])
  }
}
