import Synchronization
public import VarveFormat

/// A store that asks another one again when it was unavailable.
///
/// A creation whose answer was lost may have been carried out: when the object is there at a later attempt, it is read
/// back, and equal bytes are ours.
///
/// Once reading, or changing, has been given up, nothing of that kind is tried twice until something of it succeeds: work on
/// many objects then ends soon. They are told apart because a store that is full goes on answering readers.
public final class RetryStorage: StorageBackend {
  private let base: any StorageBackend
  private let policy: RetryPolicy
  private let areReadsGivenUp = Atomic<Bool>(false)
  private let areChangesGivenUp = Atomic<Bool>(false)

  public init(_ base: any StorageBackend, _ policy: RetryPolicy = RetryPolicy()) {
    self.base = base
    self.policy = policy
  }

  private func run<Result>(_ body: () throws -> Result) throws -> Result {
    try run(areReadsGivenUp, body)
  }

  private func change<Result>(_ body: () throws -> Result) throws -> Result {
    try run(areChangesGivenUp, body)
  }

  private func run<Result>(
    _ isGivenUp: borrowing Atomic<Bool>, _ body: () throws -> Result
  ) throws -> Result {
    do {
      let result = try isGivenUp.load(ordering: .relaxed) ? body() : policy.run(body)
      isGivenUp.store(false, ordering: .relaxed)
      return result
    } catch let error as VarveError where error.code == .unavailable {
      isGivenUp.store(true, ordering: .relaxed)
      throw error
    }
  }

  public var location: String { base.location }

  public var transfersAtOnce: Int { base.transfersAtOnce }

  public func create() throws { try change { try base.create() } }

  public func read(_ name: String) throws -> [UInt8] { try run { try base.read(name) } }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws { try run { try base.read(name, offset: offset, into: buffer) } }

  public func size(_ name: String) throws -> UInt64? { try run { try base.size(name) } }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try run { try base.modificationTime(name) }
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try change { try base.put(name, bytes) }
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    var isUnclear = false
    let isCreated = try change {
      do {
        return try base.createExclusively(name, bytes)
      } catch let error as VarveError where error.code == .unavailable {
        isUnclear = true
        throw error
      }
    }
    guard !isCreated, isUnclear else { return isCreated }
    guard try read(name).withUnsafeBytes({ $0.elementsEqual(bytes) }) else { return false }
    // Whatever kept the answer from coming may have kept the object from becoming durable.
    try settle(name)
    return true
  }

  public func settle(_ name: String) throws { try change { try base.settle(name) } }

  public func remove(_ name: String) throws { try change { try base.remove(name) } }

  /// Collects the list before it passes it on, so that nothing is named twice: 100 bytes a name.
  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    let found = try run {
      var found: [(String, UInt64)] = []
      try base.list(prefix) { found.append(($0, $1)) }
      return found
    }
    for (name, size) in found { try body(name, size) }
  }

  public var retentionSeconds: Int64? { base.retentionSeconds }

  public func extendRetention(of name: String, until time: Timestamp) throws {
    try change { try base.extendRetention(of: name, until: time) }
  }
}
