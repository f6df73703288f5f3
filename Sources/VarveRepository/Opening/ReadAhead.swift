// Opening a repository is a chain of small reads, of which each says what the next one is. Where a way to the store and back
// takes long, what will be needed is asked for as soon as its name is known or likely:
//
//     new here     config, checkpoint and the first commits
//                  then credentials, the newest snapshot records, and the index where it is small
//     known        config; checkpoint, the commit up to which the log is known, and the one that would follow it
//                  then credentials
//
// That something was not there is an answer of the time when it was asked for: who takes it sees to it that nothing newer
// contradicts it.

import Synchronization
import VarveFormat
import VarveStorage

/// A store of which small objects are read before somebody asks for them, side by side; none where it is near.
final class ReadAhead: StorageBackend {
  enum Answer: Sendable {
    case found([UInt8])
    case missing
  }

  private enum Reading {
    case underWay
    /// Nil for what could not be read: whoever asks storage is told why.
    case done(Answer?)
  }

  private let storage: any StorageBackend
  private let condition = Condition()
  private let readings = Mutex<[String: Reading]>([:])

  init(_ storage: any StorageBackend) { self.storage = storage }

  /// Asks for objects, for as many as the store answers at a time.
  func expect(_ names: [String]) {
    guard storage.transfersAtOnce > 1 else { return }
    for name in names.prefix(storage.transfersAtOnce) {
      let isNew = readings.withLock { readings in
        guard readings[name] == nil else { return false }
        readings[name] = .underWay
        return true
      }
      guard isNew else { continue }
      if !WorkerThreads.start({ [self] in finish(name, answer(name)) }) { finish(name, nil) }
    }
  }

  /// What was read ahead, once; waits for what is under way. Nil for what was not expected, or could not be read.
  func take(_ name: String) -> Answer? {
    condition.locked {
      while true {
        switch readings.withLock({ $0[name] }) {
        case nil: return nil
        case .done(let answer):
          readings.withLock { $0[name] = nil }
          return answer
        case .underWay: condition.wait()
        }
      }
    }
  }

  /// The object, from storage where it was not read ahead; nil where storage does not have it now.
  func readIfPresent(_ name: String) throws -> [UInt8]? {
    do {
      return try read(name)
    } catch let error as VarveError where error.code == .missing {
      return nil
    }
  }

  // MARK: As a store

  var location: String { storage.location }
  var transfersAtOnce: Int { storage.transfersAtOnce }

  func read(_ name: String) throws -> [UInt8] {
    if case .found(let bytes) = take(name) { return bytes }
    return try storage.read(name)
  }

  func read(_ name: String, offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws {
    guard case .found(let bytes) = take(name), let start = Int(exactly: offset),
      start <= bytes.count, buffer.count <= bytes.count - start
    else { return try storage.read(name, offset: offset, into: buffer) }
    buffer.copyBytes(from: bytes[start..<start + buffer.count])
  }

  // What changes the store, or has to do with it as it is now.

  func create() throws { try storage.create() }
  func size(_ name: String) throws -> UInt64? { try storage.size(name) }
  func modificationTime(_ name: String) throws -> Timestamp? {
    try storage.modificationTime(name)
  }
  func put(_ name: String, _ bytes: UnsafeRawBufferPointer) throws { try storage.put(name, bytes) }
  func createExclusively(_ name: String, _ bytes: UnsafeRawBufferPointer) throws -> Bool {
    try storage.createExclusively(name, bytes)
  }
  func settle(_ name: String) throws { try storage.settle(name) }
  func remove(_ name: String) throws { try storage.remove(name) }
  func list(_ prefix: String, _ body: (String, UInt64) throws -> Void) throws {
    try storage.list(prefix, body)
  }

  private func answer(_ name: String) -> Answer? {
    do {
      return .found(try storage.read(name))
    } catch let error as VarveError where error.code == .missing {
      return .missing
    } catch {
      return nil
    }
  }

  private func finish(_ name: String, _ answer: Answer?) {
    condition.locked {
      readings.withLock { $0[name] = .done(answer) }
      condition.broadcast()
    }
  }
}
