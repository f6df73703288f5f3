import Glibc
import VarveFormat

/// A connection to loopback, on which a test says what no client would.
final class RawConnection {
  struct Answer {
    let status: Int
    /// Names in lower case.
    let fields: [String: String]
    let body: [UInt8]

    var text: String { String(decoding: body, as: UTF8.self) }
  }

  private let descriptor: Int32
  private var buffer: [UInt8] = []

  init(port: Int) throws {
    descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { throw VarveError(.io, "no socket") }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = inet_addr("127.0.0.1")
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
      }
    }
    guard result == 0 else { throw VarveError(.unavailable, "nobody listens at \(port)") }
    limit(seconds: 60)
  }

  deinit { close(descriptor) }

  /// How long reading waits.
  func limit(seconds: Int) {
    var time = timeval(tv_sec: seconds, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, socklen_t(MemoryLayout<timeval>.size))
  }

  /// - Throws: `unavailable` when the other side has closed.
  func send(_ bytes: [UInt8]) throws {
    var done = 0
    while done < bytes.count {
      let count = bytes.withUnsafeBytes {
        Glibc.send(
          descriptor, $0.baseAddress! + done, bytes.count - done, Int32(MSG_NOSIGNAL))
      }
      guard count > 0 else { throw VarveError(.unavailable, "the connection is closed") }
      done += count
    }
  }

  func send(_ text: String) throws { try send(Array(text.utf8)) }

  /// Ends what this side has to say.
  func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

  /// Has the connection end without a word, as when a machine goes away, once this is let go of.
  func breakOff() {
    var now = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
  }

  /// True when the other side has closed, with or without saying something before.
  func isClosed(within seconds: Int) -> Bool {
    limit(seconds: seconds)
    var bytes = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      if count > 0 { continue }
      return count == 0 || errno == ECONNRESET
    }
  }

  private func fill() throws {
    var bytes = [UInt8](repeating: 0, count: 64 << 10)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { throw VarveError(.unavailable, "no whole answer") }
    buffer += bytes[..<count]
  }

  /// The next answer; those with a status of 100 are passed over.
  func answer(isHead: Bool = false) throws -> Answer {
    while true {
      let end: Int
      while true {
        if let found = buffer.firstRange(of: Array("\r\n\r\n".utf8)) {
          end = found.upperBound
          break
        }
        try fill()
      }
      let head = String(decoding: buffer[..<end], as: UTF8.self)
      buffer.removeFirst(end)
      let lines = head.split(separator: "\r\n")
      var fields: [String: String] = [:]
      for line in lines.dropFirst() {
        let parts = line.split(separator: ":", maxSplits: 1)
        if parts.count == 2 {
          fields[parts[0].lowercased()] = String(parts[1].drop { $0 == " " })
        }
      }
      let words = lines.first?.split(separator: " ") ?? []
      guard words.count >= 2, let status = Int(words[1]) else {
        throw VarveError(.io, "no answer of HTTP: \(head)")
      }
      if status == 100 { continue }
      let length = isHead || status == 204 ? 0 : fields["content-length"].flatMap { Int($0) } ?? 0
      while buffer.count < length { try fill() }
      let body = Array(buffer.prefix(length))
      buffer.removeFirst(length)
      return Answer(status: status, fields: fields, body: body)
    }
  }

  static func request(
    _ method: String, _ path: String, token: String? = nil, _ fields: [String] = [],
    body: [UInt8]? = nil
  ) -> [UInt8] {
    var lines = ["\(method) \(path) HTTP/1.1", "Host: localhost"]
    if let token { lines.append("Authorization: Bearer \(token)") }
    lines += fields
    if let body { lines.append("Content-Length: \(body.count)") }
    return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + (body ?? [])
  }
}
