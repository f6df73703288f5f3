import CVarveLinux
import Glibc
import Synchronization
import Testing
import VarveFormat
import VarveStorage
import VarveTestSupport

@Suite struct LocalStorageTests {
  let directory = TemporaryDirectory()

  private final class Trace: Sendable {
    private let steps = Mutex<[LocalStorage.Step]>([])
    func append(_ step: LocalStorage.Step) { steps.withLock { $0.append(step) } }
    func take() -> [LocalStorage.Step] {
      steps.withLock { steps in
        defer { steps = [] }
        return steps
      }
    }
  }

  private func mode(_ name: String) -> mode_t {
    var status = stat()
    guard lstat(directory(name), &status) == 0 else { return 0 }
    return status.st_mode
  }

  private func names(in name: String) -> [String] {
    guard let stream = opendir(directory(name)) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
      names.append(
        withUnsafeBytes(of: entry.pointee.d_name) { bytes in
          String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return names.filter { $0 != "." && $0 != ".." }.sorted()
  }

  @Test func initializingTouchesNothing() throws {
    let store = LocalStorage(path: directory("deep/er/repository"))
    #expect(!store.exists)
    #expect(names(in: "") == [])
    #expect(throws: VarveError(.noRepository, "")) { try store.put("config", [1]) }
    #expect(throws: VarveError(.noRepository, "")) {
      _ = try store.createExclusively("config", [1])
    }
    #expect(throws: VarveError(.missing, "")) { try store.read("config") }
    #expect(names(in: "") == [])
  }

  @Test func onlyTheOwnerCanLook() throws {
    let store = LocalStorage(path: directory("a/b"))
    try store.create()
    try store.put("packs/00/aa", [1])
    _ = try store.createExclusively("log/commits/0", [1])
    #expect(store.exists)
    for name in ["a", "a/b", "a/b/packs", "a/b/packs/00", "a/b/log/commits", "a/b/tmp"] {
      #expect(mode(name) == S_IFDIR | 0o700, "\(name)")
    }
    for name in ["a/b/packs/00/aa", "a/b/log/commits/0"] {
      #expect(mode(name) == S_IFREG | 0o600, "\(name)")
    }
  }

  @Test func everyStepThatDurabilityNeedsHappensInOrder() throws {
    try LocalStorage(path: directory("r")).create()
    let trace = Trace()
    let store = LocalStorage(path: directory("r")) { trace.append($0) }
    try store.put("packs/7f/aa", [1])
    #expect(
      trace.take() == [
        .syncedDirectory(""), .madeDirectory("packs/7f"), .syncedDirectory("packs"),
        .syncedDirectory(""), .wroteTemporary, .syncedTemporary, .renamed(to: "packs/7f/aa"),
        .syncedDirectory("packs/7f"),
      ])
    try store.put("packs/7f/bb", [1])
    #expect(
      trace.take() == [
        .wroteTemporary, .syncedTemporary, .renamed(to: "packs/7f/bb"),
        .syncedDirectory("packs/7f"),
      ])
    #expect(try store.createExclusively("log/commits/0", [1]))
    #expect(
      trace.take() == [
        .syncedDirectory(""), .syncedDirectory("log"), .wroteTemporary, .syncedTemporary,
        .linked(to: "log/commits/0"), .syncedDirectory("log/commits"),
      ])
    #expect(!(try store.createExclusively("log/commits/0", [2])))
    #expect(trace.take() == [])
    try store.settle("log/commits/0")
    #expect(trace.take() == [.syncedDirectory("log/commits")])
  }

  /// The bytes of an upload are durable before it has its name, whether that was asked for before or not; once is enough.
  @Test func anUploadIsSyncedOnce() throws {
    try LocalStorage(path: directory("r")).create()
    for isEarly in [false, true] {
      let trace = Trace()
      let store = LocalStorage(path: directory("r")) { trace.append($0) }
      try store.put("packs/7f/aa", [1])
      _ = trace.take()
      let upload = try LocalUpload(of: "packs/7f/cc", to: store)
      try [UInt8]([1, 2]).withUnsafeBytes { try upload.append($0) }
      if isEarly {
        try upload.sync()
        #expect(trace.take() == [.wroteTemporary, .syncedTemporary])
      }
      #expect(try upload.finish(exclusively: false))
      let end: [LocalStorage.Step] = [.renamed(to: "packs/7f/cc"), .syncedDirectory("packs/7f")]
      #expect(trace.take() == (isEarly ? end : [.wroteTemporary, .syncedTemporary] + end))
    }
  }

  @Test func noTemporaryFileStays() throws {
    let store = LocalStorage(path: directory("r"))
    try store.create()
    try store.put("config", [1])
    _ = try store.createExclusively("keys/a", [1])
    mkdir(directory("r/index/taken"), 0o700)
    #expect(throws: VarveError(.io, "")) { try store.put("index/taken", [1]) }
    #expect(names(in: "r/tmp") == [])
  }

  @Test func temporaryFilesOlderThanADayAreRemoved() throws {
    try LocalStorage(path: directory("r")).create()
    for name in ["old", "new"] {
      close(varve_open(AT_FDCWD, directory("r/tmp/\(name)"), O_WRONLY | O_CREAT, 0o600))
    }
    let yesterday = Int64(time(nil)) - 86_410
    #expect(
      varve_set_times(AT_FDCWD, directory("r/tmp/old"), 0, yesterday, 0, yesterday, 0) == 0)
    let store = LocalStorage(path: directory("r"))
    _ = try store.size("config")
    #expect(names(in: "r/tmp") == ["new", "old"])
    try store.put("config", [1])
    #expect(names(in: "r/tmp") == ["new"])
  }

  @Test func whatIsNotAnObjectIsNeitherReadNorListed() throws {
    let store = LocalStorage(path: directory("r"))
    try store.create()
    try store.put("packs/00/aa", [1])
    for stray in ["packs/00/.aa.swp", "packs/00/Aa", "packs/00/a~", "tmp/123-4"] {
      close(varve_open(AT_FDCWD, directory("r/\(stray)"), O_WRONLY | O_CREAT, 0o600))
    }
    mkfifo(directory("r/packs/00/pipe"), 0o600)
    symlink("..", directory("r/packs/00/loop"))
    var found: Set<String> = []
    try store.list("packs/00") { name, _ in found.insert(name) }
    #expect(found.contains("packs/00/aa"))
    #expect(found.allSatisfy { $0.hasSuffix("aa") })
    #expect(throws: VarveError(.damaged, "")) { try store.read("packs/00/pipe") }
    #expect(throws: VarveError(.damaged, "")) { try store.size("packs/00") }
  }

  @Test func aDirectoryThatVanishesIsMadeAgain() throws {
    let store = LocalStorage(path: directory("r"))
    try store.create()
    try store.put("packs/00/aa", [1])
    try store.remove("packs/00/aa")
    #expect(rmdir(directory("r/packs/00")) == 0)
    try store.put("packs/00/aa", [2])
    #expect(try store.read("packs/00/aa") == [2])
  }

  @Test func refusalsNameTheObjectAndTheRemedy() throws {
    let store = LocalStorage(path: directory("r"))
    try store.create()
    mkdir(directory("r/index/taken"), 0o700)
    do {
      try store.put("index/taken", [1])
      Issue.record("a directory was replaced")
    } catch let error as VarveError {
      #expect(error.message.contains("index/taken"))
      #expect(error.message.contains(directory("r")))
    }
    let full = VarveError(system: ENOSPC, "cannot write packs/00/aa")
    #expect(full.code == .io)
    #expect(full.message.hasSuffix("No space left on device"))
    #expect(full.hint?.contains("free some space") == true)
  }

  /// Memory is taken for no more than an object of that name may have.
  @Test func objectsThatAreLongerThanAny() throws {
    let store = LocalStorage(path: directory("r"))
    try store.create()
    let hex = String(repeating: "0", count: 64)
    for (name, limit) in [
      ("config", 1 << 20), ("log/checkpoint", 1 << 20), ("keys/\(hex)", 64 << 10),
      (ObjectName.commit(0), 16 << 20),
    ] {
      try store.put(name, [1])
      #expect(truncate(directory("r/\(name)"), off_t(limit)) == 0)
      #expect(try store.read(name).count == limit)
      #expect(truncate(directory("r/\(name)"), off_t(limit + 1)) == 0)
      #expect(throws: VarveError(.damaged, ""), "\(name)") { try store.read(name) }
      // A part of it takes no more than was asked for.
      #expect(try store.read(name, offset: 0, count: 1) == [1])
    }
  }
}
