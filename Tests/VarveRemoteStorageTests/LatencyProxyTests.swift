import Glibc
import Testing
import VarveTestSupport

/// The proxy that other tests rely on: what it delays, and what it breaks.
@Suite struct LatencyProxyTests {
  /// A server that sends everything back.
  private func echo() throws -> (server: ServerProcess, port: UInt16) {
    let program = """
      import os, socketserver, sys, threading
      class Echo(socketserver.BaseRequestHandler):
          def handle(self):
              while data := self.request.recv(65536): self.request.sendall(data)
      class Server(socketserver.ThreadingTCPServer):
          daemon_threads = True
      server = Server(("127.0.0.1", 0), Echo)
      print(server.server_address[1], flush=True)
      threading.Thread(target=server.serve_forever, daemon=True).start()
      sys.stdin.read()
      """
    let server = try ServerProcess(["python3", "-c", program])
    return (server, try #require(server.readLine().flatMap { UInt16($0) }))
  }

  private func connection(_ port: UInt16) -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    let result = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    #expect(result == 0)
    return descriptor
  }

  /// Sends bytes and waits for their echo; nil when the connection breaks.
  private func exchange(_ descriptor: Int32, _ bytes: [UInt8]) -> Duration? {
    let start = ContinuousClock.now
    guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
      return nil
    }
    var received: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while received.count < bytes.count {
      let count = recv(descriptor, &buffer, buffer.count, 0)
      guard count > 0 else { return nil }
      received += buffer[..<count]
    }
    #expect(received == bytes)
    return ContinuousClock.now - start
  }

  @Test func aRoundTripTakesItsTimeAndARateIsNotLimited() throws {
    let (server, port) = try echo()
    defer { withExtendedLifetime(server) {} }
    let proxy = try LatencyProxy(to: port, roundTrip: 0.08)
    let descriptor = connection(proxy.port)
    defer { close(descriptor) }
    let opening = try #require(exchange(descriptor, [1]))
    #expect(opening >= .milliseconds(160), "opening takes a round trip more")
    for _ in 0..<3 {
      let time = try #require(exchange(descriptor, [1, 2, 3]))
      #expect(time >= .milliseconds(80) && time < .milliseconds(160), "\(time)")
    }
    let large = try #require(exchange(descriptor, [UInt8](repeating: 7, count: 256 << 10)))
    #expect(large < .milliseconds(400), "256 KiB take \(large)")
    #expect(proxy.connectionCount == 1)
    // It counts what it has written after it is written.
    let all = 2 * (1 + 9 + 256 << 10)
    for _ in 0..<500 where proxy.byteCount < all { usleep(10_000) }
    #expect(proxy.byteCount == all)
  }

  @Test func connectionsBreakWhenToldTo() throws {
    let (server, port) = try echo()
    defer { withExtendedLifetime(server) {} }
    let proxy = try LatencyProxy(to: port, roundTrip: 0)
    for mode in [LatencyProxy.Mode.refusing, .passing] {
      let descriptor = connection(proxy.port)
      defer { close(descriptor) }
      #expect(exchange(descriptor, [1]) != nil)
      if mode == .refusing { proxy.set(.refusing) } else { proxy.cut() }
      var byte: UInt8 = 0
      #expect(recv(descriptor, &byte, 1, 0) == -1, "a reset, not an end")
      if mode == .refusing {
        let refused = connection(proxy.port)
        defer { close(refused) }
        #expect(exchange(refused, [1]) == nil)
        proxy.set(.passing)
      }
    }
    let descriptor = connection(proxy.port)
    defer { close(descriptor) }
    #expect(exchange(descriptor, [2]) != nil)
  }

  @Test func whatStallsArrivesLater() throws {
    let (server, port) = try echo()
    defer { withExtendedLifetime(server) {} }
    let proxy = try LatencyProxy(to: port, roundTrip: 0)
    let descriptor = connection(proxy.port)
    defer { close(descriptor) }
    #expect(exchange(descriptor, [1]) != nil)
    proxy.set(.stalling)
    #expect(send(descriptor, [UInt8(9)], 1, 0) == 1)
    var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    #expect(poll(&event, 1, 200) == 0, "nothing comes through")
    proxy.set(.passing)
    var byte: UInt8 = 0
    #expect(recv(descriptor, &byte, 1, 0) == 1 && byte == 9)
  }

  @Test func theEndOfAStreamPasses() throws {
    let (server, port) = try echo()
    defer { withExtendedLifetime(server) {} }
    let proxy = try LatencyProxy(to: port, roundTrip: 0.02)
    let descriptor = connection(proxy.port)
    defer { close(descriptor) }
    #expect(send(descriptor, [UInt8(1), 2], 2, 0) == 2)
    shutdown(descriptor, Int32(SHUT_WR))
    var bytes: [UInt8] = [0, 0, 0, 0]
    var count = 0
    while true {
      let more = bytes.withUnsafeMutableBytes {
        recv(descriptor, $0.baseAddress! + count, 4 - count, 0)
      }
      guard more > 0 else { break }
      count += more
    }
    #expect(count == 2 && bytes[..<2] == [1, 2])
  }
}
