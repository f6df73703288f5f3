import Synchronization

/// An HTTP server of a test: it answers what a closure says.
public final class LoopbackServer: LoopbackHost {
  public struct Answer: Sendable {
    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: [UInt8]
    /// Of an answer to HEAD, which has no body.
    public var contentLength: Int?

    public init(
      _ status: Int, headers: [(name: String, value: String)] = [], body: [UInt8] = [],
      contentLength: Int? = nil
    ) {
      self.status = status
      self.headers = headers
      self.body = body
      self.contentLength = contentLength
    }

    public init(_ status: Int, _ text: String) { self.init(status, body: Array(text.utf8)) }

    package func encode(answering method: String) -> [UInt8] {
      var head = "HTTP/1.1 \(status) Because\r\n"
      for header in headers { head += "\(header.name): \(header.value)\r\n" }
      if status != 204 { head += "content-length: \(contentLength ?? body.count)\r\n" }
      return Array("\(head)\r\n".utf8) + (method == "HEAD" || status == 204 ? [] : body)
    }
  }

  private final class Record: Sendable {
    let requests = Mutex<[HTTPMessage]>([])
  }

  private let listener: LoopbackListener
  private let record: Record

  /// - Parameter respond: called from several threads.
  public init(_ respond: @escaping @Sendable (HTTPMessage) -> Answer) {
    let record = Record()
    self.record = record
    listener = LoopbackListener { stream in
      while let request = stream.request() {
        record.requests.withLock { $0.append(request) }
        guard stream.write(respond(request).encode(answering: request.method)),
          !request.closesConnection
        else { return }
      }
    }
  }

  public var port: UInt16 { listener.port }
  /// What came so far.
  public var requests: [HTTPMessage] { record.requests.withLock { $0 } }
  public func stop() { listener.stop() }
  public func forgetRequests() { record.requests.withLock { $0 = [] } }
}
