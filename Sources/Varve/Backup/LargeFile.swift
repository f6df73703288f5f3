import Synchronization
internal import VarveFormat
internal import VarveRepository

/// A file that is read and cut by one thread while all threads hash, compress and seal its chunks.
final class LargeFile: @unchecked Sendable {
  private let condition = Condition()
  private var chunks: [ChunkReference?] = []
  private var outstanding = 0
  private var failure: (any Error)?

  /// Takes the next place in the file for a chunk that is on its way.
  func begin() -> Int {
    condition.locked {
      chunks.append(nil)
      outstanding += 1
      return chunks.count - 1
    }
  }

  func complete(_ place: Int, _ result: Result<ChunkReference, any Error>) {
    condition.locked {
      switch result {
      case .success(let chunk): chunks[place] = chunk
      case .failure(let error): failure = failure ?? error
      }
      outstanding -= 1
      condition.broadcast()
    }
  }

  /// Waits until nothing is outstanding, giving `help` the chance to do something useful before each wait.
  ///
  /// - Parameter help: does one waiting piece of work; false when there is none.
  /// - Returns: the chunks in order.
  func finish(help: () throws -> Bool) throws -> [ChunkReference] {
    while true {
      let done = condition.locked { outstanding == 0 }
      if done { break }
      if try help() { continue }
      condition.locked { if outstanding > 0 { condition.wait() } }
    }
    return try condition.locked {
      if let failure { throw failure }
      return chunks.compactMap { $0 }
    }
  }
}

/// A chunk of a large file on its way to whichever thread is free.
struct LargeFileChunk: Sendable {
  let file: LargeFile
  let place: Int
  let buffer: ReusableBuffer
  let count: Int

  var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: buffer.base + BlockAssembler.headroom, count: count)
  }
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

  init(count: Int, chunkLimit: Int) {
    limit = count
    capacity = chunkLimit + BlockAssembler.headroom
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
