import Glibc
import Testing
import Varve
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

/// Checks with little: a writer's credential, none that opens, a damaged log.
@Suite struct CheckAccessTests {
  @Test func aWriterChecksWhatItCan() throws {
    let bench = try CheckBench()
    let file = try bench.bench.unlocked.addKeyFile(role: .writer, label: "host")
    let key = file.text.withUnsafeBytes { Array($0) }
    func check(_ readData: CheckOptions.ReadData) throws -> CheckReport {
      var options = CheckOptions(readData: readData)
      options.record = false
      return try Check.run(
        storage: bench.storage, client: bench.bench.client, options: options
      ) {
        try $0.unlock(.keyText(SecretBytes(copying: key)), client: bench.bench.client)
      }
    }
    let report = try check(.all)
    #expect(report.isOK)
    #expect(report.notChecked.contains { $0.contains("writer") })
    #expect(report.packsRead == report.packs)
    #expect(report.indexSegments == 2)
    let name = try bench.packs()[0]
    try bench.change(name) { $0[$0.count / 2] ^= 1 }
    #expect(try check(.none).isOK)
    #expect(try check(.all).damages.map(\.object) == [name])
  }

  private func checkWithWrongPassword(_ bench: CheckBench) throws -> CheckReport {
    try Check.run(
      storage: bench.storage, client: bench.bench.client, options: CheckOptions(readData: .all)
    ) {
      try $0.unlock(
        .password(SecretBytes(copying: Array("wrong".utf8))), client: bench.bench.client)
    }
  }

  @Test func aWrongPasswordIsOneUnlessCredentialsAreDamaged() throws {
    let bench = try CheckBench()
    #expect(throws: VarveError(.wrongPassword, "")) { try checkWithWrongPassword(bench) }
    let credentials = try bench.objects().filter { $0.hasPrefix(ObjectName.credentialPrefix) }
    #expect(credentials.count == 2)
    for name in credentials { try bench.change(name) { $0[$0.count / 2] ^= 1 } }
    let pack = try bench.packs()[0]
    try bench.change(pack) { $0[$0.count / 2] ^= 1 }
    let report = try checkWithWrongPassword(bench)
    #expect(Set(report.damages.map(\.object)) == Set(credentials + [pack]))
    #expect(report.notChecked.contains { $0.contains("nothing unlocks") })
    #expect(report.packsRead == report.packs)
  }

  @Test func aDamagedLogStillLetsObjectsBeVerified() throws {
    let bench = try CheckBench()
    let commit = ObjectName.commit(2)
    try bench.change(commit) { $0[$0.count / 2] ^= 1 }
    let pack = try bench.packs()[0]
    try bench.change(pack) { $0[$0.count / 2] ^= 1 }
    let report = try bench.check(remembers: false)
    #expect(Set(report.damages.map(\.object)) == [commit, pack])
    #expect(report.notChecked.contains { $0.contains("what is live") })
    // A client that remembers the log can go on.
    let remembering = try bench.check()
    #expect(Set(remembering.damages.map(\.object)) == [commit, pack])
    #expect(!remembering.affected.isEmpty)
  }

  @Test func aDamagedConfigIsNamed() throws {
    let bench = try CheckBench()
    try bench.change(ObjectName.config) { $0[$0.count / 2] ^= 1 }
    #expect(try bench.check().damages.map(\.object) == [ObjectName.config])
    try bench.storage.remove(ObjectName.config)
    let report = try bench.check()
    #expect(report.damages.map(\.object) == [ObjectName.config])
    #expect(report.damages.map(\.kind) == [.missing])
    let empty = MemoryStorage()
    #expect(throws: VarveError(.noRepository, "")) {
      try Check.run(storage: empty, client: bench.bench.client, options: CheckOptions()) {
        try bench.unlock($0, bench.bench.client)
      }
    }
  }

  @Test func aDamagedCheckpointIsDerivedDataAndWrittenAnew() throws {
    let bench = try CheckBench()
    try bench.change(ObjectName.checkpoint) { $0[$0.count - 3] ^= 1 }
    let report = try bench.check(.none, records: true)
    #expect(report.damages.map(\.object) == [ObjectName.checkpoint])
    #expect(report.damages.map(\.isDerived) == [true])
    #expect(report.affected.isEmpty && report.treeNodes > 0)
    #expect(try bench.check().isOK)
  }

  @Test func partsCoverEachPackOnce() throws {
    let bench = try CheckBench()
    var options = InitOptions(passwordCost: .least)
    options.packSize = 16 << 10
    let report = try bench.check()
    for name in try bench.packs() {
      let original = try bench.storage.read(name)
      try bench.change(name) { $0[$0.count - 40] ^= 1 }
      let found = try (1...3).map { try bench.check(.part($0, of: 3)).isDamaged ? 1 : 0 }
      #expect(found.reduce(0, +) == 1, "\(name)")
      #expect(try bench.check(.fraction(1)).isDamaged)
      #expect(try bench.check(.bytes(.max)).isDamaged)
      try bench.storage.put(name, original)
    }
    let read = try (1...3).map { try bench.check(.part($0, of: 3)).bytesRead }
    #expect(read.reduce(0, +) == report.bytesRead)
    let some = try bench.check(.fraction(0.01)) { $0.seed = 4 }
    #expect(some.packsRead >= 1 && some.packsRead < report.packs)
    let again = try bench.check(.fraction(0.01)) { $0.seed = 4 }
    #expect(again.bytesRead == some.bytesRead)
  }

  @Test func strayObjectsAreNoDamage() throws {
    let bench = try CheckBench()
    let stray = ObjectName.pack(Digest(1, 2, 3, 4))
    try bench.storage.put(stray, [1, 2, 3])
    let report = try bench.check()
    #expect(report.isOK)
    #expect(report.unreferenced == [ObjectReference(name: stray, size: 3)])
  }

  @Test func aDamagedCacheIsReplacedAndIsNoDamageToTheRepository() throws {
    let bench = try CheckBench()
    _ = try bench.check(.none)
    let cache = try #require(bench.bench.client.cache)
    let name = try #require(
      try bench.objects().first { $0.hasPrefix(ObjectName.indexPrefix) }?.suffix(64))
    let path = "\(cache)/\(bench.bench.unlocked.config.id.hex)/index/\(name)"
    let file = open(path, O_RDWR)
    try #require(file >= 0)
    var byte: UInt8 = 0
    let end = lseek(file, 0, SEEK_END)
    pread(file, &byte, 1, end - 40)
    byte ^= 1
    pwrite(file, &byte, 1, end - 40)
    close(file)
    let report = try bench.check(.none)
    #expect(report.isOK, "\(report.damages)")
    #expect(report.notChecked.contains { $0.contains("cache") })
    #expect(try bench.check(.none).notChecked.isEmpty)
  }

  @Test func cancellationStopsAndRecordsNothing() throws {
    let bench = try CheckBench()
    let flag = CancellationFlag()
    flag.cancel()
    #expect(throws: VarveError(.interrupted, "")) {
      try Check.run(
        storage: bench.storage, client: bench.bench.client, options: CheckOptions(readData: .all),
        cancellation: flag
      ) { try bench.unlock($0, bench.bench.client) }
    }
    try bench.bench.unlocked.log.refresh()
    #expect(bench.bench.unlocked.log.state.checks.isEmpty)
  }
}
