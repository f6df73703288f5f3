import Synchronization
public import VarveFormat

/// A store that fails on purpose: a decorator with which tests stop a program between any two of
/// its effects, or let it lose the answer to one that took place.
public final class FaultStorage: StorageBackend {
  public enum Operation: Hashable, Sendable {
    case read(String)
    case size(String)
    case put(String)
    case createExclusively(String)
    case remove(String)
    case list(String)

    /// Whether the operation changes what is stored.
    public var isChange: Bool {
      switch self {
      case .put, .createExclusively, .remove: true
      case .read, .size, .list: false
      }
    }
  }

  public enum Verdict: Sendable {
    case pass
    /// Nothing happens to the store, and the caller gets `VarveError.Code.io`.
    case failBeforeEffect
    /// The store does it, and the caller gets `VarveError.Code.io` all the same.
    case failAfterEffect
    /// Nothing happens to the store, and the caller gets an error of that class.
    case fail(VarveError.Code)
  }

  public typealias Judge = @Sendable (_ operation: Operation, _ ordinal: Int) -> Verdict

  private let base: any StorageBackend
  private let judge: Judge
  private let record = Mutex<[Operation]>([])

  /// - Parameters:
  ///   - base: the store that holds the objects.
  ///   - judge: called with each operation and how many came before it.
  public init(_ base: any StorageBackend, judge: @escaping Judge) {
    self.base = base
    self.judge = judge
  }

  /// Fails the change number `ordinal`, counted from 0, and every operation after it, as if the
  /// program had been killed there.
  public convenience init(
    _ base: any StorageBackend, stoppingAtChange ordinal: Int, afterEffect: Bool
  ) {
    let changes = ChangeCounter()
    self.init(
      base,
      judge: { operation, _ in
        let before = changes.value.withLock { count in
          defer { count += operation.isChange ? 1 : 0 }
          return count
        }
        if before == ordinal && operation.isChange {
          return afterEffect ? .failAfterEffect : .failBeforeEffect
        }
        return before > ordinal ? .failBeforeEffect : .pass
      })
  }

  private final class ChangeCounter: Sendable {
    let value = Mutex(0)
  }

  /// Every operation so far, in the order in which they began; failed ones too.
  public var operations: [Operation] { record.withLock { $0 } }

  public var location: String { base.location }

  public func read(_ name: String) throws -> [UInt8] {
    try perform(.read(name)) { try base.read(name) }
  }

  public func read(
    _ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
  ) throws {
    try perform(.read(name)) { try base.read(name, offset: offset, into: buffer) }
  }

  public func size(_ name: String) throws -> UInt64? {
    try perform(.size(name)) { try base.size(name) }
  }

  public func modificationTime(_ name: String) throws -> Timestamp? {
    try perform(.size(name)) { try base.modificationTime(name) }
  }

  public func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try perform(.put(name)) { try base.put(name, bytes) }
  }

  public func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try perform(.createExclusively(name)) { try base.createExclusively(name, bytes) }
  }

  /// Never fails by itself: it has no effect that a caller could see.
  public func settle(_ name: String) throws { try base.settle(name) }

  public func remove(_ name: String) throws {
    try perform(.remove(name)) { try base.remove(name) }
  }

  public func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try perform(.list(prefix)) { try base.list(prefix, body) }
  }

  public var retentionSeconds: Int64? { base.retentionSeconds }

  public func extendRetention(of name: String, until time: Timestamp) throws {
    try base.extendRetention(of: name, until: time)
  }

  private func perform<Result>(
    _ operation: Operation, _ effect: () throws -> Result
  ) throws -> Result {
    let ordinal = record.withLock { record in
      record.append(operation)
      return record.count - 1
    }
    switch judge(operation, ordinal) {
    case .pass:
      return try effect()
    case .failBeforeEffect:
      throw VarveError(.io, "a fault before operation \(ordinal), \(operation)")
    case .failAfterEffect:
      _ = try effect()
      throw VarveError(.io, "a fault after operation \(ordinal), \(operation)")
    case .fail(let code):
      throw VarveError(code, "a fault at operation \(ordinal), \(operation)")
    }
  }
}
