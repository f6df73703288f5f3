import Synchronization
internal import VarveFormat
internal import VarveRepository
import VarveStorage

/// A file that is read, cut and hashed by one thread while all threads compress and seal its new chunks.
///
/// The thread that reads it must not leave before nothing is outstanding.
final class LargeFile: @unchecked Sendable {
  private let condition = Condition()
  private var outstanding = 0
  private var failure: (any Error)?

  /// Notes that a chunk is on its way.
  func begin() { condition.locked { outstanding += 1 } }

  func complete(_ error: (any Error)?) {
    condition.locked {
      failure = failure ?? error
      outstanding -= 1
      condition.broadcast()
    }
  }

  /// Waits until nothing is outstanding, giving `help` the chance to do something useful before each wait.
  ///
  /// - Parameter help: does one waiting piece of work; false when there is none.
  /// - Throws: what storing one of the chunks threw.
  func finish(help: () throws -> Bool) throws {
    while true {
      let done = condition.locked { outstanding == 0 }
      if done { break }
      if try help() { continue }
      condition.locked { if outstanding > 0 { condition.wait() } }
    }
    if let failure = condition.locked({ failure }) { throw failure }
  }
}

/// A new chunk of a large file on its way to whichever thread is free.
struct LargeFileChunk: Sendable {
  let file: LargeFile
  let id: Digest
  /// Whose `bytes` they are; the receiver gives it back.
  let buffer: ReusableBuffer
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer
}

/// Buffers for chunks in flight; their number bounds the memory that a large file takes.
final class ChunkBufferPool: Sendable {
  private struct State {
    var free: [ReusableBuffer] = []
    var made = 0
  }

  private let limit: Int
  private let capacity: Int
  private let state = Mutex(State())

  /// - Parameters:
  ///   - count: the most buffers that are taken at a time.
  ///   - capacity: bytes of each, those of a thread's input buffer.
  init(count: Int, capacity: Int) {
    limit = count
    self.capacity = capacity
  }

  /// Whether there is any buffer at all, that is, another thread to take chunks.
  var isUseful: Bool { limit > 0 }

  /// A buffer, or nil when all are in use.
  func take() throws -> ReusableBuffer? {
    try state.withLock { state in
      if let buffer = state.free.popLast() { return buffer }
      guard state.made < limit else { return nil }
      state.made += 1
      return try ReusableBuffer(capacity: capacity)
    }
  }

  func give(_ buffer: ReusableBuffer) { state.withLock { $0.free.append(buffer) } }
}
