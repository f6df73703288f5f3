public import VarveFormat

/// A store that reads from another one and forgets what is written: a decorator for dry runs.
///
/// What was "stored" here cannot be read back; whoever uses it writes only.
public final class DryRunStorage: StorageBackend {
  private let base: any StorageBackend

  public init(_ base: any StorageBackend) { self.base = base }

  public var location: String { base.location }

  public var transfersAtOnce: Int { base.transfersAtOnce }

  /// Would change the place.
  public func create() throws {}

  public func read(_ name: String) throws -> [UInt8] { try base.read(name) }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws { try base.read(name, offset: offset, into: buffer) }

  public func size(_ name: String) throws -> UInt64? { try base.size(name) }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try base.modificationTime(name)
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try StorageName.validate(name)
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.size(name) == nil
  }

  public func settle(_ name: String) throws { try base.settle(name) }

  public func remove(_ name: String) throws { try StorageName.validate(name) }

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
