import Glibc
import Synchronization
import Testing
import Varve
import VarveFormat
import VarveStorage
import VarveTestSupport

@Suite struct RestoreResumeTests {
  /// Each file has a block of its own; six share a pack.
  private func makeBench(_ files: Int) throws -> RestoreBench {
    try RestoreBench(
      (0..<files).map { number in
        let name = "file" + String(100 + number)
        return (name, .file(noise(300_000, seed: UInt64(number + 1)), chunkSize: 300_000))
      }, packSize: 2_000_000)
  }

  @Test func onlyWhatIsMissingIsRead() throws {
    let bench = try makeBench(40)
    let partial = try bench.restore { $0.excludes = [Array("/file1[0-3]5".utf8)] }
    #expect(partial.itemsRestored == 36)
    let counting = CountingStorage(bench.storage)
    let rest = try bench.restore(through: counting) { $0.overwrite = .ifChanged }
    #expect(rest.problems == [])
    #expect(rest.itemsRestored == 4)
    #expect(rest.itemsSkipped == 36)
    #expect(rest.bytesRestored == 1_200_000)
    let bytes = counting.bytes.load(ordering: .relaxed)
    #expect(bytes >= 1_200_000)
    #expect(bytes < 1_500_000, "only four blocks, headers and the tree")
    for number in 0..<40 {
      let isRight = bench.has("file\(100 + number)", noise(300_000, seed: UInt64(number + 1)))
      #expect(isRight, "file \(number)")
    }
    let idle = CountingStorage(bench.storage)
    let again = try bench.restore(through: idle) { $0.overwrite = .ifChanged }
    #expect(again.itemsSkipped == 40)
    #expect(idle.bytes.load(ordering: .relaxed) < 100_000, "only the tree")
  }

  /// What a kill leaves: a file under its name with the time of the moment, whole or in part.
  @Test func aPartIsNotTakenForTheWhole() throws {
    let bench = try RestoreBench([
      ("cut", .text("the whole of it")), ("empty", .text("not empty")),
      ("garbled", .text("right")), ("whole", .text("complete")),
    ])
    try bench.write("cut", "the who")
    try bench.write("empty", "")
    try bench.write("garbled", "ri\0\0\0")
    try bench.write("whole", "complete")
    let report = try bench.restore { $0.overwrite = .ifChanged }
    #expect(report.problems == [])
    #expect(bench.text("cut") == "the whole of it")
    #expect(bench.text("empty") == "not empty")
    #expect(bench.text("garbled") == "right")
    #expect(bench.text("whole") == "complete")
    #expect(report.bytesSkipped == 8)
  }

  @Test func filesThatAreCreatedWithTheirModesHaveThem() throws {
    let modes: [UInt16] = [
      0o000, 0o200, 0o400, 0o444, 0o600, 0o640, 0o644, 0o664, 0o666, 0o700, 0o755, 0o777, 0o1644,
      0o2755, 0o4755,
    ]
    let files = modes.map { ("m" + String($0, radix: 8), Node.mode($0, .text("x"))) }
    let bench = try RestoreBench([("made", .directory(files))])
    #expect(try bench.restore().problems == [])
    for (name, mode) in zip(files.map(\.0), modes) {
      #expect(bench.status("made/\(name)")?.mode == mode, "\(name)")
    }
    // A second time into what is there, which hands its own mode on to nothing.
    #expect(try bench.restore { $0.overwrite = .ifChanged }.itemsRestored == 0)
  }
}

/// Counts the bytes that are read from packs.
private final class CountingStorage: StorageBackend {
  let bytes = Atomic<Int>(0)
  private let base: any StorageBackend

  init(_ base: any StorageBackend) { self.base = base }

  var location: String { base.location }

  func read(_ name: String) throws -> [UInt8] {
    let content = try base.read(name)
    count(name, content.count)
    return content
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(name, offset: offset, into: buffer)
    count(name, buffer.count)
  }

  private func count(_ name: String, _ bytes: Int) {
    if name.hasPrefix("packs/") { self.bytes.add(bytes, ordering: .relaxed) }
  }

  func size(_ name: String) throws -> UInt64? { try base.size(name) }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try base.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws { try base.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
