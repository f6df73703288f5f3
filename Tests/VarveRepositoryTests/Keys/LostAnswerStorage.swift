import Synchronization
import VarveFormat
import VarveStorage

/// A store that creates one object and does not say so; from then on it does nothing but delete.
final class LostAnswerStorage: StorageBackend {
  private let base: any StorageBackend
  private let name: String
  private let code: VarveError.Code
  private let isLost = Atomic<Bool>(false)

  /// - Parameters:
  ///   - name: the object whose creation takes place without an answer.
  ///   - code: of what is thrown instead, then and later.
  init(_ base: any StorageBackend, losing name: String, _ code: VarveError.Code) {
    self.base = base
    self.name = name
    self.code = code
  }

  var location: String { base.location }

  private func requireAnswer() throws {
    if isLost.load(ordering: .relaxed) { throw VarveError(code, "no answer") }
  }

  func read(_ name: String) throws -> [UInt8] {
    try requireAnswer()
    return try base.read(name)
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try requireAnswer()
    try base.read(name, offset: offset, into: buffer)
  }

  func size(_ name: String) throws -> UInt64? {
    try requireAnswer()
    return try base.size(name)
  }

  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try requireAnswer()
    try base.put(name, bytes)
  }

  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try requireAnswer()
    let created = try base.createExclusively(name, bytes)
    if name == self.name { isLost.store(true, ordering: .relaxed) }
    try requireAnswer()
    return created
  }

  func settle(_ name: String) throws {
    try requireAnswer()
    try base.settle(name)
  }

  func remove(_ name: String) throws { try base.remove(name) }

  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try requireAnswer()
    try base.list(prefix, body)
  }
}
