import Glibc
import Synchronization

/// A server of a test on 127.0.0.1. It ends with its last reference: whoever talks to it keeps one.
public protocol LoopbackHost: AnyObject, Sendable {
  var port: UInt16 { get }
}

extension LoopbackHost {
  /// Without a slash at its end.
  public var url: String { "http://127.0.0.1:\(port)" }
}

/// Accepts connections on a free port of 127.0.0.1, each on a thread of its own, until the last reference goes.
public final class LoopbackListener: Sendable {
  /// Sockets in use, so that they can be ended from outside.
  private final class Sockets: Sendable {
    private struct State {
      var open: Set<Int32> = []
      var isStopped = false
    }

    private let state = Mutex(State())

    func add(_ descriptor: Int32) -> Bool {
      state.withLock { state in
        guard !state.isStopped else { return false }
        state.open.insert(descriptor)
        return true
      }
    }

    func end(_ descriptor: Int32) {
      state.withLock { _ = $0.open.remove(descriptor) }
      close(descriptor)
    }

    func stop() {
      state.withLock { state in
        state.isStopped = true
        for descriptor in state.open { shutdown(descriptor, Int32(SHUT_RDWR)) }
      }
    }
  }

  public let port: UInt16
  private let sockets: Sockets

  /// - Parameter serve: called with each connection, which ends when it returns.
  package init(_ serve: @escaping @Sendable (HTTPStream) -> Void) {
    let listening = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = loopback(0)
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(listening, $0, length) == 0 && listen(listening, 128) == 0
          && getsockname(listening, $0, &length) == 0
      }
    }
    precondition(isBound, "no port for a test")
    port = UInt16(bigEndian: address.sin_port)
    let sockets = Sockets()
    self.sockets = sockets
    _ = sockets.add(listening)
    startThread {
      while true {
        let descriptor = accept(listening, nil, nil)
        if descriptor < 0 && errno == EINTR { continue }
        guard descriptor >= 0, sockets.add(descriptor) else {
          if descriptor >= 0 { close(descriptor) }
          break
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        withoutDelay(descriptor)
        startThread {
          serve(HTTPStream(descriptor))
          sockets.end(descriptor)
        }
      }
      sockets.end(listening)
    }
  }

  public func stop() { sockets.stop() }

  deinit { stop() }
}

/// A connection to a port of 127.0.0.1; nil when nobody listens. The caller closes it.
func connectLoopback(_ port: UInt16) -> HTTPStream? {
  let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
  guard descriptor >= 0 else { return nil }
  var address = loopback(port)
  let isConnected = withUnsafePointer(to: &address) { pointer in
    pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
      connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
    }
  }
  guard isConnected else {
    close(descriptor)
    return nil
  }
  withoutDelay(descriptor)
  return HTTPStream(descriptor)
}

private func loopback(_ port: UInt16) -> sockaddr_in {
  var address = sockaddr_in()
  address.sin_family = sa_family_t(AF_INET)
  address.sin_port = port.bigEndian
  address.sin_addr = in_addr(s_addr: UInt32(0x7f00_0001).bigEndian)
  return address
}

private func withoutDelay(_ descriptor: Int32) {
  var yes: Int32 = 1
  setsockopt(
    descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &yes, socklen_t(MemoryLayout<Int32>.size))
}
