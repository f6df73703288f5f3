import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveProof
import VarveRepository
import VarveStorage

/// Invariants I1, I3 and I7 as far as a backup is concerned.
@Suite struct CommitOrderTests {
  /// The backup of a bench's source through another view of its storage.
  private func backUp(_ bench: BackupBench, through storage: any StorageBackend) throws -> Digest {
    let unlocked = try Repository.open(storage: storage)
      .unlock(.password(SecretBytes(copying: Array("password".utf8))), client: bench.client)
    var options = BackupOptions(source: .paths([Array(bench.source.utf8)]))
    options.asPath = Array("/data".utf8)
    options.parent = .none
    let report = try Backup.run(try IndexedRepository(unlocked), options: options)
    return try #require(report.snapshot)
  }

  private func fill(_ bench: BackupBench, seed: UInt64) throws {
    for number in 0..<12 {
      try bench.write("f\(number)", noise(20_000 + number, seed: seed + UInt64(number)))
    }
  }

  /// I1: pack durable, then index, then record, then the log entry that names them.
  @Test func objectsAreStoredBeforeWhatNamesThem() throws {
    let bench = try BackupBench()
    try fill(bench, seed: 1)
    let storage = FaultStorage(bench.storage) { _, _ in .pass }
    _ = try backUp(bench, through: storage)
    let stages = storage.operations.filter(\.isChange).compactMap { operation -> Int? in
      switch operation {
      case .put(let name), .createExclusively(let name):
        if name.hasPrefix(ObjectName.packPrefix) { return 0 }
        if name.hasPrefix(ObjectName.indexPrefix) { return 1 }
        if name.hasPrefix(ObjectName.snapshotPrefix) { return 2 }
        if name.hasPrefix(ObjectName.inventoryPrefix) { return 2 }
        if name.hasPrefix(ObjectName.commitPrefix) { return 3 }
        return name.hasPrefix("log/") ? 4 : nil
      default: return nil
      }
    }
    #expect(Set(stages) == [0, 1, 2, 3, 4])
    #expect(stages == stages.sorted())
  }

  /// I7: stopped before or after any change of storage, nothing needs repair, and whatever the log says is there.
  @Test(arguments: [false, true]) func aBackupMayStopAnywhere(afterEffect: Bool) throws {
    let bench = try BackupBench()
    try fill(bench, seed: 100)
    var stopped = 0
    while true {
      try bench.unlocked.log.refresh()
      let before = bench.unlocked.log.state.snapshots.count
      let faulty = FaultStorage(
        bench.storage, stoppingAtChange: stopped, afterEffect: afterEffect)
      try fill(bench, seed: UInt64(1000 * (stopped + 2)))
      let snapshot = try? backUp(bench, through: faulty)
      try bench.unlocked.log.refresh()
      let live = bench.unlocked.log.state.snapshots
      // Everything that the log names is stored, and every snapshot can be read.
      let repository = try IndexedRepository(bench.unlocked)
      for (name, size) in repository.liveObjects.sizes {
        #expect(try bench.storage.size(name) == size, "\(name), stopped at \(stopped)")
      }
      for id in live.inOrder.map(\.id) {
        for number in 0..<12 { _ = try bench.content(id, "data/f\(number)") }
      }
      // An acknowledged snapshot is live; one that was not is either live as a whole or not at all.
      if let snapshot {
        #expect(live[snapshot] != nil)
        // The session's marker is removed when all is over.
        let changes = faulty.operations.filter { operation in
          if case .remove(let name) = operation, name.hasPrefix(SessionMarker.prefix) {
            return false
          }
          return operation.isChange
        }
        #expect(changes.count <= stopped + 1)
        break
      }
      #expect(live.count - before <= 1)
      _ = try backUp(bench, through: bench.storage)
      stopped += 1
      try #require(stopped < 40)
    }
    // Packs, index, record, inventory or commit: there was something to stop at.
    #expect(stopped >= 4)
  }

  /// I4: the same content stored again gets new names.
  @Test func packsNeverHaveTheSameName() throws {
    var names: Set<String> = []
    var count = 0
    for _ in 0..<3 {
      let bench = try BackupBench()
      try fill(bench, seed: 5)
      _ = try backUp(bench, through: bench.storage)
      try bench.storage.list(ObjectName.packPrefix) { name, _ in
        names.insert(name)
        count += 1
      }
    }
    #expect(names.count == count && count >= 6)
  }
}
