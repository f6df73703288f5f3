import VarveFormat

/// Data in many pieces, with many requests on their way: what is in flight covers the time of a round trip.
extension SFTPSession {
  /// Bytes of one transfer that are in flight; ssh itself lets 2 MiB.
  private static let windowSize = 4 << 20
  private static let mostRequests = 64

  private func window(_ pieceSize: Int) -> Int {
    max(2, min(Self.mostRequests, Self.windowSize / pieceSize))
  }

  /// Writes the whole of a file that was just made, makes it durable where the server can, and closes it, once whatever happens:
  /// the server may have given the handle to another file by the time it is closed again.
  func write(_ bytes: UnsafeRawBufferPointer, to handle: [UInt8], _ path: String) throws {
    let queue = SFTPAnswerQueue()
    var inFlight: Int
    do {
      inFlight = try send(bytes, to: handle, path, queue)
    } catch {
      attempt(.close(handle: handle))
      throw error
    }
    connection.send(.close(handle: handle), to: queue)
    inFlight += 1
    while inFlight > 0 { inFlight -= try takeStatuses(queue, path, bytes.count) }
  }

  /// - Returns: how many answers are still to come.
  private func send(
    _ bytes: UnsafeRawBufferPointer, to handle: [UInt8], _ path: String, _ queue: SFTPAnswerQueue
  ) throws -> Int {
    let pieceSize = max(1, connection.greeting.largestWrite)
    // The memory is the caller's, but sending copies it: nothing is lent.
    var (offset, inFlight) = (0, 0)
    while offset < bytes.count {
      if inFlight >= window(pieceSize) {
        inFlight -= try takeStatuses(queue, path, bytes.count)
        continue
      }
      let count = min(pieceSize, bytes.count - offset)
      pace(upload, count)
      connection.send(
        .write(handle: handle, offset: UInt64(offset), count: count),
        payload: UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + count]), to: queue)
      offset += count
      inFlight += 1
    }
    if offers(.sync) {
      connection.send(.sync(handle: handle), to: queue)
      inFlight += 1
    }
    return inFlight
  }

  private func takeStatuses(
    _ queue: SFTPAnswerQueue, _ path: String, _ byteCount: Int
  ) throws -> Int {
    let answers = try queue.take()
    for (_, answer) in answers {
      guard case .status(let status) = answer else { throw unexpected() }
      guard status.code == SFTPStatus.ok else {
        if status.code == SFTPStatus.failure, try isFull(path, byteCount) {
          throw VarveError(
            .io, "cannot write in \(location): its disk is full",
            hint: "free some space there and run the command again; nothing needs repair")
        }
        throw failure(status, "write \(path)")
      }
    }
    return answers.count
  }

  /// Whether the file system, as far as it says, has less room than that.
  private func isFull(_ path: String, _ byteCount: Int) throws -> Bool {
    guard offers(.fileSystemStatus),
      case .extended(let bytes) = try ask(.extended(.fileSystemStatus, paths: [path]))
    else { return false }
    return try bytes.withUnsafeBytes { bytes in
      var fields = SFTPPacket(bytes[...])
      guard fields.remaining >= 40 else { return false }
      let numbers = try (0..<5).map { _ in try fields.u64() }
      let (room, overflow) = numbers[4].multipliedReportingOverflow(by: numbers[1])
      return !overflow && room < UInt64(byteCount)
    }
  }

  /// Fills the buffer from `offset` on.
  ///
  /// - Returns: false when the file ends before.
  func read(
    _ handle: [UInt8], offset: UInt64, into buffer: UnsafeMutableRawBufferPointer, _ name: String
  ) throws -> Bool {
    let pieceSize = max(1, connection.greeting.largestRead)
    let queue = SFTPAnswerQueue()
    defer { queue.abandon() }
    var (asked, inFlight) = (0, 0)
    // What was asked for under a tag; tags are used again.
    var ranges: [Range<Int>] = []
    var free: [Int] = []
    func ask(_ range: Range<Int>, _ tag: Int) {
      ranges[tag] = range
      connection.send(
        .read(handle: handle, offset: offset + UInt64(range.lowerBound), count: range.count),
        destination: UnsafeMutableRawBufferPointer(rebasing: buffer[range]), to: queue, tag: tag)
    }
    while asked < buffer.count || inFlight > 0 {
      while asked < buffer.count, inFlight < window(pieceSize) {
        let range = asked..<min(asked + pieceSize, buffer.count)
        pace(download, range.count)
        let tag = free.popLast() ?? ranges.count
        if tag == ranges.count { ranges.append(range) }
        ask(range, tag)
        asked = range.upperBound
        inFlight += 1
      }
      for (tag, answer) in try queue.take() {
        switch answer {
        case .data(let count) where count < ranges[tag].count:
          ask(ranges[tag].dropFirst(count), tag)
        case .data:
          free.append(tag)
          inFlight -= 1
        case .status(let status) where status.code == SFTPStatus.end: return false
        case .status(let status): throw failure(status, "read \(name)", isReading: true)
        default: throw unexpected()
        }
      }
    }
    return true
  }
}
