internal import VarveFormat
internal import VarveStorage

/// A store in which the log's checkpoint seems not to be there, and its derived objects are not written:
/// for looking past a damaged one without repairing it unasked.
final class StorageWithoutDerived: StorageBackend {
  private let base: any StorageBackend

  init(_ base: any StorageBackend) { self.base = base }

  var location: String { base.location }

  func read(_ name: String) throws -> [UInt8] {
    guard name != ObjectName.checkpoint else { throw hidden(name) }
    return try base.read(name)
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard name != ObjectName.checkpoint else { throw hidden(name) }
    try base.read(name, offset: offset, into: buffer)
  }

  func size(_ name: String) throws -> UInt64? {
    name == ObjectName.checkpoint ? nil : try base.size(name)
  }

  func modificationTime(_ name: String) throws -> Timestamp? {
    try base.modificationTime(name)
  }

  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    switch ObjectClass(name) {
    case .checkpoint, .tile: return
    default: try base.put(name, bytes)
    }
  }

  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try base.createExclusively(name, bytes)
  }

  func settle(_ name: String) throws { try base.settle(name) }

  func remove(_ name: String) throws { try base.remove(name) }

  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix) { name, size in
      if name != ObjectName.checkpoint { try body(name, size) }
    }
  }

  private func hidden(_ name: String) -> VarveError {
    VarveError(.missing, "\(name) is not looked at")
  }
}
