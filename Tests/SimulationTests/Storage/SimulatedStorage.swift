import Synchronization
import VarveFormat
import VarveStorage

/// What a client asks of storage.
enum StorageCall {
  case read(String)
  case readRange(String)
  case size(String)
  case time(String)
  case put(String, [UInt8])
  case create(String, [UInt8])
  case settle(String)
  case remove(String)
  case list(String)
  /// A list is complete: objects that came or went since it began may be in it or not.
  case listed(String)

  var name: String {
    switch self {
    case .read(let name), .readRange(let name), .size(let name), .time(let name),
      .put(let name, _), .create(let name, _), .settle(let name), .remove(let name),
      .list(let name), .listed(let name):
      name
    }
  }

  var isChange: Bool {
    switch self {
    case .put, .create, .remove: true
    default: false
    }
  }

  var verb: String {
    switch self {
    case .read: "read"
    case .readRange: "read part"
    case .size: "size"
    case .time: "time"
    case .put: "put"
    case .create: "create"
    case .settle: "settle"
    case .remove: "remove"
    case .list: "list"
    case .listed: "listed"
    }
  }

  /// Does what changes something; nothing for the others.
  @discardableResult
  func apply(to store: SimulatedStore) -> Bool {
    switch self {
    case .put(let name, let bytes): store.put(name, bytes)
    case .create(let name, let bytes): return store.create(name, bytes)
    case .remove(let name): store.remove(name)
    default: break
    }
    return true
  }
}

/// Whose turn it is decides what becomes of a call.
protocol CallGate: AnyObject, Sendable {
  /// Waits for the client's turn, then performs `effect`, unless something else happens to the call.
  func perform<Result>(
    _ call: StorageCall, by client: Int, _ effect: (SimulatedStore) throws -> Result
  ) throws -> Result

  /// Whether an object that came, or went, while a list was made is in it.
  func includes(_ name: String, cameMeanwhile: Bool) -> Bool
}

/// The storage as one client sees it.
final class SimulatedStorage: StorageBackend {
  private let gate: any CallGate
  private let client: Int

  init(_ gate: any CallGate, client: Int) {
    self.gate = gate
    self.client = client
  }

  var location: String { "simulation" }

  private func perform<Result>(
    _ call: StorageCall, _ effect: (SimulatedStore) throws -> Result
  ) throws -> Result {
    try gate.perform(call, by: client, effect)
  }

  func read(_ name: String) throws -> [UInt8] {
    try StorageName.validate(name)
    return try perform(.read(name)) { try $0.object(name).bytes }
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    try StorageName.validate(name)
    let bytes = try perform(.readRange(name)) { try $0.object(name).bytes }
    let (end, overflow) = offset.addingReportingOverflow(UInt64(buffer.count))
    guard !overflow, end <= UInt64(bytes.count) else {
      throw VarveError(.damaged, "\(name) is shorter than it should be")
    }
    buffer.copyBytes(from: bytes[Int(offset)..<Int(end)])
  }

  func size(_ name: String) throws -> UInt64? {
    try StorageName.validate(name)
    return try perform(.size(name)) { store in
      (try? store.object(name)).map { UInt64($0.bytes.count) }
    }
  }

  func modificationTime(_ name: String) throws -> Timestamp? {
    try StorageName.validate(name)
    return try perform(.time(name)) { try? $0.object(name).time }
  }

  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    try StorageName.validate(name)
    let call = StorageCall.put(name, Array(bytes))
    try perform(call) { _ = call.apply(to: $0) }
  }

  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try StorageName.validate(name)
    let call = StorageCall.create(name, Array(bytes))
    return try perform(call) { call.apply(to: $0) }
  }

  func settle(_ name: String) throws {
    try StorageName.validate(name)
    try perform(.settle(name)) { _ in }
  }

  func remove(_ name: String) throws {
    try StorageName.validate(name)
    let call = StorageCall.remove(name)
    try perform(call) { _ = call.apply(to: $0) }
  }

  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    if !prefix.isEmpty {
      try StorageName.validate(prefix.hasSuffix("/") ? String(prefix.dropLast()) : prefix)
    }
    let before = try perform(.list(prefix)) { $0.list(prefix) }
    let after = try perform(.listed(prefix)) { $0.list(prefix) }
    var found = before.filter {
      after[$0.key] != nil || gate.includes($0.key, cameMeanwhile: false)
    }
    for (name, size) in after where before[name] == nil {
      if gate.includes(name, cameMeanwhile: true) { found[name] = size }
    }
    for (name, size) in found.sorted(by: { $0.key < $1.key }) { try body(name, size) }
  }
}

/// Lets a result through a lock that wants it sent away: whoever holds the lock is alone with it.
struct Outcome<Value>: @unchecked Sendable {
  let value: Value
  init(_ value: Value) { self.value = value }
}

/// A gate without turns: for whoever is alone.
final class OpenGate: CallGate, @unchecked Sendable {
  private let store: SimulatedStore
  private let turn = Mutex<Void>(())
  init(_ store: SimulatedStore) { self.store = store }

  func perform<Result>(
    _ call: StorageCall, by client: Int, _ effect: (SimulatedStore) throws -> Result
  ) throws -> Result {
    try turn.withLock { _ in Outcome(try effect(store)) }.value
  }

  func includes(_ name: String, cameMeanwhile: Bool) -> Bool { cameMeanwhile }
}
