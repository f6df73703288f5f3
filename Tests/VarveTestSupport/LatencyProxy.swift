// A TCP proxy on loopback that delays bytes and breaks connections, on one thread of its own.
//
//     delay     what is read from one side at time t is written to the other from t + round trip / 2 on; rates are not
//               limited, other than by 64 MiB on their way in each direction
//     opening   the system answers a client's SYN at once; so that a connection takes its round trip all the same, the
//               first bytes wait for 3/2 of it towards the server, and for twice as long as it towards the client

import Glibc
import Synchronization
import VarveFormat

/// A network with a delay, and with faults at will, in front of a server on loopback.
public final class LatencyProxy: Sendable {
  public enum Mode: Sendable {
    case passing
    /// Every connection is reset, and so are new ones.
    case refusing
    /// Connections stay, and nothing comes through, as when a cable is pulled out; afterwards all arrives.
    case stalling
  }

  private struct Control {
    var mode = Mode.passing
    var cuts = 0
    var isStopped = false
  }

  /// Clients connect to this one, on 127.0.0.1.
  public let port: UInt16
  private let listener: Int32
  private let target: UInt16
  private let wake: [Int32]
  private let roundTrip: UInt64
  private let control = Mutex(Control())
  private let carried = Atomic<Int>(0)
  private let accepted = Atomic<Int>(0)
  private let thread = Mutex<pthread_t?>(nil)

  /// - Parameters:
  ///   - target: the server's port on 127.0.0.1.
  ///   - roundTrip: seconds.
  public init(to target: UInt16, roundTrip: Double) throws {
    (self.target, self.roundTrip) = (target, UInt64(roundTrip * 1e9))
    let listener = socket(AF_INET, Self.socketKind, 0)
    var address = Self.address(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = Self.withAddress(&address) { bind(listener, $0, length) == 0 }
    let isListening = isBound && listen(listener, 128) == 0
    let isNamed = Self.withAddress(&address) { getsockname(listener, $0, &length) == 0 }
    var ends: [Int32] = [-1, -1]
    guard isListening, isNamed, socketpair(AF_UNIX, Self.socketKind, 0, &ends) == 0 else {
      throw VarveError(.io, "a test gets no port")
    }
    (self.listener, port, wake) = (listener, UInt16(bigEndian: address.sin_port), ends)
    var started = pthread_t()
    // Unretained: `stop` waits for the thread, and so does `deinit`.
    let context = Unmanaged.passUnretained(self).toOpaque()
    let result = pthread_create(
      &started, nil,
      { context in
        Unmanaged<LatencyProxy>.fromOpaque(context!).takeUnretainedValue().run()
        return nil
      }, context)
    guard result == 0 else { throw VarveError(.io, "a test gets no thread") }
    thread.withLock { $0 = started }
  }

  deinit {
    stop()
    for descriptor in wake + [listener] { close(descriptor) }
  }

  /// Bytes that came through so far, both ways together.
  public var byteCount: Int { carried.load(ordering: .relaxed) }
  /// Connections so far.
  public var connectionCount: Int { accepted.load(ordering: .relaxed) }

  public func set(_ mode: Mode) { change { $0.mode = mode } }

  /// Resets every connection; new ones are taken.
  public func cut() { change { $0.cuts += 1 } }

  /// Ends all connections and the thread.
  public func stop() {
    change { $0.isStopped = true }
    let running = thread.withLock { thread in
      defer { thread = nil }
      return thread
    }
    if let running { pthread_join(running, nil) }
  }

  private func change(_ body: (inout Control) -> Void) {
    control.withLock { body(&$0) }
    var byte: UInt8 = 0
    _ = write(wake[1], &byte, 1)
  }

  // MARK: The thread

  private func run() {
    var links: [Link] = []
    var cuts = 0
    while true {
      let now = Self.now
      let control = control.withLock { $0 }
      if control.isStopped || control.mode == .refusing || control.cuts != cuts {
        for link in links { link.reset() }
        links = []
        cuts = control.cuts
      }
      if control.isStopped { return }
      let isPassing = control.mode == .passing
      var events = [
        pollfd(fd: wake[0], events: Int16(POLLIN), revents: 0),
        pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
      ]
      var deadline: UInt64?
      for link in links {
        for stream in [link.up, link.down] {
          let wanted = isPassing ? stream.wanted(at: now) : (false, false, nil)
          events.append(
            pollfd(fd: stream.source, events: wanted.0 ? Int16(POLLIN) : 0, revents: 0))
          events.append(
            pollfd(fd: stream.sink, events: wanted.1 ? Int16(POLLOUT) : 0, revents: 0))
          // Without interest, an end of the connection would be reported again and again.
          for index in events.indices.suffix(2) where events[index].events == 0 {
            events[index].fd = -1
          }
          if let due = wanted.2 { deadline = min(deadline ?? due, due) }
        }
      }
      // Rounded up: up to a millisecond more than was asked for.
      let pause = deadline.map { $0 > now ? Int32(($0 - now + 999_999) / 1_000_000) : 0 } ?? -1
      _ = poll(&events, nfds_t(events.count), pause)
      if events[0].revents != 0 {
        var bytes = [UInt8](repeating: 0, count: 64)
        _ = Glibc.read(wake[0], &bytes, bytes.count)
      }
      for (number, link) in links.enumerated() {
        for (offset, stream) in [link.up, link.down].enumerated() {
          let index = 2 + 4 * number + 2 * offset
          if events[index].revents != 0 { stream.take(at: Self.now, delay: roundTrip / 2) }
          if events[index + 1].revents != 0 {
            carried.wrappingAdd(stream.pass(at: Self.now), ordering: .relaxed)
          }
        }
      }
      links.removeAll { link in
        guard link.isOver else { return false }
        link.finish()
        return true
      }
      // As it is by now: whoever has changed it connects right after.
      let mode = self.control.withLock { $0.mode }
      if events[1].revents != 0, let link = accept(at: Self.now, mode: mode) {
        links.append(link)
      }
    }
  }

  private func accept(at now: UInt64, mode: Mode) -> Link? {
    let client = Glibc.accept(listener, nil, nil)
    guard client >= 0 else { return nil }
    _ = fcntl(client, F_SETFD, FD_CLOEXEC)
    _ = fcntl(client, F_SETFL, O_NONBLOCK)
    accepted.wrappingAdd(1, ordering: .relaxed)
    // Blocking while it connects: on loopback that takes no time.
    let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = Self.address(target)
    let isConnected =
      mode != .refusing
      && Self.withAddress(&address) {
        connect(server, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    _ = fcntl(server, F_SETFL, O_NONBLOCK)
    var on: Int32 = 1
    for descriptor in [client, server] {
      setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(4))
    }
    let link = Link(
      up: Stream(from: client, to: server, notBefore: now + roundTrip * 3 / 2),
      down: Stream(from: server, to: client, notBefore: now + roundTrip * 2))
    if !isConnected {
      link.reset()
      return nil
    }
    return link
  }

  private static let socketKind =
    Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)

  private static func address(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
  }

  private static func withAddress<Result>(
    _ address: inout sockaddr_in, _ body: (UnsafeMutablePointer<sockaddr>) -> Result
  ) -> Result {
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
    }
  }

  private static var now: UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
  }
}

/// A connection of a client, and the one to the server that belongs to it.
private final class Link {
  let up, down: Stream

  init(up: Stream, down: Stream) { (self.up, self.down) = (up, down) }

  var isOver: Bool { up.isBroken || down.isBroken || (up.isFinished && down.isFinished) }

  /// Both sides learn of it at once, and lose what was on its way.
  func reset() {
    var now = linger(l_onoff: 1, l_linger: 0)
    for descriptor in [up.source, up.sink] {
      setsockopt(
        descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
    }
    finish()
  }

  func finish() {
    close(up.source)
    close(up.sink)
  }
}

/// One direction of a connection.
private final class Stream {
  private static let mostOnTheirWay = 64 << 20
  private static let pieceSize = 256 << 10

  let source, sink: Int32
  private let notBefore: UInt64
  private var pieces: [(due: UInt64, bytes: ArraySlice<UInt8>)] = []
  private var first = 0
  private var onTheirWay = 0
  private var hasEnded = false
  private(set) var isFinished = false
  private(set) var isBroken = false

  init(from source: Int32, to sink: Int32, notBefore: UInt64) {
    (self.source, self.sink, self.notBefore) = (source, sink, notBefore)
  }

  /// Whether to wait for bytes to come, for room to pass some on, and until when for nothing else.
  func wanted(at now: UInt64) -> (reading: Bool, writing: Bool, until: UInt64?) {
    let reading = !hasEnded && onTheirWay < Self.mostOnTheirWay
    guard !isFinished, first < pieces.count else { return (reading, false, nil) }
    let due = pieces[first].due
    return due <= now ? (reading, true, nil) : (reading, false, due)
  }

  func take(at now: UInt64, delay: UInt64) {
    var count = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { buffer, filled in
      count = recv(source, buffer.baseAddress!, buffer.count, 0)
      filled = max(count, 0)
    }
    if count < 0 {
      isBroken = errno != EAGAIN && errno != EINTR
      return
    }
    hasEnded = count == 0
    // The end of the stream is a piece without bytes.
    pieces.append((max(now + delay, notBefore), bytes[...]))
    onTheirWay += count
  }

  /// Returns how many bytes were passed on.
  func pass(at now: UInt64) -> Int {
    var passed = 0
    while first < pieces.count, pieces[first].due <= now {
      if pieces[first].bytes.isEmpty {
        shutdown(sink, Int32(SHUT_WR))
        isFinished = true
        first += 1
        break
      }
      let count = pieces[first].bytes.withUnsafeBytes {
        Glibc.send(sink, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      }
      if count < 0 {
        isBroken = errno != EAGAIN && errno != EINTR
        break
      }
      passed += count
      pieces[first].bytes = pieces[first].bytes.dropFirst(count)
      if !pieces[first].bytes.isEmpty { break }
      pieces[first].bytes = []
      first += 1
    }
    if first > 1024 || first == pieces.count {
      pieces.removeFirst(first)
      first = 0
    }
    onTheirWay -= passed
    return passed
  }
}
