import Glibc
import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// What a plan for very many objects takes.
@Suite(.enabled(if: getenv("VARVE_SOAK") != nil), .timeLimit(.minutes(60)))
struct MirrorMemoryTests {
  private static let count: UInt64 = 1_000_000

  private static func pack(_ number: UInt64) -> ObjectReference {
    ObjectReference(name: ObjectName.pack(Digest(number << 44, number, 0, 0)), size: 32 << 20)
  }

  /// The source has a million packs, of which the target lists all but one in a hundred: no objects, only names, as for a dry run.
  @Test func aMillionObjects() throws {
    let bench = try MirrorBench()
    var inventory = Array("varve inventory v1\n".utf8)
    for number in 1...Self.count {
      let pack = Self.pack(number)
      inventory += Array("\(pack.name) \(pack.size)\n".utf8)
    }
    let digest = SHA256.digest(inventory)
    try bench.storage.put(ObjectName.inventory(digest), inventory)
    try bench.log.append { _ in
      [.snapshot(.init(snapshot: SHA256.digest([1]), additions: .inventory(digest)))]
    }
    inventory = []
    let target = NameStorage { body in
      for number in 1...Self.count where number % 100 != 0 {
        let pack = Self.pack(number)
        try body(pack.name, pack.size)
      }
    }
    let before = try Self.status("VmRSS")
    Self.resetPeak()
    let report = try bench.mirror(to: target) { $0.dryRun = true }
    let peak = try Self.status("VmHWM") - before
    print("planning \(Self.count) objects: \(peak >> 20) MiB")
    #expect(report.objectsPresent == Self.count / 100 * 99)
    #expect(peak < 200 << 20)
  }

  private static func resetPeak() {
    let file = open("/proc/self/clear_refs", O_WRONLY)
    defer { close(file) }
    _ = write(file, "5", 1)
  }

  /// A figure of this process, in bytes.
  private static func status(_ key: String) throws -> Int {
    let file = open("/proc/self/status", O_RDONLY)
    defer { close(file) }
    var buffer = [UInt8](repeating: 0, count: 8 << 10)
    let count = read(file, &buffer, buffer.count)
    let line = String(decoding: buffer[..<max(0, count)], as: UTF8.self)
      .split(separator: "\n").first { $0.hasPrefix(key + ":") }
    let digits = try #require(line).filter { ("0"..."9").contains($0) }
    return try #require(Int(digits)) << 10
  }
}

/// A store that has names and nothing behind them.
private final class NameStorage: StorageBackend {
  typealias Names = @Sendable ((String, UInt64) throws -> Void) throws -> Void
  private let packs: Names
  private let rest = MemoryStorage()

  init(_ packs: @escaping Names) { self.packs = packs }

  var location: String { "names" }
  func read(_ name: String) throws -> [UInt8] { try rest.read(name) }
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try rest.read(name, offset: offset, into: buffer)
  }
  func size(_ name: String) throws -> UInt64? { try rest.size(name) }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try rest.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try rest.createExclusively(name, bytes)
  }
  func remove(_ name: String) throws { try rest.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    if prefix == ObjectName.packPrefix { try packs(body) }
  }
}
