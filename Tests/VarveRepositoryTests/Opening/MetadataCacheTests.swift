import Testing
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage
import VarveTestSupport

@Suite struct MetadataCacheTests {
  private let directory = TemporaryDirectory()
  private let memory = MemoryStorage()
  private let bytes = [UInt8](repeating: 5, count: 3_000)
  private var name: String { ObjectName.snapshot(SHA256.digest(bytes)) }

  @Test func anObjectIsFetchedOnce() throws {
    try memory.put(name, bytes)
    let counted = FaultStorage(memory) { _, _ in .pass }
    for _ in 0..<2 {
      let cache = MetadataCache(counted, directory: directory.path)
      for _ in 0..<3 { #expect(try cache.read(name) == bytes) }
      #expect(try cache.read(name, offset: 10, count: 20) == Array(bytes[10..<30]))
    }
    #expect(counted.operations == [.read(name)])
  }

  /// What could not be fetched once is fetched, and kept, the next time.
  @Test func aFailureIsNotKept() throws {
    try memory.put(name, bytes)
    let flaky = FaultStorage(memory) { _, ordinal in ordinal == 0 ? .fail(.unavailable) : .pass }
    let cache = MetadataCache(flaky, directory: directory.path)
    #expect(throws: VarveError(.unavailable, "")) { try cache.read(name) }
    for _ in 0..<3 { #expect(try cache.read(name) == bytes) }
    #expect(flaky.operations.count == 2)
  }

  /// What is not what its name says is passed on, for whoever reads it to judge, and not kept.
  @Test func damageIsNotKept() throws {
    try memory.put(name, [9])
    let cache = MetadataCache(memory, directory: directory.path)
    #expect(try cache.read(name) == [9])
    try memory.put(name, bytes)
    #expect(try MetadataCache(memory, directory: directory.path).read(name) == bytes)
  }
}
