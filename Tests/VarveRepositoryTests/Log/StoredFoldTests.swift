import Testing
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// The stored fold makes opening faster and nothing else: with it, with a damaged one and without one a client
/// sees the same log, and no rollback is hidden.
@Suite struct StoredFoldTests {
  /// A log of all kinds of entries, long enough for the owner's client to have stored its fold, and a few more.
  private static func longLog() throws -> LogBench {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let reader = try owner.addKeyFile(role: .reader)
    try owner.removeCredential(reader.credential)
    try owner.log.append { _ in (1...40).map { LogBench.snapshot($0) } }
    try owner.log.append { _ in
      [.forget(.init(snapshots: [Digest(3, 0, 0, 0), Digest(9, 0, 0, 0)], reason: "old"))]
    }
    try owner.log.append { _ in
      [
        .snapshot(
          .init(
            snapshot: Digest(77, 1, 2, 3), additions: .inventory(Digest(5, 6, 7, 8)),
            parent: Digest(1, 0, 0, 0), original: Digest(2, 0, 0, 0))),
        .check(
          .init(
            isDamaged: true, scope: "read-data", counts: ["packs": 7, "chunks": -1],
            damaged: ["packs/x", "ü"], started: Timestamp(seconds: 12345))),
      ]
    }
    try owner.log.append { _ in
      [
        .receipt(
          .init(
            activity: .restore, result: .incomplete, started: Timestamp(seconds: 7),
            counts: ["files": 9], digests: ["tree": Digest(1, 2, 3, 4)], scope: "ü",
            snapshots: [Digest(4, 0, 0, 0)])),
        .receipt(
          .init(
            activity: .prune, result: .ok, started: Timestamp(seconds: 8), counts: [:], scope: "",
            snapshots: [])),
      ]
    }
    try owner.log.append { _ in Self.retention }
    let condemned = try owner.log.append { _ in Self.condemnations }
    try owner.log.append { _ in
      [
        .sweep(.init(condemned: [condemned[0]])),
        .undo(.init(snapshots: [Digest(9, 0, 0, 0)], condemned: [condemned[1]])),
        .forget(.init(snapshots: [Digest(81, 0, 0, 0)], reason: "tagged")),
      ]
    }
    try owner.log.append { _ in try LogBench.attestations(owner.log) }
    try owner.log.append { _ in (0..<250).map { LogBench.note("\($0)") } }
    try owner.log.append { _ in [LogBench.snapshot(50), LogBench.note("later")] }
    return bench
  }

  private static let retention: [LogStatement.Body] = {
    var keep = RetentionPolicy()
    keep[.daily] = .limited(7)
    keep[.within] = RetentionDuration(days: 3)
    keep.tags = [Digest(4, 4, 4, 4)]
    let tagged = (80..<84).map { number in
      LogStatement.Body.snapshot(
        .init(
          snapshot: Digest(number, 0, 0, 0), additions: .listed([]),
          source: Digest(9, 9, 9, number),
          tags: (0..<number % 3).map { Digest($0, 7, 7, 7) }, isPartial: number == 82))
    }
    return tagged + [
      .policy(.init(source: nil, keep: keep)),
      .policy(.init(source: Digest(9, 9, 9, 80), keep: keep)),
      .policy(.init(source: Digest(9, 9, 9, 81), keep: keep)),
      .policy(.init(source: Digest(9, 9, 9, 81), keep: nil)),
      .hold(.init(snapshots: [Digest(10, 0, 0, 0)], term: .permanent, reason: "law")),
      .hold(.init(snapshots: [Digest(11, 0, 0, 0)], term: .released, reason: "“audit”")),
      .hold(
        .init(
          snapshots: [Digest(12, 0, 0, 0)], term: .until(Timestamp(seconds: 4_000_000_000)),
          reason: "")),
    ]
  }()

  private static let condemnations: [LogStatement.Body] = [
    .condemn(
      .init(
        objects: .listed([
          ObjectReference(name: ObjectName.pack(Digest(3, 1, 0, 0)), size: 3),
          ObjectReference(name: ObjectName.snapshot(Digest(3, 0, 0, 0)), size: 30),
        ]))),
    .condemn(
      .init(
        objects: .listed([ObjectReference(name: ObjectName.pack(Digest(9, 1, 0, 0)), size: 9)]))),
    .condemn(.init(objects: .inventory(Digest(5, 6, 7, 9)))),
    .lost(
      .init(
        objects: .listed([ObjectReference(name: ObjectName.index(Digest(8, 1, 0, 0)), size: 8)]))),
    .lost(.init(objects: .inventory(Digest(5, 6, 7, 10)))),
    .repack(
      .init(
        additions: .listed([ObjectReference(name: ObjectName.index(Digest(1, 9, 0, 0)), size: 2)]),
        reason: .index)),
  ]

  private static func state(of bench: LogBench, _ client: String = "owner") throws -> String {
    bench.client(client).state + "/" + (try Repository.open(storage: bench.storage).config.id.hex)
  }

  /// Everything that a log state says.
  private static func description(_ log: Log) -> [String] {
    let state = log.state
    return [
      "\(state.size)", "\(state.snapshotsInOrder)", "\(state.snapshots.count)",
      "\(state.forgotten.sorted { $0.key < $1.key })", "\(state.inventories)",
      "\(state.holds.sorted { $0.key < $1.key })", "\(state.addedInventories)",
      "\(state.policies.sorted { $0.key < $1.key })", "\(state.defaultPolicy as Any)",
      "\(state.attestations)",
      "\(state.condemnations.sorted { $0.key < $1.key })", "\(state.losses)", "\(state.repacks)",
      "\(state.newestCondemnation as Any)", "\(receipts(state))",
      "\(state.authors.values.sorted { $0.keyID.text < $1.keyID.text })",
      "\(listedObjects(state))",
      "\(state.checks.map { ($0.entry, $0.author, $0.time, $0.result.scope, $0.result.isDamaged) })",
      "\(state.checks.map { ($0.result.damaged, $0.result.started) })",
      "\(state.checks.map { $0.result.counts.sorted { $0.key < $1.key } })",
      "\((0...log.head.size).map { log.tree.root(atSize: $0) })",
    ]
  }

  private static func receipts(_ state: LogState) -> [String] {
    state.receipts.map { row in
      let members: JSONValue = .object(row.receipt.members)
      return "\(row.entry) \(row.author) \(row.time) \(members.canonicalText)"
    }
  }

  private static func listedObjects(_ state: LogState) -> [String] {
    var objects: [String] = []
    state.listedObjects.forEachObject { objects.append("\($0) \($1) \($2)") }
    return objects
  }

  private static func commitReads(_ storage: FaultStorage) -> Int {
    storage.operations.count {
      if case .read(let name) = $0 { name.hasPrefix(ObjectName.commitPrefix) } else { false }
    }
  }

  @Test func itSaysWhatTheLogSays() throws {
    let bench = try Self.longLog()
    let state = try Self.state(of: bench)
    #expect(try !readFile(state + "/fold").isEmpty)
    // What the fold stands for cannot be had from the copy any more, so it is the fold that is used.
    var copy = try readFile(state + "/log")
    for index in 0..<2000 { copy[index] = 0xff }
    try writeFile(state + "/log", copy)
    let reading = FaultStorage(bench.storage) { _, _ in .pass }
    let owner = try bench.unlock(through: reading)
    #expect(Self.commitReads(reading) == 2)
    let fresh = try bench.audit("fresh")
    #expect(Self.description(owner.log) == Self.description(fresh))
    #expect(try owner.log.verifyAll().failures.isEmpty)

    // And it can be continued: by the rules, and by other clients' leave.
    try owner.log.append { _ in [LogBench.snapshot(60)] }
    for known: UInt64 in [60, 50, 20, 9] {
      #expect(throws: VarveError(.refused, "")) {
        try owner.log.append { _ in [LogBench.snapshot(known)] }
      }
    }
    // That a record is condemned is known, too.
    #expect(throws: VarveError(.refused, "")) {
      try owner.log.append { _ in [.undo(.init(snapshots: [Digest(3, 0, 0, 0)]))] }
    }
    #expect(try bench.audit("another").head == owner.log.head)
    #expect(try bench.unlock().log.head == owner.log.head)
  }

  /// It is listed alike and stays dead, whether the fold was stored in between or not.
  @Test func whatWasSweptAndIsAddedAgain() throws {
    let bench = try LogBench()
    let owner = try bench.unlock()
    let pack = ObjectReference(name: ObjectName.pack(Digest(1, 1, 0, 0)), size: 1)
    try owner.log.append { _ in [LogBench.snapshot(1), LogBench.snapshot(2)] }
    let entries = try owner.log.append { _ in
      [
        .forget(.init(snapshots: [Digest(1, 0, 0, 0)], reason: "")),
        .condemn(.init(objects: .listed([pack]))),
      ]
    }
    try owner.log.append { _ in [.sweep(.init(condemned: [entries[1]]))] }
    try owner.log.append { _ in (0..<255).map { LogBench.note("\($0)") } }
    #expect(try !readFile(Self.state(of: bench) + "/fold").isEmpty)
    try bench.unlock().log.append { _ in
      [.snapshot(.init(snapshot: Digest(3, 0, 0, 0), additions: .listed([pack])))]
    }
    let stored = try bench.unlock().log.state
    let fresh = try bench.audit("fresh").state
    #expect(Self.listedObjects(stored) == Self.listedObjects(fresh))
    #expect(Self.listedObjects(fresh).count == 2)
    for state in [stored, fresh] {
      #expect(try Array(LiveObjects(state, storage: bench.storage).packs.values) == [2])
    }
  }

  @Test func aDamagedOneIsPassedOver() throws {
    let bench = try Self.longLog()
    let path = try Self.state(of: bench) + "/fold"
    let good = try readFile(path)
    let wanted = Self.description(try bench.audit("fresh"))
    var bad: [[UInt8]] = [[], Array("VARVEFLD".utf8), good + [0]]
    for index in stride(from: 0, to: good.count, by: 1 + good.count / 60) {
      var changed = good
      changed[index] ^= 1 << UInt8(index & 7)
      bad.append(changed)
      bad.append(Array(good[..<index]))
    }
    for bytes in bad {
      try writeFile(path, bytes)
      let reading = FaultStorage(bench.storage) { _, _ in .pass }
      let owner = try bench.unlock(through: reading)
      #expect(Self.description(owner.log) == wanted)
      // From the copy, not from storage; and then it is stored again.
      #expect(Self.commitReads(reading) == 2)
      #expect(try readFile(path).count >= good.count)
    }
  }

  @Test func itHidesNoRollback() throws {
    let bench = try LogBench()
    let early = try bench.objects()
    _ = try bench.unlock().log.append { _ in (0..<250).map { LogBench.note("\($0)") } }
    let middle = try bench.objects()
    let owner = try bench.unlock()
    try owner.log.append { _ in (0..<250).map { LogBench.note("more \($0)") } }
    let path = try Self.state(of: bench) + "/fold"
    #expect(try !readFile(path).isEmpty)

    for objects in [early, middle] {
      let storage = try LogBench.storage(objects)
      #expect(throws: VarveError(.rollback, "")) { try bench.unlock(through: storage) }
      // A longer log is none the less another one.
      let other = try bench.unlock("stranger \(objects.count)", through: storage)
      for round in 0..<4 {
        try other.log.append { _ in (0..<200).map { LogBench.note("\(round) other \($0)") } }
      }
      #expect(other.log.head.size > owner.log.head.size)
      #expect(throws: VarveError(.rollback, "")) { try bench.unlock(through: storage) }
    }
    #expect(try bench.unlock().log.head == owner.log.head)
  }

  @Test func oneThatIsNewerThanTheHeadOrOfAnotherRepositoryIsPassedOver() throws {
    let bench = try LogBench()
    let state = try Self.state(of: bench)
    let owner = try bench.unlock()
    let pin = try readFile(state + "/checkpoint")
    try owner.log.append { _ in (0..<255).map { LogBench.note("\($0)") } }
    let fold = try readFile(state + "/fold")
    // As after the state directory was brought back from an older copy in part.
    try writeFile(state + "/checkpoint", pin)
    #expect(try bench.unlock().log.head == owner.log.head)

    let other = try Self.longLog()
    try writeFile(try Self.state(of: other) + "/fold", fold)
    #expect(
      Self.description(try other.unlock().log) == Self.description(try other.audit("fresh")))
  }
}
