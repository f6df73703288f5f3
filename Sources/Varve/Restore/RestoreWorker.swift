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
  let pin: DirectoryPin
  private let queue: RestoreQueue
  private let blocks: BlockReader
  /// Opens a few blocks at a time, so that the addresses of their chunks are computed side by side.
  private let openers: Lending<OpenBlocks>
  /// Of each of them, where the digests of its chunks begin; -1 for a block that does not open.
  private var firstDigests: [Int] = []
  private var buffer: ReusableBuffer
  /// Whether files may be created under their names; see `WholeFile`.
  private let createsUnderName: Bool
  /// The blocks to be read together, as positions in the window's order; reused.
  private var batch: [Range<Int>] = []

  init(
    _ session: RestoreSession, _ queue: RestoreQueue, _ openers: Lending<OpenBlocks>
  ) throws {
    self.session = session
    self.queue = queue
    self.openers = openers
    pin = DirectoryPin(session.directories)
    blocks = session.source.makeBlockReader()
    existing = try ExistingContent()
    buffer = try ReusableBuffer(capacity: RestoreWindow.spanLimit)
    createsUnderName =
      session.options.overwrite.seesParts && !session.options.sparse && !session.options.dryRun
  }

  func run() throws {
    defer { pin.release() }
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
      case .header(let window, let index):
        blocks.prepare(window.packs[index])
      case .span(let window, let index):
        restore(window, window.spans[index])
      }
      job = queue.next(done: current)
    }
  }

  func settle(_ task: RestoreTask, _ chunks: Int) {
    if task.settle(chunks) { task.finish(session) }
  }

  // MARK: What comes from the repository

  /// Restores the blocks of a span. Those that nothing wants any more, since what was in place has their
  /// chunks, are not read, and what is then far apart is read apart.
  private func restore(_ window: RestoreWindow, _ span: RestoreWindow.Span) {
    batch.removeAll(keepingCapacity: true)
    var end: UInt64 = 0
    window.forEachBlock(of: span) { range in
      guard isWanted(window, range) else { return drop(window, range) }
      let location = window.location(ofBlock: range)
      if !batch.isEmpty, UInt64(location.offset) > end + RestoreWindow.gapLimit {
        restoreBatch(window)
      }
      batch.append(range)
      end = UInt64(location.offset) + UInt64(location.storedLength)
    }
    restoreBatch(window)
  }

  private func isWanted(_ window: RestoreWindow, _ range: Range<Int>) -> Bool {
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      if !window.tasks[Int(window.uses[Int(index)].task)].hasFailed { return true }
    }
    return false
  }

  private func restoreBatch(_ window: RestoreWindow) {
    guard let first = batch.first, let last = batch.last else { return }
    let start = window.location(ofBlock: first)
    let end = window.location(ofBlock: last)
    // Blocks ascend by offset, so the difference is not negative; it is at most a span's length.
    let length = Int(end.offset - start.offset) + Int(end.storedLength)
    let isRead = read(start.pack, offset: UInt64(start.offset), length: length)
    openers.with { open in
      var done = 0
      while done < batch.count {
        done += restoreTogether(window, batch[done...], with: open) { location in
          let place = Int(location.offset - start.offset)
          guard isRead, place + Int(location.storedLength) <= length else { return nil }
          return UnsafeRawBufferPointer(
            start: buffer.base + place, count: Int(location.storedLength))
        }
      }
    }
    batch.removeAll(keepingCapacity: true)
  }

  /// Restores as many blocks as can be open at once.
  ///
  /// - Parameter sealed: the bytes of a block, where they have been read.
  /// - Returns: how many these were.
  private func restoreTogether(
    _ window: RestoreWindow, _ ranges: ArraySlice<Range<Int>>, with open: OpenBlocks,
    _ sealed: (ChunkLocation) -> UnsafeRawBufferPointer?
  ) -> Int {
    firstDigests.removeAll(keepingCapacity: true)
    for (number, range) in ranges.enumerated() {
      if number > 0 && open.isFull { break }
      firstDigests.append(-1)
      do {
        if number == 0 { try open.removeAll() }
        let location = window.location(ofBlock: range)
        try open.open { block in
          if let sealed = sealed(location) {
            try blocks.open(sealed, at: location, into: block)
          } else {
            try blocks.read(location, into: block)
          }
          firstDigests[number] = open.lanes.count
          addSlots(window, range, of: block, to: open.lanes)
        }
      } catch {
        for index in window.order[range] where window.settled[Int(index)] == 0 {
          window.tasks[Int(window.uses[Int(index)].task)].fail(error, session)
        }
        drop(window, range)
      }
    }
    open.lanes.run()
    for (number, range) in zip(firstDigests.indices, ranges) {
      let first = firstDigests[number]
      if first >= 0 {
        write(window, range, from: open[number], digests: open.lanes, firstDigest: first)
      }
    }
    return firstDigests.count
  }

  /// Has the digest of each slot computed that is wanted, once, in the order of `write`.
  private func addSlots(
    _ window: RestoreWindow, _ range: Range<Int>, of block: DecodedBlock, to lanes: SHA256Lanes
  ) {
    var last = -1
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      let slot = Int(window.uses[Int(index)].location.slot)
      if slot == last { continue }
      last = slot
      // What the block does not have, writing will say.
      lanes.add((try? block.slot(slot)) ?? UnsafeRawBufferPointer(start: nil, count: 0))
    }
  }

  /// Reads a part of a pack at once; false when that fails: its blocks are then read one by one, since
  /// some of them may be there.
  private func read(_ pack: Digest, offset: UInt64, length: Int) -> Bool {
    do {
      if buffer.capacity < length { buffer = try ReusableBuffer(capacity: length) }
      try session.source.storage.read(
        ObjectName.pack(pack), offset: offset,
        into: UnsafeMutableRawBufferPointer(start: buffer.base, count: length))
      return true
    } catch {
      return false
    }
  }

  private func drop(_ window: RestoreWindow, _ range: Range<Int>) {
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      settle(window.tasks[Int(window.uses[Int(index)].task)], 1)
    }
  }

  /// Writes the chunks of a decoded block to every file that wants them.
  private func write(
    _ window: RestoreWindow, _ range: Range<Int>, from block: DecodedBlock, digests: SHA256Lanes,
    firstDigest: Int
  ) {
    var digest = firstDigest - 1
    var last = -1
    var written: UInt64 = 0
    for index in window.order[range] where window.settled[Int(index)] == 0 {
      let use = window.uses[Int(index)]
      let slot = Int(use.location.slot)
      if slot != last {
        digest += 1
        last = slot
      }
      let task = window.tasks[Int(use.task)]
      if !task.hasFailed {
        do {
          let bytes = try block.slot(slot)
          guard bytes.count == Int(use.length), digests[digest] == use.address else {
            throw VarveError(
              .damaged,
              "\(ObjectName.pack(use.location.pack)) has another chunk where the index says "
                + "\(use.address) is",
              hint: "run 'varve check --read-data' to see what is affected")
          }
          let isDone = createsUnderName && task.isOneChunk
          if try !isDone || !restoreAtOnce(task, bytes) {
            try task.write(bytes, at: use.dataOffset, session)
          }
          written += UInt64(bytes.count)
        } catch {
          task.fail(error, session)
        }
      }
      settle(task, 1)
    }
    session.progress.bytesRestored.add(written, ordering: .relaxed)
  }
}
