import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Backups to a store that is far away.
@Suite struct FarBackupTests {
  private let bench: BackupBench

  init() throws { bench = try BackupBench(packSize: 1 << 20) }

  private func random(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
  }

  private func open(_ storage: any StorageBackend, _ client: String? = nil) throws
    -> IndexedRepository
  {
    let directories = client.map {
      ClientDirectories(cache: bench.scratch($0) + "/cache", state: bench.scratch($0) + "/state")
    }
    return try IndexedRepository(
      try Repository.open(storage: storage).unlock(
        .password(SecretBytes(copying: Array("password".utf8))),
        client: directories ?? bench.client))
  }

  private func backUp(_ storage: any StorageBackend, workers: Int = 2) throws -> BackupReport {
    var options = BackupOptions(source: .paths([Array(bench.source.utf8)]))
    options.asPath = Array("/data".utf8)
    options.workers = workers
    return try Backup.run(try open(storage), options: options)
  }

  @Test func packsAreStoredBesideOneAnother() throws {
    for number in 0..<12 {
      try bench.write("file\(number)", random(1 << 20, seed: UInt64(number)))
    }
    let far = FarStorage(bench.storage, pauseMicroseconds: 30_000)
    let report = try backUp(far)
    #expect(far.counts.mostPuts > 1 && far.counts.mostPuts <= UploadQueue.threadLimit + 1)
    #expect(far.counts.lists == 0, "nothing waits for a listing")
    try bench.unlocked.log.refresh()
    try bench.expectSound()
    let snapshot = try #require(report.snapshot)
    #expect(try bench.content(snapshot, "/data/file7") == random(1 << 20, seed: 7))
  }

  /// What was stored when the way to the store broke is not sent again.
  @Test func whatWasStoredIsNotSentAgain() throws {
    let kept = try backUp(files: 12, cutOffAfter: 6)
    #expect(kept.count == 6)
    let far = FarStorage(bench.storage)
    let report = try backUp(far)
    let sent = far.counts.puts.filter { $0.hasPrefix(ObjectName.packPrefix) }
    #expect((1...6).contains(sent.count), "\(sent.count) packs of 1 to 2 MiB")
    try bench.unlocked.log.refresh()
    let live = try LiveObjects(bench.unlocked.log.state, storage: bench.storage)
    #expect(Set(kept).isSubset(of: live.packs.keys), "what was stored is used")
    #expect(try stored().count == live.packs.count)
    #expect(live.packs.values.reduce(0, +) < 13 << 20, "12 MiB were saved, none of them twice")
    try bench.expectSound()
    let snapshot = try #require(report.snapshot)
    #expect(try bench.content(snapshot, "/data/file3") == random(1 << 20, seed: 3))
  }

  /// What a pruner has condemned or swept in the meantime is sent again.
  @Test(arguments: [false, true]) func whatIsGoneIsSentAgain(swept: Bool) throws {
    let kept = try backUp(files: 6, cutOffAfter: 3)
    #expect(!kept.isEmpty)
    try bench.unlocked.log.refresh()
    if swept {
      for pack in kept { try bench.storage.remove(ObjectName.pack(pack)) }
    } else {
      let objects = try kept.map {
        ObjectReference(
          name: ObjectName.pack($0),
          size: try #require(try bench.storage.size(ObjectName.pack($0))))
      }
      try bench.unlocked.log.append { _ in
        [.condemn(.init(objects: try ObjectList(storing: objects, in: bench.storage)))]
      }
    }
    let report = try backUp(FarStorage(bench.storage))
    try bench.unlocked.log.refresh()
    let live = try LiveObjects(bench.unlocked.log.state, storage: bench.storage)
    #expect(Set(kept).isDisjoint(with: live.packs.keys))
    let snapshot = try #require(report.snapshot)
    #expect(try bench.content(snapshot, "/data/file3") == random(1 << 20, seed: 3))
  }

  /// Metadata is asked for once, by whoever comes first.
  @Test func metadataIsFetchedOnce() throws {
    for number in 0..<40 { try bench.write("file\(number)", random(3_000, seed: UInt64(number))) }
    _ = try backUp(bench.storage)
    let far = FarStorage(bench.storage)
    func walk() throws {
      let repository = try open(far, "walker")
      let reader = try repository.makeReader()
      let record = try repository.unlocked.snapshotRecord(repository.unlocked.liveSnapshots[0])
      _ = try TreeLookup.entry(
        at: SnapshotPath(Array("/data/file7".utf8)), below: record.rootDirectory, from: reader)
    }
    try walk()
    let first = far.counts.reads.filter {
      switch ObjectClass($0.key) {
      case .snapshot, .inventory, .pack: true
      default: false
      }
    }
    #expect(first.keys.contains { $0.hasPrefix("packs/") })
    #expect(first.values.allSatisfy { $0 == 1 }, "\(first)")
    far.resetCounts()
    try walk()
    let names = Set(far.counts.reads.keys)
    #expect(!names.contains { $0.hasPrefix("snapshots/") || $0.hasPrefix("packs/") }, "\(names)")
  }

  /// Whatever happens to the files of the cache: what is read is right.
  @Test func aDamagedCacheIsNone() throws {
    try bench.write("file", random(3_000, seed: 1))
    _ = try backUp(bench.storage)
    let snapshot = ObjectName.snapshot(
      try IndexedRepository(open(bench.storage).unlocked).unlocked.liveSnapshots[0])
    let right = try bench.storage.read(snapshot)
    let directory = bench.scratch("objects-cache")
    let far = FarStorage(bench.storage)
    #expect(try MetadataCache(far, directory: directory).read(snapshot) == right)
    let path = "\(directory)/objects/\(try #require(ObjectName.digest(of: snapshot)).hex)"
    try FileWriting.replace(path, with: [1, 2, 3])
    #expect(try MetadataCache(far, directory: directory).read(snapshot) == right)
    #expect(far.counts.reads[snapshot] == 2)
    #expect(try MetadataCache(far, directory: directory).read(snapshot) == right)
    #expect(far.counts.reads[snapshot] == 2)
    // What storage has wrong is passed on as it is, for the reader to judge, and not kept.
    try bench.storage.put(snapshot, [9])
    let other = MetadataCache(far, directory: bench.scratch("other-cache"))
    #expect(try other.read(snapshot) == [9])
    try bench.storage.put(snapshot, right)
    let again = MetadataCache(far, directory: bench.scratch("other-cache"))
    #expect(try again.read(snapshot) == right)
    #expect(throws: VarveError(.missing, "")) {
      try again.read(ObjectName.snapshot(SHA256.digest([7])))
    }
  }

  /// Backs up files of 1 MiB over a way that breaks.
  ///
  /// - Returns: the packs that were stored before.
  private func backUp(files: Int, cutOffAfter limit: Int) throws -> [Digest] {
    for number in 0..<files {
      try bench.write("file\(number)", random(1 << 20, seed: UInt64(number)))
    }
    let packs = Mutex(0)
    let broken = FarStorage(bench.storage) { name in
      guard name.hasPrefix(ObjectName.packPrefix) else { return }
      let isLost = packs.withLock { packs in
        packs += 1
        return packs > limit
      }
      if isLost { throw VarveError(.unavailable, "out of reach") }
    }
    #expect(throws: VarveError(.unavailable, "")) { try backUp(broken) }
    return try stored()
  }

  private func stored() throws -> [Digest] {
    var packs: [Digest] = []
    try bench.storage.list(ObjectName.packPrefix) { name, _ in
      if case .pack(let digest)? = ObjectClass(name) { packs.append(digest) }
    }
    return packs
  }
}
