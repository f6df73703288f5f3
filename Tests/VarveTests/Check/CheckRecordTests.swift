import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// Records that say another thing than the log entries by which audits judge.
@Suite struct CheckRecordTests {
  private let bench: CheckBench
  /// What good entries are made of, and a record of another tree.
  private let good, other: SnapshotRecord

  init() throws {
    bench = try CheckBench()
    good = try bench.bench.unlocked.snapshotRecord(bench.snapshots[0])
    other = try bench.bench.unlocked.snapshotRecord(bench.snapshots[1])
  }

  /// Stores a record, and an entry for it that says what another one would.
  private func add(_ record: SnapshotRecord, stating stated: SnapshotRecord) throws -> Digest {
    let unlocked = bench.bench.unlocked
    let bytes = try unlocked.seal(record)
    let id = SHA256.digest(bytes)
    try bench.storage.put(ObjectName.snapshot(id), bytes)
    let addition = try LogStatement.SnapshotAddition(
      snapshot: id, record: stated, additions: .listed([]), parent: nil, original: nil,
      ids: unlocked.keys.opaqueIDs())
    try unlocked.log.append { _ in [.snapshot(addition)] }
    return id
  }

  private func forget(_ id: Digest) throws {
    try bench.bench.unlocked.log.append { _ in [.forget(.init(snapshots: [id], reason: ""))] }
  }

  /// As a replacement that an audit takes for a change of tags.
  @Test func anotherTree() throws {
    var record = good
    (record.tree, record.links, record.original) = (other.tree, other.links, bench.snapshots[0])
    let id = try add(record, stating: good)
    for data in [CheckOptions.ReadData.none, .all] {
      let report = try bench.check(data)
      #expect(report.damages.map(\.object) == [ObjectName.snapshot(id)])
      #expect(report.damages.first?.kind == .damaged)
      #expect(report.damages.first?.message.contains("another tree than the record") == true)
      #expect(report.affected.isEmpty, "it can be restored")
    }
    try forget(id)
    #expect(try bench.check(.none).isOK)
  }

  @Test func anotherSourceTimeOrTag() throws {
    var moved = good
    moved.host = Array("elsewhere".utf8)
    var early = good
    early.time.seconds -= 86_400
    var zoned = good
    zoned.time.offset += 3600
    var tagged = good
    tagged.tags = ["legal"]
    var partial = good
    partial.isPartial = true
    for (stated, word) in [
      (moved, "source"), (early, "time"), (zoned, "time"), (tagged, "list of tags"),
      (partial, "completeness"),
    ] {
      var record = good
      record.meta["case"] = "\(word) \(stated.time.offset)"
      let id = try add(record, stating: stated)
      let damages = try bench.check(.none).damages
      #expect(damages.map(\.object) == [ObjectName.snapshot(id)], "\(word)")
      #expect(damages.first?.message.contains("states another \(word)") == true, "\(damages)")
      try forget(id)
    }
    var several = early
    several.host = moved.host
    let id = try add(good, stating: several)
    #expect(
      try bench.check(.none).damages.first?.message.contains("another source and time") == true)
    try forget(id)
  }

  /// An entry has whole seconds and its tags in no order of theirs.
  @Test func whatAgreesIsNoDamage() throws {
    var record = good
    record.tags = ["b", "a", "b"]
    record.time.nanoseconds = 999_999_999
    var stated = record
    stated.tags = ["a", "b"]
    stated.time.nanoseconds = 0
    _ = try add(record, stating: stated)
    #expect(try bench.check(.all).isOK)
  }
}
