import VarveCrypto
import VarveFormat
import VarveTestSupport

extension ParserTarget {
  static let treeTargets: [ParserTarget] = [
    // One entry's body, of every type: parsed twice, for its content and for its commitments.
    ParserTarget(
      "tree-entry", tokens: ["user.x", "security.capability", ".", ".."], allocationLimit: 8,
      seeds: {
        try VectorFile.records("tree-entries.txt").filter { try $0.text("result") == "ok" }
          .map { try $0.bytes("body") }.filter { $0.count < 4_000 } + randomEntries(60)
      },
      recode: { bytes in
        try bytes.withUnsafeBytes { body in
          // Each parser knows parts of the rules; both or neither take an entry.
          let fields = Result { try CommitmentFields(body: body) }
          let entry = Result { try TreeEntry(body: body) }
          switch (fields, entry) {
          case (.success(let fields), .success(let entry)):
            try require(body[fields.name].elementsEqual(entry.name), "two names of one entry")
            use(body[fields.meta].count)
          case (.failure, .failure): break
          case (.success, .failure), (.failure, .success):
            throw Broken("an entry that only one of the parsers takes")
          }
          return try entry.get().encode()
        }
      }),
    // A directory's node or a list of parts, with every entry in it.
    ParserTarget(
      "tree-node", seeds: { try nodes() },
      recode: { bytes in
        try bytes.withUnsafeBytes { node in
          var reader = try TreeNodeReader(node)
          var writer = ByteWriter()
          writer.u8(1)
          writer.u8(reader.kind.rawValue)
          switch reader.kind {
          case .entries:
            writer.uvarint(reader.entryCount)
            while let raw = try reader.nextEntry() {
              let body = try raw.decode().encode()
              try require(raw.body.elementsEqual(body), "two encodings of one entry")
              writer.lengthPrefixed(body)
            }
          case .parts:
            writer.uvarint(reader.entryCount)
            writer.uvarint(reader.partCount)
            while let part = try reader.nextPart() {
              writer.lengthPrefixed(Array(part.firstName))
              writer.digest(part.id)
              writer.uvarint(part.entryCount)
            }
          case .chunks: break
          }
          return writer.bytes
        }
      }),
    // A directory in parts: the first node is the input's list, every part its rest.
    ParserTarget(
      "directory",
      seeds: {
        try nodes().flatMap { list in
          try nodes().prefix(3).map { [UInt8(list.count % 256)] + list + $0 }
        }
      },
      recode: { bytes in
        guard let first = bytes.first, bytes.count > Int(first) else { return nil }
        let list = Array(bytes[1..<1 + Int(first)])
        let rest = Array(bytes[(1 + Int(first))...])
        var fetched = 0
        try DirectoryReader.forEachEntry(of: .zero, entryCount: nil) { _ in
          fetched += 1
          return fetched == 1 ? list : rest
        } _: { entry in
          use(try entry.decode().name)
        }
        return nil
      }),
    ParserTarget(
      "chunk-list",
      seeds: {
        var generator = SeededGenerator(seed: 5)
        return [1, 2, 40].map { count in
          ChunkListNode(
            chunks: (0..<count).map {
              ChunkReference(address: generator.digest(), length: UInt32(1 + $0 * 1_000))
            }
          ).encode()
        }
      },
      recode: { bytes in
        try bytes.withUnsafeBytes { bytes in
          let node = try ChunkListNode(decoding: bytes)
          let sum = node.chunks.reduce(UInt64(0)) { $0 + UInt64($1.length) }
          let reference = ChunkListReference(
            id: .zero, chunks: UInt32(node.chunks.count), byteCount: sum)
          use(try? ChunkListNode(decoding: bytes, as: reference, isLast: false))
          use(try? ChunkListNode(decoding: bytes, as: reference, isLast: true))
          return node.encode()
        }
      }),
  ]

  private static func randomEntries(_ count: Int) throws -> [[UInt8]] {
    var generator = SeededGenerator(seed: 11)
    return try (0..<count).map { _ in try TreeEntry.random(&generator).encode() }
  }

  private static func nodes() throws -> [[UInt8]] {
    var nodes: [[UInt8]] = []
    for entries in [0, 1, 3, 20] {
      let bodies = Dictionary(
        try randomEntries(entries).map {
          (try $0.withUnsafeBytes { try TreeEntry(body: $0).name }, $0)
        }
      ) { first, _ in first }
      var writer = TreeNodeWriter()
      for body in bodies.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) }) {
        try body.value.withUnsafeBytes {
          try writer.append($0) { node in
            nodes.append(Array(node))
            return SHA256.digest(node)
          }
        }
      }
      _ = try writer.finish { node in
        nodes.append(Array(node))
        return SHA256.digest(node)
      }
    }
    var parts = ByteWriter()
    parts.u8(1)
    parts.u8(1)
    parts.uvarint(9)
    parts.uvarint(2)
    for (number, name) in ["a", "m"].enumerated() {
      parts.lengthPrefixed(Array(name.utf8))
      parts.digest(Digest(UInt64(number), 1, 1, 1))
      parts.uvarint(4 + number)
    }
    return nodes + [parts.bytes]
  }
}
