import Testing
import VarveCrypto
import VarveFormat
import VarveTestSupport

@Suite struct TreeNodeTests {
  /// Keeps nodes by address, as a repository does.
  private final class NodeStore {
    private(set) var nodes: [Digest: [UInt8]] = [:]
    private(set) var order: [Digest] = []
    var largest = 0

    func store(_ node: UnsafeRawBufferPointer) -> Digest {
      let id = SHA256.digest(node)
      nodes[id] = Array(node)
      order.append(id)
      largest = max(largest, node.count)
      return id
    }

    func fetch(_ id: Digest) throws -> [UInt8] {
      guard let node = nodes[id] else { throw VarveError(.missing, "no node \(id)") }
      return node
    }
  }

  private func emptyFile(_ name: [UInt8], padding: Int = 0) throws -> [UInt8] {
    try TreeEntry(
      name: name,
      attributes: EntryAttributes(
        type: .file, mode: 0o644, uid: 0, gid: 0,
        modified: FileTime(seconds: 0, nanoseconds: 0)),
      extendedAttributes: padding == 0
        ? []
        : [
          ExtendedAttribute(
            name: Array("user.x".utf8), value: [UInt8](repeating: 120, count: padding))
        ],
      content: .file(.empty)
    ).encode()
  }

  /// The names of C's `printf` patterns with one number, which is all that the vectors use.
  private func name(_ pattern: String, _ number: Int) throws -> [UInt8] {
    let parts = pattern.split(separator: "%", omittingEmptySubsequences: false)
    let end = try #require(parts[1].firstIndex(of: "d"))
    let width = Int(parts[1][..<end]) ?? 0
    let digits = String(number)
    let zeros = String(repeating: "0", count: max(0, width - digits.utf8.count))
    return Array("\(parts[0])\(zeros)\(digits)\(parts[1][parts[1].index(after: end)...])".utf8)
  }

  private func write(_ bodies: some Sequence<[UInt8]>, to store: NodeStore) throws -> Digest {
    var writer = TreeNodeWriter()
    for body in bodies {
      try body.withUnsafeBytes { try writer.append($0, store: store.store) }
    }
    return try writer.finish(store: store.store).id
  }

  @Test func directoriesSplitAsTheVectorsSay() throws {
    for record in try VectorFile.records("tree-nodes.txt") {
      let (pattern, count) = (try record.text("pattern"), try record.integer("count"))
      let padding = try record.integer("padding")
      let store = NodeStore()
      let bodies = try (0..<count).map { try emptyFile(name(pattern, $0), padding: padding) }
      let id = try write(bodies, to: store)
      #expect(
        store.order.map(\.hex) == (try record.text("nodes").split(separator: " ").map(String.init)),
        "\(record)")
      #expect(store.order.last == id)
      var read: [[UInt8]] = []
      try DirectoryReader.forEachEntry(of: id, entryCount: UInt64(count), fetch: store.fetch) {
        read.append(Array($0.body))
      }
      #expect(read == bodies)
    }
  }

  @Test func aWriterThatIsUsedAgainGivesTheSame() throws {
    var writer = TreeNodeWriter()
    var ids: Set<Digest> = []
    for round in 0..<3 {
      let store = NodeStore()
      if round == 1 {
        let other = try emptyFile(Array("zzz".utf8))
        try other.withUnsafeBytes { try writer.append($0, store: store.store) }
        writer.reset()
      }
      for number in 0..<20_000 {
        let body = try emptyFile(name("%06d", number))
        try body.withUnsafeBytes { try writer.append($0, store: store.store) }
      }
      let (id, count) = try writer.finish(store: store.store)
      #expect(count == 20_000)
      ids.insert(id)
    }
    #expect(ids.count == 1)
  }

  @Test func anInsertedNameChangesFewParts() throws {
    let store = NodeStore()
    let names = try (0..<60_000).map { try name("%06d", $0) }
    _ = try write(try names.map { try emptyFile($0) }, to: store)
    let before = Set(store.order)
    #expect(before.count > 10)
    for inserted in ["000000a", "030000a", "0599999"] {
      let other = NodeStore()
      let changed = (names + [Array(inserted.utf8)]).sorted { $0.lexicographicallyPrecedes($1) }
      _ = try write(try changed.map { try emptyFile($0) }, to: other)
      #expect(Set(other.order).subtracting(before).count <= 3, "\(inserted)")
    }
  }

  @Test func writerHoldsOnePartOnly() throws {
    let store = NodeStore()
    var writer = TreeNodeWriter()
    for number in 0..<200_000 {
      let body = try emptyFile(name("%07d", number))
      try body.withUnsafeBytes { try writer.append($0, store: store.store) }
    }
    #expect(store.order.count > 10, "parts are stored as they end")
    _ = try writer.finish(store: store.store)
    #expect(store.largest <= PartBoundary.maximumByteCount + 16)
  }

  @Test func namesMustAscend() throws {
    for (first, second) in [("b", "a"), ("a", "a"), ("ab", "a")] {
      var writer = TreeNodeWriter()
      let store = NodeStore()
      try emptyFile(Array(first.utf8)).withUnsafeBytes {
        try writer.append($0, store: store.store)
      }
      #expect(throws: VarveError(.usage, "")) {
        try emptyFile(Array(second.utf8)).withUnsafeBytes {
          try writer.append($0, store: store.store)
        }
      }
    }
  }

  @Test func mutatedDirectoriesNeverTrap() throws {
    var generator = SeededGenerator(seed: 31)
    let entries = (0..<12).map { _ in TreeEntry.random(&generator) }
      .sorted { $0.name.lexicographicallyPrecedes($1.name) }
    let store = NodeStore()
    let id = try write(try entries.map { try $0.encode() }, to: store)
    Mutation(seed: 32, rounds: 2_000).expectSafe(try store.fetch(id)) { node in
      var writer = TreeNodeWriter()
      let again = NodeStore()
      var reader = try TreeNodeReader(node)
      // A mutation can make a node of entries one of parts; then there is nothing to write again.
      guard reader.kind == .entries else {
        while try reader.nextPart() != nil {}
        return Array(node)
      }
      while let entry = try reader.nextEntry() {
        let body = try entry.decode().encode()
        try body.withUnsafeBytes { try writer.append($0, store: again.store) }
      }
      return try again.fetch(try writer.finish(store: again.store).id)
    }
  }

  @Test func mutatedPartListsNeverTrap() throws {
    let store = NodeStore()
    let bodies = try (0..<20_000).map { try emptyFile(name("%06d", $0)) }
    let id = try write(bodies, to: store)
    #expect(store.order.count > 5)
    Mutation(seed: 33, rounds: 100).expectSafe(try store.fetch(id)) { node in
      do {
        var count: UInt64 = 0
        try DirectoryReader.forEachEntry(
          of: id, fetch: { try $0 == id ? Array(node) : store.fetch($0) }
        ) { _ in count += 1 }
        #expect(count == 20_000)
        return try store.fetch(id)
      } catch let error as VarveError where error.code == .missing {
        throw VarveError(.damaged, "a part that is not there")
      }
    }
  }

  @Test func directoriesCutElsewhereAreRefused() throws {
    let bodies = try (0..<30_000).map { try emptyFile(name("%06d", $0)) }
    // One node although it is large; parts although it is small; parts that end elsewhere.
    let cuts: [[Range<Int>]] = [
      [], [0..<100, 100..<200], [0..<9_000, 9_000..<30_000],
      (0..<30).map { $0 * 1_000..<($0 + 1) * 1_000 },
    ]
    for (number, cut) in cuts.enumerated() {
      let store = NodeStore()
      let id: Digest
      if cut.isEmpty {
        id = storeNode(bodies, store)
      } else {
        var list = ByteWriter()
        list.u8(1)
        list.u8(1)
        list.uvarint(cut.last!.upperBound)
        list.uvarint(cut.count)
        for range in cut {
          list.lengthPrefixed(try name("%06d", range.lowerBound))
          list.digest(storeNode(Array(bodies[range]), store))
          list.uvarint(range.count)
        }
        id = list.bytes.withUnsafeBytes { store.store($0) }
      }
      #expect(throws: VarveError(.damaged, ""), "cut \(number)") {
        try DirectoryReader.forEachEntry(of: id, fetch: store.fetch) { _ in }
      }
    }
  }

  private func storeNode(_ bodies: [[UInt8]], _ store: NodeStore) -> Digest {
    var node = ByteWriter()
    node.u8(1)
    node.u8(0)
    node.uvarint(bodies.count)
    for body in bodies { node.lengthPrefixed(body) }
    return node.bytes.withUnsafeBytes { store.store($0) }
  }

  @Test func aDirectoryMustHaveTheCountItsEntrySays() throws {
    let store = NodeStore()
    let id = try write([try emptyFile([97]), try emptyFile([98])], to: store)
    for count: UInt64 in [0, 1, 3] {
      #expect(throws: VarveError(.damaged, "")) {
        try DirectoryReader.forEachEntry(of: id, entryCount: count, fetch: store.fetch) { _ in }
      }
    }
  }

  @Test func unknownVersionsAndKindsAreRefused() {
    let nodes: [([UInt8], VarveError.Code)] = [
      ([2, 0, 0], .unsupportedFormat), ([1, 3, 0], .damaged), ([1, 2, 1], .damaged),
      ([1, 0, 0, 0], .damaged), ([1, 1, 0, 0], .damaged), ([1, 0, 1], .damaged), ([], .damaged),
    ]
    for (node, code) in nodes {
      #expect(throws: VarveError(code, ""), "\(node)") {
        try node.withUnsafeBytes {
          var reader = try TreeNodeReader($0)
          while try reader.nextEntry() != nil {}
        }
      }
    }
  }
}
