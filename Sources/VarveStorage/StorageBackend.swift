public import VarveFormat

/// A place that keeps objects: named byte strings, written once (docs/format.md, section 3).
///
/// What the rest of Varve relies on:
/// - `put` and `createExclusively` are durable when they return: the object survives a power loss,
///   whole. Nobody ever sees a part of an object.
/// - Of any number of racing `createExclusively` for one name exactly one returns true, and the
///   object holds that caller's bytes.
/// - What one caller has stored, every caller reads from then on.
///
/// Nothing is trusted beyond that: readers authenticate every byte (invariant I8).
///
/// Calls block and may come from many threads at once. Names are relative paths as
/// `StorageName.validate` admits them; any other name throws `VarveError.Code.usage`. Failures are
/// `missing` for an object that is not there, `damaged` for one that is shorter than asked, `io`
/// for what the store refuses, `unavailable` where asking again may help (RetryStorage does); then a write
/// may have been carried out or not.
public protocol StorageBackend: AnyObject, Sendable {
  /// Where the store is, for messages: never with a secret in it.
  var location: String { get }

  /// How many transfers at one time fill the way to the store: 1 where the thread that makes one is all it takes, more
  /// where most of a transfer is waiting.
  var transfersAtOnce: Int { get }

  /// Makes the place ready for a new repository: what `init` calls before it stores anything.
  ///
  /// - Throws: `VarveError.Code.refused` when the store does not keep what this protocol promises.
  func create() throws

  /// All bytes of the object.
  func read(_ name: String) throws -> [UInt8]

  /// Fills `buffer` with the object's bytes from `offset` on.
  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws

  /// The number of bytes in the object, or nil when there is none.
  func size(_ name: String) throws -> UInt64?

  /// When the object was stored, by the store's own clock; nil when there is none, or the store does not say.
  ///
  /// Times of one store are compared with each other only, and nothing that has to be right depends on them.
  func modificationTime(_ name: String) throws -> Timestamp?

  /// Stores the object, in place of one that has the name already.
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws

  /// Stores the object unless there is one with that name already; says whether it did.
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool

  /// Makes sure that an object which can be read would survive a power loss: whoever stored it may have
  /// been killed just before it was durable.
  func settle(_ name: String) throws

  /// Removes the object; none of that name is no error. Need not be durable on return.
  func remove(_ name: String) throws

  /// Calls `body` with the name and size of each object below the directory `prefix`, at any
  /// depth and in any order; the empty prefix stands for the whole store. Objects that come or go
  /// meanwhile may be among them or not.
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws
}

extension StorageBackend {
  public var transfersAtOnce: Int { 1 }

  public func create() throws {}

  public func modificationTime(_ name: String) throws -> Timestamp? { nil }

  /// For stores in which what can be read is durable.
  public func settle(_ name: String) throws {}

  public func put(_ name: String, _ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try put(name, $0) }
  }

  public func createExclusively(_ name: String, _ bytes: [UInt8]) throws -> Bool {
    try bytes.withUnsafeBytes { try createExclusively(name, $0) }
  }

  /// The bytes of `range`, which the object must hold.
  public func read(_ name: String, offset: UInt64, count: Int) throws -> [UInt8] {
    try [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      try read(name, offset: offset, into: UnsafeMutableRawBufferPointer(buffer))
      filled = count
    }
  }
}
