import Glibc
import Synchronization
public import VarveFormat

/// A store in memory, for tests and for repositories that need not last.
public final class MemoryStorage: StorageBackend {
  private let objects = Mutex<[String: [UInt8]]>([:])
  private let times = Mutex<[String: Timestamp]>([:])

  public init() {}

  public var location: String { "memory" }

  public func read(_ name: String) throws -> [UInt8] {
    try StorageName.validate(name)
    guard let bytes = objects.withLock({ $0[name] }) else { throw missing(name) }
    return bytes
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    let bytes = try read(name)
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow, end <= UInt64(bytes.count) else { throw tooShort(name) }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(end)])
  }

  public func size(_ name: String) throws -> UInt64? {
    try StorageName.validate(name)
    return objects.withLock { $0[name].map { UInt64($0.count) } }
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try StorageName.validate(name)
    objects.withLock { $0[name] = Array(bytes) }
    stamp(name)
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try StorageName.validate(name)
    return times.withLock { $0[name] }
  }

  private func stamp(_ name: String) {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let now = Timestamp(seconds: Int64(time.tv_sec), nanoseconds: UInt32(time.tv_nsec))
    times.withLock { $0[name] = now }
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try StorageName.validate(name)
    let isNew = objects.withLock { objects in
      guard objects[name] == nil else { return false }
      objects[name] = Array(bytes)
      return true
    }
    if isNew { stamp(name) }
    return isNew
  }

  public func remove(_ name: String) throws {
    try StorageName.validate(name)
    objects.withLock { _ = $0.removeValue(forKey: name) }
    times.withLock { _ = $0.removeValue(forKey: name) }
  }

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let directory = try StorageName.directory(prefix)
    let found = objects.withLock { objects in
      objects.filter { StorageName.lies($0.key, below: directory) }
        .map { ($0.key, UInt64($0.value.count)) }
    }
    for (name, size) in found { try body(name, size) }
  }
}

extension StorageBackend {
  func missing(_ name: String) -> VarveError {
    VarveError(
      .missing, "\(name) is not in \(location)",
      hint: "run 'varve check' to see what depends on it")
  }

  /// Of an object that has more bytes than `ObjectName.byteLimit` allows.
  package func tooLong(_ name: String) -> VarveError {
    VarveError(
      .damaged,
      "\(name) in \(location) is longer than any such object: it has more than \(ObjectName.byteLimit(of: name)) bytes",
      hint: "run 'varve check' to see what depends on it")
  }

  func tooShort(_ name: String) -> VarveError {
    VarveError(
      .damaged, "\(name) in \(location) is shorter than it should be",
      hint: "run 'varve check' to see what depends on it")
  }
}
