import Glibc
import Synchronization
public import VarveFormat
public import VarveStorage

/// A store that says it is far away: counts what is asked of it, may take its time, and may fail.
public final class FarStorage: StorageBackend {
  public struct Counts: Sendable {
    public var reads: [String: Int] = [:]
    public var puts: [String] = []
    public var sizes = 0
    public var lists = 0
    /// Puts that were under way at one time.
    public var mostPuts = 0
    /// Ways there and back, one after another, that the reads took: the length of the longest chain of reads of which each
    /// began when the one before had its answer. Tells something only where reads pause.
    public var wayCount = 0
    fileprivate var putsNow = 0
  }

  private let base: any StorageBackend
  private let pauseMicroseconds: UInt32
  /// Asked before each put.
  private let mayPut: @Sendable (String) throws -> Void
  private let counted = Mutex(Counts())

  public init(
    _ base: any StorageBackend, pauseMicroseconds: UInt32 = 0,
    mayPut: @escaping @Sendable (String) throws -> Void = { _ in }
  ) {
    self.base = base
    self.pauseMicroseconds = pauseMicroseconds
    self.mayPut = mayPut
  }

  public var counts: Counts { counted.withLock { $0 } }
  public func resetCounts() { counted.withLock { $0 = Counts() } }

  public var location: String { base.location }
  public var transfersAtOnce: Int { 8 }

  private func pause() { if pauseMicroseconds > 0 { usleep(pauseMicroseconds) } }

  private func counting<Result>(_ name: String, _ read: () throws -> Result) rethrows -> Result {
    let way = counted.withLock {
      $0.reads[name, default: 0] += 1
      return $0.wayCount + 1
    }
    defer { counted.withLock { $0.wayCount = max($0.wayCount, way) } }
    pause()
    return try read()
  }

  public func read(_ name: String) throws -> [UInt8] {
    try counting(name) { try base.read(name) }
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try counting(name) { try base.read(name, offset: offset, into: buffer) }
  }

  public func size(_ name: String) throws -> UInt64? {
    counted.withLock { $0.sizes += 1 }
    return try base.size(name)
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try base.modificationTime(name)
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    counted.withLock {
      $0.puts.append(name)
      $0.putsNow += 1
      $0.mostPuts = max($0.mostPuts, $0.putsNow)
    }
    defer { counted.withLock { $0.putsNow -= 1 } }
    pause()
    try mayPut(name)
    try base.put(name, bytes)
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try mayPut(name)
    return try base.createExclusively(name, bytes)
  }

  public func remove(_ name: String) throws { try base.remove(name) }

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    counted.withLock { $0.lists += 1 }
    try base.list(prefix, body)
  }
}
