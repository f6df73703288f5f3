import CVarveLinux
import Glibc
import Synchronization
import VarveCrypto
import VarveFormat
import VarveRepository
import VarveStorage

/// A thread that restores: takes jobs from the queue until there are none.
final class RestoreWorker {
  let session: RestoreSession
  let existing: ExistingContent
  private let queue: RestoreQueue
  private let blocks: BlockReader
  private let decoded: DecodedBlock
  private var buffer: ReusableBuffer

  init(_ session: RestoreSession, _ queue: RestoreQueue) throws {
    self.session = session
    self.queue = queue
    blocks = session.source.makeBlockReader()
    decoded = try DecodedBlock()
    existing = try ExistingContent()
    buffer = try ReusableBuffer(capacity: 4 << 20)
  }

  func run() throws {
    var job = queue.next(done: nil)
    while let current = job {
      if session.cancellation.isCancelled { return queue.stop() }
      switch current {
      case .prepare(let window, let task):
        prepare(window, task)
      case .plain(let window, let range):
        for index in window.plain[range] {
          SpecialFile(session: session, task: window.tasks[index]).restore()
        }
      case .span(let window, let index):
        try restore(window, window.spans[index])
      }
      job = queue.next(done: current)
    }
  }

  func settle(_ task: RestoreTask, _ chunks: Int) {
    if task.settle(chunks) { task.finish(session) }
  }

  // MARK: What comes from the repository

  private func restore(_ window: RestoreWindow, _ span: RestoreWindow.Span) throws {
    let wanted = window.order[span.range].contains {
      window.settled[Int($0)] == 0 && !window.tasks[Int(window.uses[Int($0)].task)].hasFailed
    }
    guard wanted else { return forEachBlock(window, span) { dropBlock(window, $0) } }
    let isRead = read(window, span)
    forEachBlock(window, span) { range in
      do {
        let location = window.uses[Int(window.order[range.lowerBound])].location
        if isRead {
          let start = Int(UInt64(location.offset) - span.offset)
          let sealed = UnsafeRawBufferPointer(
            start: buffer.base + start, count: Int(location.storedLength))
          try blocks.open(sealed, at: location, into: decoded)
        } else {
          try blocks.read(location, into: decoded)
        }
        write(window, range)
      } catch {
        for index in window.order[range] where window.settled[Int(index)] == 0 {
          window.tasks[Int(window.uses[Int(index)].task)].fail(error, session)
        }
        dropBlock(window, range)
      }
    }
  }

  /// Reads a span at once; false when that fails: its blocks are then read one by one, since some of
  /// them may be there.
  private func read(_ window: RestoreWindow, _ span: RestoreWindow.Span) -> Bool {
    let pack = window.uses[Int(window.order[span.range.lowerBound])].location.pack
    do {
      if buffer.capacity < span.length { buffer = try ReusableBuffer(capacity: span.length) }
      try session.source.storage.read(
        ObjectName.pack(pack), offset: span.offset,
        into: UnsafeMutableRawBufferPointer(start: buffer.base, count: span.length))
      return true
    } catch {
      return false
    }
  }

  private func forEachBlock(
    _ window: RestoreWindow, _ span: RestoreWindow.Span, _ body: (Range<Int>) -> Void
  ) {
    var start = span.range.lowerBound
    while start < span.range.upperBound {
      let offset = window.uses[Int(window.order[start])].location.offset
      var end = start + 1
      while end < span.range.upperBound,
        window.uses[Int(window.order[end])].location.offset == offset
      {
        end += 1
      }
      body(start..<end)
      start = end
    }
  }

  private func dropBlock(_ window: RestoreWindow, _ range: Range<Int>) {
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      settle(window.tasks[Int(window.uses[Int(index)].task)], 1)
    }
  }

  /// Writes the chunks of the decoded block to every file that wants them.
  private func write(_ window: RestoreWindow, _ range: Range<Int>) {
    var verified: (slot: UInt16, address: Digest)?
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      let use = window.uses[Int(index)]
      let task = window.tasks[Int(use.task)]
      if !task.hasFailed {
        do {
          let bytes = try decoded.slot(Int(use.location.slot))
          if verified?.slot != use.location.slot || verified?.address != use.address {
            guard bytes.count == Int(use.length), SHA256.digest(bytes) == use.address else {
              throw VarveError(
                .damaged,
                "\(ObjectName.pack(use.location.pack)) has another chunk where the index says "
                  + "\(use.address) is",
                hint: "run 'varve check --read-data' to see what is affected")
            }
            verified = (use.location.slot, use.address)
          }
          try task.write(bytes, at: use.dataOffset, session)
          session.progress.bytesRestored.add(UInt64(bytes.count), ordering: .relaxed)
        } catch {
          task.fail(error, session)
        }
      }
      settle(task, 1)
    }
  }
}
