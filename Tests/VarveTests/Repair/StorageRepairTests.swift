import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

@Suite struct StorageRepairTests {
  /// Three snapshots of files that stay, so that a backup has everything that an older snapshot needs.
  static func history(fileSize: Int = 30_000) throws -> (PruneBench, [Digest]) {
    let bench = try PruneBench()
    var snapshots: [Digest] = []
    for round in 0..<3 {
      for number in 0..<4 {
        let seed = UInt64(10 * round + number + 1)
        try bench.write("f\(round)-\(number)", noise(fileSize, seed: seed))
      }
      snapshots.append(try bench.backUp())
    }
    return (bench, snapshots)
  }

  static func repair(
    _ bench: PruneBench, _ reading: StorageRepair.Reading = .none
  ) throws -> StorageRepairReport {
    try StorageRepair(bench.unlocked, reading: reading).run()
  }

  static func largestPack(_ bench: PruneBench) throws -> String {
    let packs = try bench.names("packs/").map { ($0, try bench.storage.read($0).count) }
    return try #require(packs.max { ($0.1, $0.0) < ($1.1, $1.0) }).0
  }

  /// What is live restores, whatever garbage there is.
  static func expectContents(_ bench: PruneBench, _ what: String = "") throws {
    try bench.unlocked.log.refresh()
    for snapshot in bench.unlocked.log.state.snapshotsInOrder {
      for (name, bytes) in try #require(bench.contents[snapshot.id]) {
        #expect(try bench.bench.content(snapshot.id, "data/\(name)") == bytes, "\(what)")
      }
    }
  }

  enum Harm: CaseIterable {
    case removed, flipped, cut, replaced
  }

  static func harm(_ harm: Harm, _ name: String, _ bench: PruneBench) throws {
    var bytes = try bench.storage.read(name)
    try bench.storage.remove(name)
    switch harm {
    case .removed: return
    case .flipped: bytes[bytes.count / 2] ^= 4
    case .cut: bytes.removeLast(bytes.count / 3)
    case .replaced: bytes = noise(bytes.count, seed: 99)
    }
    try bench.storage.put(name, bytes)
  }

  @Test(arguments: Harm.allCases) func lostSegmentsAreMadeAnew(harm: Harm) throws {
    let (bench, _) = try Self.history()
    let segments = try bench.names("index/").sorted()
    #expect(segments.count == 3)
    for name in segments.prefix(2) { try Self.harm(harm, name, bench) }
    let planned = try StorageRepair(bench.unlocked).plan()
    #expect(planned.lostSegments.map(\.object.name) == Array(segments.prefix(2)))
    #expect(planned.unlistedPacks == 4)
    let report = try Self.repair(bench)
    #expect(report.plan.lostPacks.isEmpty && report.entries.count == 2)
    #expect(report.storedObjects == 1)
    #expect(bench.unlocked.log.state.repacks.last?.reason == .index)
    try bench.expectIntact()
    #expect(try Self.repair(bench).plan.isEmpty)
    // What is lost goes for good, and out of the state.
    try bench.prune()
    #expect(try bench.names("index/").count < 4)
    #expect(try LiveObjects(bench.unlocked.log.state, storage: bench.storage).lost.isEmpty)
    try bench.expectIntact()
    #expect(try bench.prune().plan.isEmpty)
  }

  /// Without a cache no chunk is found any more; the repair does all the same.
  @Test func everySegmentIsLost() throws {
    let (bench, _) = try Self.history()
    for name in try bench.names("index/") { try bench.storage.remove(name) }
    let client = ClientDirectories(cache: nil, state: bench.bench.client.state)
    let bare = try Repository.open(storage: bench.storage)
      .unlock(.password(secret("password")), client: client)
    #expect(try IndexedRepository(bare).failures.count == 3)
    #expect(try StorageRepair(bare).run().plan.unlistedPacks == 6)
    #expect(try IndexedRepository(bare).failures.isEmpty)
    try bench.expectIntact()
  }

  /// A flip anywhere in a pack costs at most the chunks of one block, unless it is in the header.
  @Test(arguments: ["header", "block", "trailer", "footer", "cut"])
  func whatStillOpensOfADamagedPackIsSaved(place: String) throws {
    let (bench, _) = try Self.history(fileSize: 700_000)
    let name = try Self.largestPack(bench)
    let bytes = try bench.storage.read(name)
    var changed = bytes
    switch place {
    case "header": changed[60] ^= 1
    case "block": changed[changed.count / 2] ^= 1
    case "trailer": changed[changed.count - 40] ^= 1
    case "footer": changed[changed.count - 1] ^= 1
    default: changed.removeLast(1)
    }
    try bench.storage.put(name, changed)
    let report = try Self.repair(bench, place == "block" ? .all : .none)
    // The header and the trailer are read in any case.
    #expect(report.plan.lostPacks.map(\.object.name) == [name])
    switch place {
    case "header": #expect(report.savedChunks == 0)
    case "block": #expect(report.lostBlocks == 1 && report.savedChunks > 30)
    default: #expect(report.lostBlocks == 0)
    }
    if place != "header" && place != "block" { try bench.expectIntact() }
    // A backup of the same files stores what is gone again, though none of them has changed.
    try bench.backUp()
    try bench.expectIntact()
    #expect(try Self.repair(bench).plan.isEmpty)
    try bench.prune()
    #expect(try bench.storage.size(name) == nil)
    try bench.expectIntact()
  }

  @Test func missingPacksAreStoredAgain() throws {
    let (bench, _) = try Self.history()
    let packs = try bench.names("packs/")
    for name in packs { try bench.storage.remove(name) }
    #expect(throws: VarveError(.missing, "")) { try bench.prune() }
    let report = try Self.repair(bench)
    #expect(Set(report.plan.lostPacks.map(\.object.name)) == packs)
    try bench.backUp()
    // Trees of older snapshots are gone with their packs; of the newest, nothing is.
    let newest = try #require(bench.unlocked.log.state.snapshotsInOrder.last).id
    for (name, bytes) in try #require(bench.contents[newest]) {
      #expect(try bench.bench.content(newest, "data/\(name)") == bytes)
    }
  }

  @Test func packsThatReturnAreUsedAgain() throws {
    let (bench, _) = try Self.history()
    let packs = try bench.names("packs/").map { ($0, try bench.storage.read($0)) }
    for (name, _) in packs { try bench.storage.remove(name) }
    _ = try Self.repair(bench)
    for (number, (name, bytes)) in packs.enumerated() {
      var bytes = bytes
      if number == 0 { bytes[bytes.count / 2] ^= 1 }
      try bench.storage.put(name, bytes)
    }
    #expect(try Self.repair(bench).plan.returnedPacks.count == packs.count - 1)
    try bench.storage.put(packs[0].0, packs[0].1)
    #expect(try Self.repair(bench).plan.returnedPacks.count == 1)
    try bench.expectIntact()
    #expect(try Self.repair(bench).plan.isEmpty)
  }

  /// A segment that is authentic and says what is not so.
  @Test func aWrongSegmentIsReplaced() throws {
    let (bench, _) = try Self.history()
    let unlocked = bench.unlocked
    let live = try LiveObjects(unlocked.log.state, storage: bench.storage)
    let cipher = SegmentCipher(
      indexKey: try unlocked.keys.indexKey(), repository: unlocked.config.id)
    let (pack, size) = try #require(live.packs.max { $0.value < $1.value })
    var trailer = PackTrailer()
    trailer.append(PackTrailer.Slot(address: SHA256.digest([1]), length: 1))
    trailer.endBlock(storedLength: 100)
    var rows = IndexSegmentBuilder()
    rows.add(IndexPack(name: pack, size: size, type: .data), trailer)
    let object = try rows.finish().withUnsafeBytes { try cipher.seal($0) }
    let wrong = ObjectReference(
      name: ObjectName.index(SHA256.digest(object)), size: UInt64(object.count))
    try bench.storage.put(wrong.name, object)
    let right = live.indexSegments.map {
      ObjectReference(name: ObjectName.index($0.key), size: $0.value)
    }
    try unlocked.log.append { _ in
      [
        .repack(.init(additions: .listed([wrong]), reason: .index)),
        .condemn(.init(objects: .listed(right))),
      ]
    }
    let report = try Self.repair(bench)
    #expect(report.plan.wrongSegments == [wrong])
    #expect(report.plan.lostPacks.isEmpty && report.plan.unlistedPacks == 6)
    try bench.expectIntact()
  }

  /// What storage does not give is not lost.
  @Test func whatCannotBeReadIsNotLost() throws {
    let (bench, _) = try Self.history()
    let size = bench.unlocked.log.state.size
    let names = try bench.names("packs/").union(bench.names("index/"))
    for name in names {
      let faulty = FaultStorage(bench.storage) { operation, _ in
        operation == .read(name) ? .failBeforeEffect : .pass
      }
      let unlocked = try bench.bench.unlocked(faulty)
      #expect(throws: VarveError(.io, "")) {
        try StorageRepair(unlocked, reading: .all).run()
      }
    }
    try bench.unlocked.log.refresh()
    #expect(bench.unlocked.log.state.size == size)
    try bench.expectIntact()
  }

  /// A backup that began before the loss was known relies on nothing that is lost.
  @Test func aWriterAtWorkStoresItAgain() throws {
    let (bench, _) = try Self.history()
    let before = try IndexedRepository(bench.unlocked)
    try bench.storage.remove(try Self.largestPack(bench))
    _ = try Self.repair(bench)
    for usesCache in [true, false] {
      var options = BackupOptions(source: .paths([Array(bench.bench.source.utf8)]))
      options.asPath = Array("/data".utf8)
      if !usesCache { options.parent = .none }
      _ = try Backup.run(before, options: options)
    }
    for snapshot in bench.unlocked.log.state.snapshotsInOrder.suffix(2) {
      for (name, bytes) in try #require(bench.contents.values.max { $0.count < $1.count }) {
        #expect(try bench.bench.content(snapshot.id, "data/\(name)") == bytes)
      }
    }
  }

  /// A tree that is as it was makes no snapshot where that is asked for, unless something of it was stored again.
  @Test func anUnchangedTreeHealsToo() throws {
    let (bench, snapshots) = try Self.history()
    for name in try bench.names("packs/") { try bench.storage.remove(name) }
    _ = try Self.repair(bench)
    bench.bench.settle()
    #expect(try bench.bench.backUp { $0.skipIfUnchanged = true }.snapshot != nil)
    #expect(try bench.bench.backUp { $0.skipIfUnchanged = true }.snapshot == nil)
    for (name, bytes) in try #require(bench.contents[snapshots[2]]) {
      #expect(try bench.bench.content(snapshots[2], "data/\(name)") == bytes)
    }
  }

  @Test func othersMayWorkMeanwhile() throws {
    let (bench, snapshots) = try Self.history()
    let segments = try bench.names("index/").sorted()
    try bench.storage.remove(segments[0])
    var plans = 0
    let report = try StorageRepair(bench.unlocked).run { _ in
      plans += 1
      if plans == 1 {
        try bench.write("g", noise(40_000, seed: 77))
        try bench.backUp()
      }
    }
    #expect(plans == 1 && report.entries.count == 2)
    try bench.expectIntact()
    // A prune makes the survey worthless.
    try bench.storage.remove(segments[1])
    try bench.forget([snapshots[0]])
    plans = 0
    _ = try StorageRepair(bench.unlocked).run { _ in
      plans += 1
      if plans == 1 {
        let orphan = noise(100, seed: 5)
        let name = ObjectName.pack(SHA256.digest(orphan))
        try bench.unlocked.log.append { _ in
          [.condemn(.init(objects: .listed([ObjectReference(name: name, size: 100)])))]
        }
      }
    }
    #expect(plans == 2)
    try Self.expectContents(bench)
    #expect(try Self.repair(bench).plan.isEmpty)
  }

  @Test func onlyOwnersRepair() throws {
    let (bench, _) = try Self.history()
    let key = try bench.unlocked.addKeyFile(role: .writer).text.withUnsafeBytes { Array($0) }
    let writer = try Repository.open(storage: bench.storage).unlock(
      .keyText(SecretBytes(copying: key)), client: bench.bench.client)
    #expect(throws: VarveError(.forbidden, "")) { try StorageRepair(writer) }
    #expect(throws: VarveError(.forbidden, "")) { try SnapshotRepair(writer) }
    #expect(throws: VarveError(.notFound, "")) {
      try StorageRepair(bench.unlocked, reading: .some([SHA256.digest([])])).plan()
    }
  }

  /// Stopped before and after each change of storage: nothing is lost by it, and the next repair finishes.
  @Test(arguments: [false, true]) func canBeStoppedAnywhere(ofIndex: Bool) throws {
    var stop = 0
    while true {
      let (bench, _) = try Self.history()
      if ofIndex {
        for name in try bench.names("index/") { try bench.storage.remove(name) }
      } else {
        let largest = try Self.largestPack(bench)
        var bytes = try bench.storage.read(largest)
        bytes[bytes.count - 1] ^= 1
        try bench.storage.put(largest, bytes)
      }
      for after in [false, true] {
        let faulty = FaultStorage(bench.storage, stoppingAtChange: stop, afterEffect: after)
        let done = try? StorageRepair(bench.bench.unlocked(faulty)).run()
        if done != nil && !after { return #expect(stop > 2) }
        try bench.unlocked.log.refresh()
      }
      _ = try Self.repair(bench)
      try Self.expectContents(bench, "stop \(stop)")
      #expect(try Self.repair(bench).plan.isEmpty)
      stop += 1
    }
  }
}
