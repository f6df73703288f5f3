import VarveFormat
import VarveStorage

/// A store of which nobody knows whether what can be read in it is durable, as on a disk whose directories cannot
/// be synced.
final class UnsettledStorage: StorageBackend {
  private let base: any StorageBackend
  private let lost: String?

  /// - Parameter lost: the object whose creation takes place, but is reported as failed.
  init(_ base: any StorageBackend, losing lost: String? = nil) {
    self.base = base
    self.lost = lost
  }

  var location: String { base.location }

  func read(_ name: String) throws -> [UInt8] { try base.read(name) }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try base.read(name, offset: offset, into: buffer)
  }

  func size(_ name: String) throws -> UInt64? { try base.size(name) }

  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try base.put(name, bytes) }

  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    let created = try base.createExclusively(name, bytes)
    if name == lost { throw VarveError(.io, "the directory of \(name) cannot be synced") }
    return created
  }

  func settle(_ name: String) throws {
    throw VarveError(.io, "the directory of \(name) cannot be synced")
  }

  func remove(_ name: String) throws { try base.remove(name) }

  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix, body)
  }
}
