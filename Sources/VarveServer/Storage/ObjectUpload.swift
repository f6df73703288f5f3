// An object that comes in, in pieces of about a mebibyte: each is hashed and written on a thread of its own before the next
// is taken from the network, so an upload takes two mebibytes of memory, whatever its size. What was counted in is
// counted off when nothing comes of it.

import NIOCore
import Synchronization
import VarveCrypto
import VarveFormat
import VarveStorage

/// One upload. Its functions block; one thread at a time.
final class ObjectUpload: Sendable {
  enum Result: Equatable {
    case created, replaced, exists
    /// The bytes are not those that the name says.
    case isNotItsName
  }

  private struct State {
    let file: LocalUpload
    let hash: SHA256Stream?
    var isCounted: Bool
  }

  private let name: String
  private let size: Int64
  private let place: RepositoryPlace
  private let state: Mutex<State>

  /// - Parameter size: the bytes that will come.
  /// - Returns: nil when there is no room for them.
  init?(_ name: String, size: Int64, to place: RepositoryPlace, by kind: AccessKind) throws {
    if let quota = place.quota, !quota.reserve(size, for: kind) { return nil }
    do {
      let file = try LocalUpload(of: name, to: place.storage)
      self.name = name
      self.size = size
      self.place = place
      let isVerified = ObjectName.digest(of: name) != nil
      state = Mutex(
        State(file: file, hash: isVerified ? SHA256Stream() : nil, isCounted: place.quota != nil))
    } catch {
      place.quota?.release(size)
      throw error
    }
  }

  deinit {
    let isCounted = state.withLock { $0.isCounted }
    if isCounted { place.quota?.release(size) }
  }

  func append(_ pieces: [ByteBuffer]) throws {
    try state.withLock { state in
      for piece in pieces {
        try piece.withUnsafeReadableBytes { bytes in
          state.hash?.update(bytes)
          try state.file.append(bytes)
        }
      }
    }
  }

  /// - Parameter onlyNew: never in place of an object that there is.
  func finish(onlyNew: Bool) throws -> Result {
    try state.withLock { state in
      if let hash = state.hash, hash.finish() != ObjectName.digest(of: name) {
        return .isNotItsName
      }
      guard let quota = place.quota else { return try publish(state.file, onlyNew: onlyNew) }
      // Others that wait for the lock wait for a name, and not for a disk.
      try state.file.sync()
      return try quota.naming.withLock { _ in
        let before = try place.storage.size(name)
        func count() {
          state.isCounted = false
          if let before { quota.release(Int64(clamping: before)) }
        }
        do {
          let result = try publish(state.file, onlyNew: onlyNew)
          if result != .exists { count() }
          return result
        } catch {
          // It may have its name, and only its directory could not be synced.
          if (try? place.storage.size(name)) == UInt64(size) { count() }
          throw error
        }
      }
    }
  }

  private func publish(_ file: LocalUpload, onlyNew: Bool) throws -> Result {
    if onlyNew { return try file.finish(exclusively: true) ? .created : .exists }
    let isThere = try place.storage.size(name) != nil
    _ = try file.finish(exclusively: false)
    return isThere ? .replaced : .created
  }
}
