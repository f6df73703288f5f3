import Synchronization
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct CheckTests {
  @Test func anIntactRepositoryIsFoundIntact() throws {
    let bench = try CheckBench()
    let observer = RecordingCheckObserver()
    for (readData, workers) in [(CheckOptions.ReadData.none, 1), (.all, 1), (.all, 3)] {
      for remembers in [true, false] {
        let report = try bench.check(readData, remembers: remembers, observer: observer) {
          $0.workers = workers
        }
        #expect(report.isOK, "\(report.damages)")
        #expect(report.affected.isEmpty && report.notChecked.isEmpty && report.unreferenced.isEmpty)
        #expect(report.snapshots == 2)
        #expect(report.packs == UInt64(try bench.packs().count))
        #expect(report.packsRead == (readData == .none ? 0 : report.packs))
        // Of each snapshot: the root, "data", "few", "below"; "below" is shared.
        #expect(report.treeNodes >= 7)
        #expect(report.chunks > 20)
        #expect(report.logEntries == 5)
      }
    }
    #expect(observer.stages.filter { $0 == .data }.count == 4)
    #expect(observer.progress.damages.load(ordering: .relaxed) == 0)
    let all = try bench.check()
    let bytes = try bench.packs().reduce(UInt64(0)) { $0 + (try bench.storage.size($1) ?? 0) }
    #expect(all.bytesRead == bytes)
    #expect(all.chunksVerified > all.packs)
  }

  @Test func theResultIsRecordedInTheLog() throws {
    let bench = try CheckBench()
    let report = try bench.check(records: true)
    #expect(report.entry == 5)
    let name = try #require(try bench.packs().first)
    try bench.change(name) { $0[$0.count / 2] ^= 1 }
    let damaged = try bench.check(records: true)
    #expect(damaged.entry == 6)
    try bench.bench.unlocked.log.refresh()
    let checks = bench.bench.unlocked.log.state.checks
    #expect(checks.map(\.result.isDamaged) == [false, true])
    #expect(checks.map(\.result.scope) == ["read-data", "read-data"])
    #expect(checks[1].result.damaged == [name])
  }

  /// A store that does not answer, or does not let this client in, says nothing of what is in it: no damage is reported or
  /// recorded.
  @Test(arguments: [VarveError.Code.forbidden, .unavailable])
  func aStoreThatRefusesIsNotDamaged(_ code: VarveError.Code) throws {
    let bench = try CheckBench()
    let before = try bench.objects()
    for prefix in [ObjectName.packPrefix, ObjectName.indexPrefix, ObjectName.snapshotPrefix] {
      let closed = FaultStorage(bench.storage) { operation, _ in
        operation.reads(prefix) ? .fail(code) : .pass
      }
      #expect(throws: VarveError(code, ""), "\(prefix)") {
        try bench.check(records: true, storage: closed)
      }
    }
    #expect(try bench.objects() == before)
  }

  @Test func everySingleByteChangeIsFoundAndNamed() throws {
    let bench = try CheckBench()
    var generator = SeededGenerator(seed: 71)
    for name in try bench.objects() {
      let original = try bench.storage.read(name)
      for round in 0..<12 {
        let offset =
          round < 2
          ? round * (original.count - 1) : Int.random(in: 0..<original.count, using: &generator)
        try bench.change(name) { $0[offset] ^= UInt8.random(in: 1...255, using: &generator) }
        let what: Comment = "\(name), byte \(offset), round \(round)"
        let report = try bench.check(remembers: round % 2 == 0)
        #expect(report.isDamaged, what)
        #expect(report.damages.contains { $0.object == name }, what)
        let others = report.damages.filter { $0.object != name }
        #expect(others.isEmpty, "\(name): \(others)")
        #expect(
          report.damages.allSatisfy { $0.isDerived == (name == ObjectName.checkpoint) }, what)
      }
      try bench.storage.put(name, original)
    }
    #expect(try bench.check().isOK)
  }

  @Test func truncatedExtendedAndMissingObjectsAreFound() throws {
    let bench = try CheckBench()
    for name in try bench.objects() {
      let original = try bench.storage.read(name)
      for bytes in [
        Array(original.dropLast()), Array(original.prefix(original.count / 2)), [], original + [0],
      ] {
        for readData in [CheckOptions.ReadData.none, .all] {
          // A checkpoint that is wrong is written anew.
          try bench.storage.put(name, bytes)
          let report = try bench.check(readData, remembers: bytes.count % 2 == 0)
          #expect(
            report.damages.contains { $0.object == name }, "\(name) with \(bytes.count) bytes")
        }
      }
      try bench.storage.remove(name)
      defer { try? bench.storage.put(name, original) }
      // Without a checkpoint there is nothing wrong; the newest commit of a log that was seen is a rollback.
      guard name != ObjectName.checkpoint else { continue }
      if name == ObjectName.commit(4) {
        #expect(throws: VarveError(.rollback, "")) { try bench.check(.none) }
      }
      if !name.hasPrefix(ObjectName.commitPrefix) || name == ObjectName.commit(4) {
        let report = try bench.check(.none, remembers: false)
        let found = report.damages.filter { $0.object == name }
        #expect(found.contains { $0.kind == .missing }, "\(name): \(report.damages)")
      }
    }
    #expect(try bench.check().isOK)
  }

  @Test func swappedObjectsAreFound() throws {
    let bench = try CheckBench()
    let names = try bench.objects()
    for prefix in ["packs/", "snapshots/", "index/", "keys/", "log/commits/"] {
      let kind = names.filter { $0.hasPrefix(prefix) }
      try #require(kind.count >= 2, "\(prefix)")
      let (first, second) = (try bench.storage.read(kind[0]), try bench.storage.read(kind[1]))
      try bench.storage.put(kind[0], second)
      try bench.storage.put(kind[1], first)
      for remembers in [true, false] {
        let report = try bench.check(.all, remembers: remembers)
        #expect(report.isDamaged, "\(prefix)")
        if prefix != "log/commits/" {
          #expect(Set(report.damages.map(\.object)) == Set(kind[...1]), "\(prefix)")
        }
      }
      try bench.storage.put(kind[0], first)
      try bench.storage.put(kind[1], second)
    }
  }

  @Test func onlyTheFilesInADamagedBlockAreAffected() throws {
    let bench = try CheckBench()
    let place = try bench.place(of: "data/f3")
    let name = ObjectName.pack(place.pack)
    try bench.change(name) { $0[Int(place.offset) + 20] ^= 4 }
    #expect(try bench.check(.none).isOK, "the structure check reads no data")
    let report = try bench.check()
    #expect(report.damages.map(\.object) == [name])
    #expect(report.affected.map(\.id) == bench.snapshots)
    for snapshot in report.affected {
      let paths = text(snapshot.paths)
      #expect(paths.contains("data/f3"))
      #expect(
        paths.contains("data/f0") == (snapshot.id == bench.snapshots[0]), "it changed in between")
      // Whatever is not named can be read, whatever is named cannot.
      for path in try files(of: snapshot.id, in: bench) {
        let isWhole = (try? bench.bench.content(snapshot.id, path)) != nil
        #expect(isWhole != paths.contains(path), "\(path)")
      }
    }
  }

  private func files(of snapshot: Digest, in bench: CheckBench) throws -> [String] {
    let reader = try IndexedRepository(bench.bench.unlocked).makeReader()
    var found: [String] = []
    func walk(_ id: Digest, _ path: String) throws {
      try DirectoryReader.forEachEntry(of: id, fetch: reader.chunk) { raw in
        let entry = try raw.decode()
        let name = path + String(decoding: entry.name, as: UTF8.self)
        switch entry.content {
        case .directory(let content): try walk(content.id, name + "/")
        case .file: found.append(name)
        default: break
        }
      }
    }
    try walk(try bench.bench.unlocked.snapshotRecord(snapshot).tree.id, "")
    return found
  }

  @Test func aMissingPackAffectsItsFiles() throws {
    let bench = try CheckBench()
    let place = try bench.place(of: "data/few/new")
    try bench.storage.remove(ObjectName.pack(place.pack))
    let report = try bench.check(.none)
    #expect(report.damages.map(\.kind) == [.missing])
    #expect(report.affected.map(\.id) == [bench.snapshots[1]], "the first snapshot is older")
    #expect(text(report.affected[0].paths) == ["data/f0", "data/few/new"])
  }

  @Test func aLostTreePackAffectsItsDirectories() throws {
    let bench = try CheckBench()
    let index = try IndexedRepository(bench.bench.unlocked).index
    let tree = try bench.bench.unlocked.snapshotRecord(bench.snapshots[1]).tree
    let place = try #require(index.locate(tree.id))
    let name = ObjectName.pack(place.pack)
    let original = try bench.storage.read(name)
    // The structure check meets nodes that do not open, so it reads that pack whole.
    try bench.change(name) { $0[Int(place.offset) + 3] ^= 1 }
    let report = try bench.check(.none)
    #expect(report.damages.map(\.object) == [name])
    #expect(report.packsRead == 1)
    let newest = try #require(report.affected.first { $0.id == bench.snapshots[1] })
    #expect(text(newest.paths) == ["/"])
    try bench.storage.put(name, original)
    try bench.storage.remove(name)
    #expect(try bench.check(.none).affected.map(\.id) == [bench.snapshots[1]])
  }

  @Test func aLostIndexSegmentAffectsWhatOnlyItKnows() throws {
    let bench = try CheckBench()
    let names = try bench.objects().filter { $0.hasPrefix(ObjectName.indexPrefix) }
    #expect(names.count == 2)
    for name in names {
      let original = try bench.storage.read(name)
      try bench.storage.remove(name)
      let report = try bench.check(.all)
      #expect(report.damages.map(\.object) == [name])
      #expect(report.affected.contains { $0.id == bench.snapshots[1] })
      try bench.storage.put(name, original)
    }
  }

  @Test func aLostRecordAffectsItsSnapshot() throws {
    let bench = try CheckBench()
    let name = ObjectName.snapshot(bench.snapshots[0])
    try bench.change(name) { $0[$0.count - 1] ^= 1 }
    let report = try bench.check(.none)
    #expect(report.damages.map(\.object) == [name])
    #expect(report.affected == [CheckReport.AffectedSnapshot(id: bench.snapshots[0])])
  }
}
