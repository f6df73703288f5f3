import Synchronization
import VarveFormat
import VarveStorage

/// A store of which one object at a time is another than was stored. Writes are refused, so that what was
/// damaged stays so.
final class DamagedStorage: StorageBackend {
  private let base: any StorageBackend
  private let damaged = Mutex<(name: String, bytes: [UInt8])?>(nil)
  /// Names that somebody wanted to write, such as the checkpoint.
  private let written = Mutex<Set<String>>([])

  init(_ base: any StorageBackend) { self.base = base }

  var location: String { base.location }

  var writtenNames: Set<String> { written.withLock { $0 } }

  func damage(_ name: String, _ bytes: [UInt8]) {
    damaged.withLock { $0 = (name, bytes) }
  }

  /// Flips a bit of the damaged object; a second time, and it is as it was.
  func flip(bit: Int) {
    damaged.withLock { $0?.bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
  }

  func truncate(_ name: String, to length: Int) throws {
    damage(name, Array(try base.read(name).prefix(length)))
  }

  func heal() { damaged.withLock { $0 = nil } }

  private func damagedBytes(_ name: String) -> [UInt8]? {
    damaged.withLock { $0?.name == name ? $0?.bytes : nil }
  }

  func read(_ name: String) throws -> [UInt8] { try damagedBytes(name) ?? base.read(name) }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard let bytes = damagedBytes(name) else {
      return try base.read(name, offset: offset, into: buffer)
    }
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow, end <= UInt64(bytes.count) else {
      throw VarveError(.damaged, "\(name) is shorter than it should be")
    }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(end)])
  }

  func size(_ name: String) throws -> UInt64? {
    try damagedBytes(name).map { UInt64($0.count) } ?? base.size(name)
  }

  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try refuse(name) }

  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try refuse(name)
    return false
  }

  func remove(_ name: String) throws { try refuse(name) }

  private func refuse(_ name: String) throws {
    written.withLock { _ = $0.insert(name) }
    throw VarveError(.io, "\(name) cannot be written: this store is for reading")
  }

  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try base.list(prefix) { name, size in
      try body(name, damagedBytes(name).map { UInt64($0.count) } ?? size)
    }
  }
}
