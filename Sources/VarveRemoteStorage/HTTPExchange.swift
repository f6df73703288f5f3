import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import VarveFormat

/// HTTP for commands: each request is waited for by the thread that makes it. May be used from several threads, but
/// none of an event loop.
public final class HTTPExchange: Sendable {
  public struct Answer: Sendable {
    public let status: Int
    /// Without parameters, in lower case.
    public let contentType: String?
    public let body: [UInt8]

    public var isSuccess: Bool { (200..<300).contains(status) }
    /// The body as text, for messages.
    public var text: String { String(decoding: body.prefix(500), as: UTF8.self) }
  }

  private let client: HTTPClient
  private let limit: TimeAmount

  /// - Parameter seconds: for one request, from the connection to the last byte of the answer.
  public init(seconds: Int64 = 20) {
    limit = .seconds(seconds)
    var configuration = HTTPClient.Configuration()
    // What is asked for is asked of the one that was named, and of nobody else.
    configuration.redirectConfiguration = .disallow
    configuration.timeout = HTTPClient.Configuration.Timeout(
      connect: .seconds(min(seconds, 10)), read: .seconds(seconds))
    client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
  }

  deinit { try? client.syncShutdown() }

  /// - Parameter largestAnswer: bytes; a longer answer is a failure.
  /// - Throws: `VarveError.Code.usage` for what is no URL of HTTP, `io` when there is no whole answer in time.
  public func get(_ url: String, largestAnswer: Int) throws -> Answer {
    try exchange(.GET, url, [:], nil, largestAnswer)
  }

  /// As `get`.
  public func post(
    _ url: String, _ body: [UInt8], contentType: String, largestAnswer: Int
  ) throws -> Answer {
    try exchange(.POST, url, ["content-type": contentType], body, largestAnswer)
  }

  private func exchange(
    _ method: HTTPMethod, _ url: String, _ headers: [String: String], _ body: [UInt8]?,
    _ largestAnswer: Int
  ) throws -> Answer {
    var fields = HTTPHeaders(headers.map { ($0, $1) })
    fields.add(name: "user-agent", value: ProgramVersion.program)
    let request: HTTPClient.Request
    do {
      request = try HTTPClient.Request(
        url: url, method: method, headers: fields, body: body.map { .bytes($0) })
    } catch {
      throw VarveError(
        .usage, "'\(url)' is no URL that can be asked",
        hint: "give one that starts with http:// or https://",
        cause: error)
    }
    let response: HTTPClient.Response
    do {
      let accumulator = ResponseAccumulator(request: request, maxBodySize: largestAnswer)
      response = try client.execute(
        request: request, delegate: accumulator, deadline: .now() + limit
      ).wait()
    } catch {
      throw VarveError(
        .io, "\(url) does not answer: \(error)", hint: "check the address and the network")
    }
    let type = response.headers.first(name: "content-type")?
      .split(separator: ";").first.map { $0.trimmingSpaces.lowercased() }
    return Answer(
      status: Int(response.status.code), contentType: type,
      body: response.body.map { Array($0.readableBytesView) } ?? [])
  }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    let start = drop { $0 == " " || $0 == "\t" }
    let end = start.lastIndex { $0 != " " && $0 != "\t" }
    return end.map { start[...$0] } ?? start[start.endIndex...]
  }
}
