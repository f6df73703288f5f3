// HTTP/1.1 messages (RFC 9112) over a socket, each read as a whole, as far as tests need them:
//
//     head       start line and fields, ended by an empty line
//     body       as long as Content-Length says, or in chunks, or, of an answer that says neither, to the end of the stream;
//                none after HEAD and with 1xx, 204 and 304

import Glibc

/// A request or an answer with its exact bytes.
public struct HTTPMessage: Sendable {
  public internal(set) var startLine = ""
  public internal(set) var headers: [(name: String, value: String)] = []
  /// Without the framing of chunks.
  public internal(set) var body: [UInt8] = []
  /// All of it, as it came.
  public internal(set) var raw: [UInt8] = []

  /// The value of the first header of a name, given in lower case.
  public func header(_ name: String) -> String? {
    headers.first { $0.name.lowercased() == name }?.value
  }

  /// Of a request.
  public var method: String { word(0) }
  /// Path and query of a request, as they were sent.
  public var target: String { word(1) }
  /// Of an answer; 0 when it has none.
  public var status: Int { Int(word(1)) ?? 0 }
  package var closesConnection: Bool { header("connection")?.lowercased() == "close" }

  private func word(_ number: Int) -> String {
    let words = startLine.split(separator: " ")
    return number < words.count ? String(words[number]) : ""
  }
}

/// One end of a connection. Used by one thread.
public final class HTTPStream {
  struct Broken: Error {}

  let descriptor: Int32
  private var buffer: [UInt8] = []
  private var position = 0

  init(_ descriptor: Int32) { self.descriptor = descriptor }

  /// - Returns: nil when the other side has closed the connection, or what came is no whole message.
  package func request() -> HTTPMessage? { try? message(answering: nil) }

  /// - Parameter method: that of the request.
  func answer(to method: String) -> HTTPMessage? { try? message(answering: method) }

  private func message(answering method: String?) throws -> HTTPMessage {
    var message = HTTPMessage()
    message.startLine = try line(&message)
    while true {
      let field = try line(&message)
      if field.isEmpty { break }
      guard let colon = field.firstIndex(of: ":") else { throw Broken() }
      let value = field[field.index(after: colon)...].drop { $0 == " " }
      message.headers.append((String(field[..<colon]), String(value)))
    }
    if let method {
      let status = message.status
      if method == "HEAD" || status == 204 || status == 304 || (100..<200).contains(status) {
        return message
      }
    }
    if message.header("transfer-encoding")?.lowercased() == "chunked" {
      while true {
        let size = try line(&message).prefix { $0 != ";" }
        guard let count = Int(size, radix: 16), count >= 0 else { throw Broken() }
        try take(count, &message, isBody: true)
        _ = try line(&message)
        if count == 0 { return message }
      }
    } else if let text = message.header("content-length") {
      guard let count = Int(text), count >= 0 else { throw Broken() }
      try take(count, &message, isBody: true)
    } else if method != nil {
      while position < buffer.count || fill() {
        try take(buffer.count - position, &message, isBody: true)
      }
    }
    return message
  }

  private func line(_ message: inout HTTPMessage) throws -> String {
    var bytes: [UInt8] = []
    while true {
      guard position < buffer.count || fill() else { throw Broken() }
      let byte = buffer[position]
      position += 1
      message.raw.append(byte)
      if byte == 0x0a { break }
      if byte != 0x0d { bytes.append(byte) }
      guard bytes.count < 64 << 10 else { throw Broken() }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func take(_ count: Int, _ message: inout HTTPMessage, isBody: Bool) throws {
    var left = count
    while left > 0 {
      guard position < buffer.count || fill() else { throw Broken() }
      let piece = buffer[position..<min(buffer.count, position + left)]
      message.raw += piece
      if isBody { message.body += piece }
      position += piece.count
      left -= piece.count
    }
  }

  private func fill() -> Bool {
    var room = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = recv(descriptor, &room, room.count, 0)
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      buffer = Array(room[..<count])
      position = 0
      return true
    }
  }

  /// - Returns: whether the other side took all of it.
  @discardableResult
  package func write(_ bytes: some Collection<UInt8>) -> Bool {
    let bytes = Array(bytes)
    var sent = 0
    while sent < bytes.count {
      let count = bytes.withUnsafeBytes {
        send(descriptor, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
      }
      if count < 0 && errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Blocks until the other side has closed the connection.
  func waitForEnd() { while fill() {} }
}
