import Glibc
import Synchronization
import VarveFormat

/// One ssh with an SFTP server at its other end, shared by many threads.
///
/// Requests are sent by the threads that make them. A thread of the connection's own reads the answers and hands each to
/// whoever waits for its identifier; when the conversation ends, for whatever reason, it tells all of them and sees ssh to its
/// end. It reads always, so that the server never has to wait for somebody to take an answer.
final class SFTPConnection: Sendable {
  struct Patience: Sendable {
    /// Seconds until the server has answered for the first time.
    var connect = 60.0
    /// Longest time in which something is waited for and no byte comes or goes.
    var idle = 120.0
  }

  /// What the server said at the beginning.
  struct Greeting: Sendable {
    fileprivate(set) var extensions: Set<SFTPExtension> = []
    /// Bytes of one request or answer; 32 KiB is what every server takes.
    fileprivate(set) var largestRead = 32 << 10
    fileprivate(set) var largestWrite = 32 << 10
  }

  /// Who gets an answer.
  private struct Expectation: @unchecked Sendable {
    let kind: SFTPAnswer.Kind
    /// Nil when nobody cares for the answer.
    let queue: SFTPAnswerQueue?
    let tag: Int
    let destination: UnsafeMutableRawBufferPointer?
  }

  private struct State {
    var nextIdentifier: UInt32 = 0
    var expected: [UInt32: Expectation] = [:]
    /// Waits for the server's version, until that has come.
    var greeting: SFTPAnswerQueue?
    var failure: VarveError?
    var isClosed = false
  }

  /// OpenSSH's largest packet.
  private static let largestPacket = 256 << 10

  private let process: SSHProcess
  private let location: String
  private let patience: Patience
  private let isKnown: Bool
  private let state = Mutex(State())
  private let sending = Mutex<Void>(())
  private let lastProgress = Atomic<UInt64>(0)
  private let greeted = Mutex(Greeting())
  private let reader = Mutex<pthread_t?>(nil)

  /// Starts ssh and waits until the server has answered.
  ///
  /// - Parameter isKnown: whether this server has answered before.
  /// - Throws: `VarveError.Code.io` when it is of no use to try again, `unavailable` otherwise.
  init(_ arguments: [String], location: String, isKnown: Bool, patience: Patience) throws {
    process = try SSHProcess(arguments)
    (self.location, self.isKnown, self.patience) = (location, isKnown, patience)
    let queue = SFTPAnswerQueue()
    state.withLock { $0.greeting = queue }
    noteProgress()
    try startReader()
    do {
      transmit(SFTPRequest.initial)
      _ = try queue.take()
      try learnLimits()
    } catch {
      close()
      throw error
    }
  }

  var greeting: Greeting { greeted.withLock { $0 } }

  var isAlive: Bool { state.withLock { $0.failure == nil && !$0.isClosed } }

  /// Ends the conversation, if it has not ended, and waits until ssh is gone.
  func close() {
    state.withLock { $0.isClosed = true }
    process.hangUp()
    let thread = reader.withLock { reader in
      defer { reader = nil }
      return reader
    }
    if let thread { pthread_join(thread, nil) }
  }

  /// Sends a request; its answer goes to `queue` under `tag`. What fails on the way is told by the queue.
  ///
  /// - Parameters:
  ///   - payload: the data of a write.
  ///   - destination: for the data of a read; lent until the answer has come or the queue is abandoned.
  func send(
    _ request: SFTPRequest, payload: UnsafeRawBufferPointer? = nil,
    destination: UnsafeMutableRawBufferPointer? = nil, to queue: SFTPAnswerQueue?, tag: Int = 0
  ) {
    let expectation = Expectation(
      kind: request.expected, queue: queue, tag: tag, destination: destination)
    let (identifier, failure) = state.withLock { state in
      if let failure = state.failure { return (UInt32(0), VarveError?.some(failure)) }
      if state.expected.isEmpty { noteProgress() }
      while state.expected[state.nextIdentifier] != nil { state.nextIdentifier &+= 1 }
      let identifier = state.nextIdentifier
      state.nextIdentifier &+= 1
      state.expected[identifier] = expectation
      return (identifier, nil)
    }
    if let failure {
      queue?.fail(failure)
    } else {
      transmit(request.encoded(identifier: identifier), payload)
    }
  }

  private func transmit(_ packet: [UInt8], _ payload: UnsafeRawBufferPointer? = nil) {
    let payload = payload ?? UnsafeRawBufferPointer(start: nil, count: 0)
    let isSent = packet.withUnsafeBytes { packet in
      sending.withLock { _ in process.send(packet, payload) { noteProgress() } }
    }
    // The reading thread finds out why.
    if !isSent { process.hangUp() }
  }

  private func learnLimits() throws {
    guard greeting.extensions.contains(.limits) else { return }
    let queue = SFTPAnswerQueue()
    send(.extended(.limits, paths: []), to: queue)
    guard case .extended(let bytes)? = try queue.take().first?.answer else { return }
    try bytes.withUnsafeBytes { bytes in
      var fields = SFTPPacket(bytes[...])
      do {
        let (packet, read, write) = (try fields.u64(), try fields.u64(), try fields.u64())
        // Room for a handle and the numbers beside the data; zero says nothing.
        let ceiling = UInt64(Self.largestPacket - 1024)
        let fit = packet == 0 ? ceiling : min(ceiling, max(packet, 2048) - 1024)
        greeted.withLock { greeting in
          if read > 0 { greeting.largestRead = Int(min(read, fit)) }
          if write > 0 { greeting.largestWrite = Int(min(write, fit)) }
        }
      } catch let error as VarveError {
        throw refusal(error)
      }
    }
  }

  private func noteProgress() { lastProgress.store(Self.now, ordering: .relaxed) }

  /// Nanoseconds of the monotonic clock.
  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }

  // MARK: The reading thread

  private func startReader() throws {
    var thread = pthread_t()
    let context = Unmanaged.passRetained(self).toOpaque()
    let result = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<SFTPConnection>.fromOpaque(context).takeRetainedValue().readUntilTheEnd()
        return nil
      }, context)
    guard result == 0 else {
      Unmanaged<SFTPConnection>.fromOpaque(context).release()
      process.hangUp()
      _ = process.reap(patience: 0)
      throw VarveError(.io, "cannot start a thread for the connection to \(location)")
    }
    reader.withLock { $0 = thread }
  }

  private func readUntilTheEnd() {
    var words: [UInt8] = []
    var failure: VarveError?
    do {
      try converse(&words)
    } catch let error as VarveError {
      failure = error
    } catch {
      failure = VarveError(.io, "the connection to \(location) failed: \(error)")
    }
    process.hangUp()
    let isClosed = state.withLock { $0.isClosed }
    if failure == nil && !isClosed { hearOut(&words) }
    let exitCode = process.reap(patience: failure == nil && !isClosed ? 1 : 0.1)
    let error =
      failure
      ?? (isClosed
        ? VarveError(.unavailable, "the connection to \(location) was closed")
        : SSHFailure(
          words: words, exitCode: exitCode, isGreeted: state.withLock { $0.greeting == nil },
          isKnown: isKnown, location: location
        ).error)
    let waiting = state.withLock { state in
      state.failure = error
      defer { (state.expected, state.greeting) = ([:], nil) }
      return state.expected.values.map(\.queue) + [state.greeting]
    }
    for queue in waiting { queue?.fail(error) }
  }

  /// Reads answers until the other side has closed.
  private func converse(_ words: inout [UInt8]) throws {
    let capacity = 4 * Self.largestPacket
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer { buffer.deallocate() }
    var filled = 0
    var hasWords = true
    while true {
      var events = [pollfd(fd: process.channel, events: Int16(POLLIN), revents: 0)]
      if hasWords { events.append(pollfd(fd: process.errors, events: Int16(POLLIN), revents: 0)) }
      let ready = poll(&events, nfds_t(events.count), 500)
      if ready < 0 && errno != EINTR { throw VarveError(.io, "cannot wait for \(location)") }
      if ready <= 0 {
        try checkPatience()
        continue
      }
      if hasWords, events[1].revents != 0 { hasWords = listen(&words) }
      guard events[0].revents != 0 else {
        // Who talks beside the point is no less silent.
        try checkPatience()
        continue
      }
      let count = recv(process.channel, buffer.baseAddress! + filled, capacity - filled, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return }
      noteProgress()
      filled += count
      let taken = try dispatch(UnsafeRawBufferPointer(buffer)[..<filled])
      let rest = filled - taken
      if rest > 0 && taken > 0 {
        memmove(buffer.baseAddress!, buffer.baseAddress! + taken, rest)
      }
      filled = rest
    }
  }

  /// Takes what ssh says, and keeps the end of it.
  ///
  /// - Returns: false when it will say no more.
  private func listen(_ words: inout [UInt8]) -> Bool {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
      let count = recv(process.errors, buffer.baseAddress!, buffer.count, 0)
      guard count > 0 else { return count < 0 && errno == EINTR }
      words += buffer[..<count]
      if words.count > 4096 { words.removeFirst(words.count - 4096) }
      return true
    }
  }

  /// Last words come with the end, or just after.
  private func hearOut(_ words: inout [UInt8]) {
    let end = Self.now + 1_000_000_000
    while Self.now < end {
      var event = pollfd(fd: process.errors, events: Int16(POLLIN), revents: 0)
      if poll(&event, 1, 100) > 0, !listen(&words) { return }
    }
  }

  private func checkPatience() throws {
    let (isWaiting, isGreeted) = state.withLock { (!$0.expected.isEmpty, $0.greeting == nil) }
    guard isWaiting || !isGreeted else { return }
    let limit = isGreeted ? patience.idle : patience.connect
    let silence = Double(Self.now &- lastProgress.load(ordering: .relaxed)) / 1e9
    // Another thread may have made progress since the clock was read.
    guard silence > limit, silence < 1e9 else { return }
    throw VarveError(
      .unavailable, "\(location) has not answered for \(Int(silence)) s",
      hint: "check the network and the server")
  }

  /// Hands whole packets to whoever waits for them.
  ///
  /// - Returns: how many bytes were taken.
  private func dispatch(_ bytes: Slice<UnsafeRawBufferPointer>) throws -> Int {
    var rest = bytes
    do {
      while rest.count >= 4 {
        var head = SFTPPacket(rest)
        let length = Int(try head.u32())
        guard length >= 1, length <= Self.largestPacket else {
          throw head.malformed("a packet of \(length) bytes")
        }
        guard rest.count >= 4 + length else { break }
        try receive(SFTPPacket(rest.dropFirst(4).prefix(length)))
        rest = rest.dropFirst(4 + length)
      }
    } catch let error as VarveError {
      throw refusal(error)
    }
    return bytes.count - rest.count
  }

  private func refusal(_ error: VarveError) -> VarveError {
    let isGreeted = state.withLock { $0.greeting == nil }
    return VarveError(
      .io, "\(location) does not speak SFTP as it should: \(error.message)",
      hint: isGreeted
        ? "see whether sftp(1) works with this server"
        : "see that the login shell there prints nothing, and that the server offers sftp")
  }

  private func receive(_ packet: SFTPPacket) throws {
    var packet = packet
    let type = try packet.u8()
    if let greeting = state.withLock({ $0.greeting }) {
      try greet(type, &packet)
      state.withLock { $0.greeting = nil }
      greeting.deliver(tag: 0) { _ in .extended([]) }
      return
    }
    let identifier = try packet.u32()
    let found = state.withLock { $0.expected.removeValue(forKey: identifier) }
    guard let expectation = found else {
      throw packet.malformed("an answer to request \(identifier), which nobody made")
    }
    do {
      guard let kind = SFTPAnswer.Kind(rawValue: type), kind == .status || kind == expectation.kind
      else { throw packet.malformed("type \(type) for request \(identifier)") }
      try expectation.queue?.deliver(tag: expectation.tag) { isAwaited in
        guard isAwaited else { return nil }
        return try SFTPAnswer(kind, &packet, destination: expectation.destination)
      }
    } catch {
      // Whoever waits for this answer hears of the end like all others.
      state.withLock { $0.expected[identifier] = expectation }
      throw error
    }
  }

  private func greet(_ type: UInt8, _ packet: inout SFTPPacket) throws {
    guard type == 2 else { throw packet.malformed("type \(type) instead of a version") }
    let version = try packet.u32()
    guard version == SFTPRequest.version else { throw packet.malformed("version \(version)") }
    while packet.remaining > 0 {
      let name = String(decoding: try packet.string(), as: UTF8.self)
      let data = String(decoding: try packet.string(), as: UTF8.self)
      if let known = SFTPExtension(rawValue: name), known.version == data {
        greeted.withLock { _ = $0.extensions.insert(known) }
      }
    }
  }
}
