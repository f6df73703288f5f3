import VarveFormat
import VarveTestSupport

extension ParserTarget {
  static let snapshotTargets: [ParserTarget] = [
    ParserTarget(
      "snapshot-record",
      tokens: [
        "\"partial\":true", "\"links\":[", "\"parent\":\"", "\"summary\":{", "\\\\xff", "\"uid\":",
        "2026-03-01T12:00:00.000000001+01:00",
      ],
      seeds: { try records().map { try $0.encode() } },
      recode: { bytes in
        let record = try SnapshotRecord(decoding: bytes)
        use(record.time.precise)
        use(record.time.civil)
        return try record.encode()
      }),
    ParserTarget(
      "snapshot-object", tokens: ["VARVESNP"],
      seeds: {
        [SnapshotObject(encapsulation: Array(0..<32), sealed: Array(0..<99)).encode()]
      },
      recode: { bytes in
        try bytes.withUnsafeBytes { try SnapshotObject(decoding: $0) }.encode()
      }),
    ParserTarget(
      "link-table", seeds: { try vectors("link-tables.txt") },
      recode: { bytes in try bytes.withUnsafeBytes { try LinkTable(decoding: $0) }.encode() }),
    ParserTarget(
      "inventory", tokens: ["varve inventory v1\n", "packs/", "index/", "snapshots/", " 1\n"],
      seeds: { try vectors("inventories.txt") },
      recode: { bytes in
        let inventory = try Inventory(decoding: bytes)
        var count = 0
        try Inventory.forEachObject(in: bytes) { _, _, _ in count += 1 }
        try require(count == inventory.objects.count, "two readings of one inventory")
        return inventory.encode()
      }),
  ]

  private static func vectors(_ name: String) throws -> [[UInt8]] {
    try VectorFile.records(name).filter { try $0.text("result") == "ok" }
      .map { try $0.bytes("bytes") }.filter { $0.count < 4_000 }
  }

  private static func records() throws -> [SnapshotRecord] {
    guard let time = Timestamp("2026-03-01T12:00:00.000000001+01:00") else {
      throw Broken("no time")
    }
    let full = SnapshotRecord(
      time: time, host: Array("h\u{e9}".utf8), user: [0xff], uid: 1_000, gid: .max,
      paths: [Array("/home".utf8), Array("/\\x".utf8) + [0x80]], tags: ["a", "b\n"],
      meta: ["ticket": "4711"],
      tree: SnapshotRecord.Tree(id: Digest(1, 2, 3, 4), root: Digest(5, 6, 7, 8), entries: 9),
      treeSalt: Digest(9, 9, 9, 9),
      links: [Digest(1, 1, 1, 1)], parent: Digest(2, 2, 2, 2), original: Digest(3, 3, 3, 3),
      isPartial: true, program: "varve 1.0", excludes: [Array("*.o".utf8)],
      summary: ["filesNew": 3])
    var bare = full
    bare.parent = nil
    bare.original = nil
    bare.isPartial = false
    bare.links = []
    bare.treeSalt = nil
    return [full, bare]
  }
}
