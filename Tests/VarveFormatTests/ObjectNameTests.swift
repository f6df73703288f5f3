import Testing
import VarveFormat
import VarveTestSupport

@Suite struct ObjectNameTests {
  private let digest = Digest(
    hex: "a948904f2f0f479b8f8197694b30184b0d2ed1c1cd2a1ec0fb85d299a192a447")!

  @Test func namesAreSpelledAsTheFormatSays() {
    let hex = digest.hex
    #expect(ObjectName.pack(digest) == "packs/a9/\(hex)")
    #expect(ObjectName.index(digest) == "index/\(hex)")
    #expect(ObjectName.snapshot(digest) == "snapshots/\(hex)")
    #expect(ObjectName.inventory(digest) == "inventories/\(hex)")
    #expect(ObjectName.credential(digest) == "keys/\(hex)")
    #expect(ObjectName.commit(0) == "log/commits/0000000000000000")
    #expect(ObjectName.commit(1_234) == "log/commits/0000000000001234")
    #expect(ObjectName.commit(ObjectName.commitLimit) == "log/commits/9999999999999999")
  }

  @Test func everyNameSaysItsClassAndDigest() {
    let named: [(String, ObjectClass)] = [
      (ObjectName.pack(digest), .pack(digest)), (ObjectName.index(digest), .index(digest)),
      (ObjectName.snapshot(digest), .snapshot(digest)),
      (ObjectName.inventory(digest), .inventory(digest)),
      (ObjectName.credential(digest), .credential(digest)),
    ]
    for (name, expected) in named {
      #expect(ObjectClass(name) == expected)
      #expect(ObjectName.digest(of: name) == digest)
    }
    let others: [(String, ObjectClass)] = [
      ("config", .config), ("log/checkpoint", .checkpoint),
      ("log/commits/0000000000000256", .commit(256)), ("log/tile/0/000", .tile("0/000")),
    ]
    for (name, expected) in others {
      #expect(ObjectClass(name) == expected)
      #expect(ObjectName.digest(of: name) == nil)
    }
  }

  @Test func whatIsNotSpelledExactlySoIsNoName() {
    let hex = digest.hex
    for name in [
      "", "config/", "Config", "keys/", "keys/\(hex.uppercased())", "keys/\(hex)0",
      "keys/\(hex.dropLast())", "packs/\(hex)", "packs/a8/\(hex)", "packs/A9/\(hex)",
      "packs/a9\(hex)x", "packs/a9//\(hex.dropLast())", "index/../\(hex.dropFirst(3))",
      "log/commits/0", "log/commits/00000000000000256", "log/commits/000000000000025a",
      "log/commits/+000000000000256", "log/tile/", "log", "snapshots/é\(hex.dropFirst(2))",
    ] {
      #expect(ObjectClass(name) == nil, "\(name)")
      #expect(ObjectName.digest(of: name) == nil, "\(name)")
    }
  }

  /// What the format allows is never refused.
  @Test func limitsOfBytes() {
    #expect(ObjectName.byteLimit(of: "config") == 1 << 20)
    #expect(ObjectName.byteLimit(of: ObjectName.checkpoint) == 1 << 20)
    #expect(ObjectName.byteLimit(of: ObjectName.credential(digest)) == 64 << 10)
    // An entry of 61,440 bytes and its length; 255 in a commit, 256 in a bundle.
    #expect(ObjectName.byteLimit(of: ObjectName.commit(7)) >= 255 * 61_442)
    #expect(ObjectName.byteLimit(of: "log/tile/entries/000") >= 256 * 61_442)
    #expect(
      ObjectName.byteLimit(of: ObjectName.snapshot(digest)) >= UInt64(SnapshotRecord.byteLimit + 64)
    )
    #expect(
      ObjectName.byteLimit(of: ObjectName.inventory(digest)) == UInt64(Inventory.byteLimit))
    #expect(ObjectName.byteLimit(of: ObjectName.pack(digest)) == UInt64(PackLimits.packByteCount))
  }
}
