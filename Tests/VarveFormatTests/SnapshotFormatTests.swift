import Testing
import VarveFormat
import VarveTestSupport

@Suite struct SnapshotFormatTests {
  private func record() throws -> SnapshotRecord {
    SnapshotRecord(
      time: try #require(Timestamp("2026-03-01T12:00:00.000000001+01:00")),
      host: Array("h\u{e9}".utf8), user: [0xff], uid: 1_000, gid: .max,
      paths: [Array("/home".utf8), Array("/\\x".utf8) + [0x80]], tags: ["a", "b\n"],
      meta: ["ticket": "4711"],
      tree: SnapshotRecord.Tree(id: Digest(1, 2, 3, 4), root: Digest(5, 6, 7, 8), entries: 9),
      treeSalt: Digest(9, 9, 9, 9),
      links: [Digest(1, 1, 1, 1)], parent: Digest(2, 2, 2, 2), original: Digest(3, 3, 3, 3),
      isPartial: true, unfinished: [Digest(4, 4, 4, 4), Digest(1, 2, 3, 4)], program: "varve 1.0",
      excludes: [Array("*.o".utf8)],
      summary: ["filesNew": 3])
  }

  @Test func recordsComeBack() throws {
    let full = try record()
    #expect(try SnapshotRecord(decoding: full.encode()) == full)
    var bare = full
    bare.parent = nil
    bare.original = nil
    bare.isPartial = false
    // A complete one has nothing unfinished.
    #expect(throws: VarveError(.damaged, "")) { try SnapshotRecord(decoding: bare.encode()) }
    bare.unfinished = []
    bare.links = []
    bare.treeSalt = nil
    #expect(try SnapshotRecord(decoding: bare.encode()) == bare)
    let text = String(decoding: try bare.encode(), as: UTF8.self)
    for absent in ["parent", "original", "partial", "treeSalt"] { #expect(!text.contains(absent)) }
    #expect(text.contains(#""user":"\\xff""#))
  }

  @Test func mutatedRecordsNeverTrap() throws {
    Mutation(seed: 51, rounds: 3_000).expectSafe(try record().encode()) {
      try SnapshotRecord(decoding: Array($0)).encode()
    }
  }

  @Test func otherFormatsAndMembersAreRefused() throws {
    let text = String(decoding: try record().encode(), as: UTF8.self)
    let changes: [(String, String, VarveError.Code)] = [
      (#""format":1"#, #""format":2"#, .unsupportedFormat),
      (#""format":1"#, #""format":1,"future":1"#, .unsupportedFormat),
      (#""partial":true"#, #""partial":false"#, .damaged),
      (#""uid":1000"#, #""uid":4294967296"#, .damaged), (#""uid":1000"#, #""uid":-1"#, .damaged),
      ("12:00:00.000000001", "12:00:00.00000001", .damaged),
      (#""entries":9"#, #""entries":-9"#, .damaged),
      (#""treeSalt":"00"#, #""treeSalt":"0"#, .damaged),
      (#""meta":{"#, #""mete":{"#, .unsupportedFormat),
      (#"\\xff"#, #"\\xFF"#, .damaged),
    ]
    for (old, new, code) in changes {
      let parts = text.split(separator: old, maxSplits: 1, omittingEmptySubsequences: false)
      let changed = try #require(parts.count == 2 ? parts[0] + new + parts[1] : nil, "\(old)")
      #expect(throws: VarveError(code, ""), "\(new)") {
        try SnapshotRecord(decoding: Array(changed.utf8))
      }
    }
  }

  @Test func objectsComeBackAndNeverTrap() throws {
    var generator = SeededGenerator(seed: 52)
    let object = SnapshotObject(
      encapsulation: generator.bytes(32), sealed: generator.bytes(300))
    let bytes = object.encode()
    #expect(bytes.count == SnapshotObject.headerByteCount + 300)
    #expect(Array(bytes.prefix(16)) == SnapshotObject.associatedData)
    #expect(try bytes.withUnsafeBytes { try SnapshotObject(decoding: $0) } == object)
    Mutation(seed: 53).expectSafe(bytes) { try SnapshotObject(decoding: $0).encode() }
    var newer = bytes
    newer[8] = 2
    #expect(throws: VarveError(.unsupportedFormat, "")) {
      try newer.withUnsafeBytes { _ = try SnapshotObject(decoding: $0) }
    }
  }

  @Test func linkTablesMatchTheVectors() throws {
    for record in try VectorFile.records("link-tables.txt") {
      let bytes = try record.bytes("bytes")
      try expectResult(record) {
        let table = try bytes.withUnsafeBytes { try LinkTable(decoding: $0) }
        #expect(table.encode() == bytes)
      }
      if try record.text("result") == "ok" {
        Mutation(seed: 54, rounds: 1_000).expectSafe(bytes) {
          try LinkTable(decoding: $0).encode()
        }
      }
    }
  }

  @Test func linkTablesAreSorted() throws {
    let paths = ["x", "b/2", "b/1", "a", "c"].map { Array($0.utf8) }
    let table = LinkTable(groups: [[paths[0], paths[1], paths[2]], [paths[4], paths[3]]])
    #expect(table.groups == [[paths[3], paths[4]], [paths[2], paths[1], paths[0]]])
    #expect(try table.encode().withUnsafeBytes { try LinkTable(decoding: $0) } == table)
  }
}
