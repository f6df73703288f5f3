package import VarveFormat
package import VarveRepository
import VarveStorage

// Output in order, chunks fetched ahead.
//
// The producer appends bytes, chunks and zeros; they are gathered into jobs of about 1 MiB in a queue.
// Helper threads take waiting jobs from its front and resolve them. When the queue holds more than
// `window` bytes, the producer itself writes out the front job: if a helper has it, it waits for that;
// if nobody has, it resolves it on its own. So everything also comes to an end with no helper at all.
// Memory: the window, one job for each thread, and what each thread's source keeps.

/// Writes a stream whose parts are chunks, fetching them ahead on helper threads.
package final class ChunkPipeline: @unchecked Sendable {
  private static let window = 32 << 20
  private static let spareBuffers = 40

  private let source: any ChunkSource
  private let output: DescriptorOutput
  private let cancellation: CancellationFlag
  private let condition = Condition()
  // Guarded by `condition`.
  /// Jobs in order; those written are gone.
  private var queue: [PipelineJob?] = []
  private var front = 0
  private var nextWaiting = 0
  private var buffers: [ReusableBuffer] = []
  private var isClosed = false
  // The producer's own.
  private var queuedBytes = 0
  private var filling = PipelineJob()

  private init(
    source: any ChunkSource, output: DescriptorOutput, cancellation: CancellationFlag
  ) {
    self.source = source
    self.output = output
    self.cancellation = cancellation
  }

  /// Runs `produce` on a thread of its own and writes all it appends.
  ///
  /// - Parameters:
  ///   - output: written and flushed; used by nobody else meanwhile.
  ///   - helpers: threads that fetch ahead; 0 is allowed.
  ///   - makeSource: called once on each thread.
  ///   - produce: gets the pipeline and a source for its own reading.
  /// - Throws: what `produce`, the source or the output throws; `.interrupted` when cancelled.
  package static func run(
    to output: DescriptorOutput, helpers: Int, cancellation: CancellationFlag,
    makeSource: @escaping @Sendable () throws -> any ChunkSource,
    _ produce: @escaping @Sendable (ChunkPipeline, any ChunkSource) throws -> Void
  ) throws {
    nonisolated(unsafe) let output = output
    let source = try makeSource()
    let pipeline = ChunkPipeline(source: source, output: output, cancellation: cancellation)
    try WorkerThreads.run(count: 1 + max(0, helpers)) { worker in
      guard worker == 0 else {
        // Where a helper has nothing to read with, the producer does the work and says what is wrong.
        if let source = try? makeSource() { pipeline.help(source) }
        return
      }
      defer { pipeline.close() }
      try produce(pipeline, pipeline.source)
      try pipeline.finish()
    }
  }

  // MARK: The producer

  /// Appends bytes, which are copied.
  package func append(_ bytes: [UInt8]) throws {
    guard !bytes.isEmpty else { return }
    bytes.withUnsafeBytes { filling.append($0) }
    try enqueueIfFull()
  }

  /// Appends a chunk.
  package func append(_ chunk: ChunkReference) throws {
    if filling.byteCount + Int(chunk.length) > PipelineJob.targetSize { try enqueue() }
    filling.append(chunk)
    try enqueueIfFull()
  }

  /// Appends zeros, however many.
  package func append(zeros count: UInt64) throws {
    var left = count
    while left > 0 {
      let piece = min(left, UInt64(PipelineJob.targetSize - filling.byteCount))
      filling.append(zeros: Int(piece))
      left -= piece
      try enqueueIfFull()
    }
  }

  private func finish() throws {
    try enqueue()
    while queuedBytes > 0 { try writeFront() }
    try output.flush()
  }

  private func enqueueIfFull() throws {
    if filling.byteCount >= PipelineJob.targetSize { try enqueue() }
  }

  private func enqueue() throws {
    guard filling.byteCount > 0 else { return }
    let job = filling
    filling = PipelineJob()
    queuedBytes += job.byteCount
    condition.locked {
      queue.append(job)
      condition.broadcast()
    }
    while queuedBytes > Self.window { try writeFront() }
  }

  private func writeFront() throws {
    try cancellation.check()
    let (front, isOurs) = condition.locked { () -> (PipelineJob?, Bool) in
      let job = queue[self.front]
      guard let job else { return (nil, false) }
      if case .waiting = job.state {
        job.state = .taken
        nextWaiting = max(nextWaiting, self.front + 1)
        return (job, true)
      }
      while case .taken = job.state { condition.wait() }
      return (job, false)
    }
    guard let job = front else { return }
    if isOurs {
      try job.resolve(from: source, into: buffer(for: job))
    } else if case .failed(let error) = job.state {
      throw error
    }
    try output.write(job.result)
    queuedBytes -= job.byteCount
    condition.locked {
      if let buffer = job.takeBuffer(), buffers.count < Self.spareBuffers { buffers.append(buffer) }
      queue[self.front] = nil
      self.front += 1
      if self.front > 1024 {
        queue.removeFirst(self.front)
        nextWaiting = max(0, nextWaiting - self.front)
        self.front = 0
      }
    }
  }

  // MARK: Helpers

  private func help(_ source: any ChunkSource) {
    while let job = takeJob() {
      do {
        try job.resolve(from: source, into: buffer(for: job))
        condition.locked {
          job.state = .done
          condition.broadcast()
        }
      } catch {
        condition.locked {
          job.state = .failed(error)
          condition.broadcast()
        }
      }
    }
  }

  private func takeJob() -> PipelineJob? {
    condition.locked {
      while !isClosed {
        nextWaiting = max(nextWaiting, front)
        if nextWaiting < queue.count {
          let job = queue[nextWaiting]
          nextWaiting += 1
          guard let job, case .waiting = job.state else { continue }
          job.state = .taken
          return job
        }
        condition.wait()
      }
      return nil
    }
  }

  private func close() {
    condition.locked {
      isClosed = true
      condition.broadcast()
    }
  }

  private func buffer(for job: PipelineJob) throws -> ReusableBuffer {
    let spare = condition.locked { () -> ReusableBuffer? in
      guard let index = buffers.firstIndex(where: { $0.capacity >= job.byteCount }) else {
        return nil
      }
      return buffers.remove(at: index)
    }
    return try spare ?? ReusableBuffer(capacity: max(job.byteCount, 2 * PipelineJob.targetSize))
  }
}
