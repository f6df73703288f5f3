import AsyncHTTPClient
import Glibc
import NIOCore
import NIOHTTP1
import NIOSSL
import Synchronization
import VarveFormat
public import VarveStorage

/// HTTP for commands: each request is waited for by the thread that makes it. May be used from several threads, but
/// none of an event loop.
public final class HTTPExchange: Sendable {
  public struct Options: Sendable {
    /// At one time; further requests wait.
    public var connections = 16
    public var connectSeconds: Int64 = 10
    /// Longest time in which no byte comes or goes; waiting for a turn, or as a rate demands, is none of it.
    public var idleSeconds: Int64 = 60
    /// For a request, from the connection to the last byte of the answer; nil for no limit.
    public var totalSeconds: Int64?
    public var upload: TransferLimit?
    public var download: TransferLimit?
    /// A file of certificates (PEM) that take the place of the system's authorities.
    public var authorities: String?

    public init() {}

    /// For one small question: 20 seconds, then it has no answer.
    public static var brief: Options {
      var options = Options()
      options.idleSeconds = 20
      options.totalSeconds = 20
      return options
    }
  }

  public struct Request: Sendable {
    public var method: String
    public var url: String
    public var headers: [(name: String, value: String)]
    /// What messages say in the place of a URL that may have a secret in it.
    public var name: String?

    public init(
      _ method: String, _ url: String, headers: [(name: String, value: String)] = [],
      name: String? = nil
    ) {
      self.method = method
      self.url = url
      self.headers = headers
      self.name = name
    }

    /// For messages.
    var description: String { name ?? url }
  }

  public struct Answer: Sendable {
    public let status: Int
    public let headers: [(name: String, value: String)]
    /// Empty where the body went to the caller's memory.
    public let body: [UInt8]
    /// Of the body, wherever it went.
    public let bodyByteCount: Int

    public var isSuccess: Bool { (200..<300).contains(status) }
    /// The body as text, for messages.
    public var text: String { String(decoding: body.prefix(500), as: UTF8.self) }

    /// The value of the first header of a name, given in lower case.
    public func header(_ name: String) -> String? {
      headers.first { $0.name.lowercased() == name }?.value
    }

    /// Without parameters, in lower case.
    public var contentType: String? {
      header("content-type")?.split(separator: ";").first.map { $0.trimmingSpaces.lowercased() }
    }
  }

  /// Bytes of a body that are sent at once: after each of them the time without progress begins anew.
  private static let pieceSize = 64 << 10

  /// Bytes that a connection's socket takes beyond what is on its way: so that what was sent has gone, or nearly.
  private static let unsentBytes = 256 << 10

  /// Bytes taken from a connection at once.
  private static let largestRead = 512 << 10

  private let client: HTTPClient
  private let options: Options
  private let turns: RequestTurns

  /// - Throws: `VarveError.Code.usage` when the authorities' file cannot be read.
  public init(_ options: Options = Options()) throws {
    self.options = options
    turns = RequestTurns(count: options.connections)
    var configuration = HTTPClient.Configuration()
    // What is asked for is asked of the one that was named, and of nobody else.
    configuration.redirectConfiguration = .disallow
    configuration.httpVersion = .http1Only
    configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = options.connections
    // Whoever asks decides whether to ask again.
    configuration.connectionPool.retryConnectionEstablishment = false
    // All others are IdleWatch's.
    configuration.timeout = HTTPClient.Configuration.Timeout(
      connect: .seconds(options.connectSeconds))
    // An object's part comes in few pieces, each of which has its own way through the loop; at a limited rate in those of an
    // eighth of a second, since a piece that has come is waited for.
    let read = options.download.map { min(Self.largestRead, max(2 << 10, $0.bytesPerSecond / 8)) }
    let largestRead = read ?? Self.largestRead
    configuration.http1_1ConnectionDebugInitializer = { channel in
      let unsent = ChannelOptions.Types.SocketOption(
        level: .tcp, name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT))
      return channel.setOption(unsent, value: Self.unsentBytes).flatMap {
        channel.setOption(
          .recvAllocator,
          value: AdaptiveRecvByteBufferAllocator(
            minimum: 1 << 10, initial: min(16 << 10, largestRead), maximum: largestRead))
      }
    }
    if let path = options.authorities {
      var encryption = TLSConfiguration.makeClientConfiguration()
      do {
        encryption.trustRoots = .certificates(try NIOSSLCertificate.fromPEMFile(path))
      } catch {
        throw VarveError(
          .usage, "no certificates can be read from \(path)",
          hint: "give a file of certificates in PEM", cause: error)
      }
      configuration.tlsConfiguration = encryption
    }
    // One loop for requests and connections: async-http-client 1.37 traps when a connection goes while the end of a body that
    // was sent is on its way from one loop to the other.
    client = HTTPClient(
      eventLoopGroupProvider: .shared(HTTPClient.defaultEventLoopGroup.next()),
      configuration: configuration)
  }

  deinit { try? client.syncShutdown() }

  /// - Parameter largestAnswer: bytes; a longer answer is a failure.
  /// - Throws: as `send`.
  public func get(_ url: String, largestAnswer: Int) throws -> Answer {
    try send(Request("GET", url), largestAnswer: largestAnswer)
  }

  /// As `get`.
  public func post(
    _ url: String, _ body: [UInt8], contentType: String, largestAnswer: Int
  ) throws -> Answer {
    let request = Request("POST", url, headers: [("content-type", contentType)])
    return try body.withUnsafeBytes { try send(request, $0, largestAnswer: largestAnswer) }
  }

  /// Sends a request and waits for the whole answer, whatever its status.
  ///
  /// - Parameters:
  ///   - body: copied piece by piece while it is sent.
  ///   - content: where the body of an answer of status 206 goes, as far as there is room: a part of an object, which is not
  ///     copied once more.
  ///   - largestAnswer: bytes; a longer answer is a failure.
  /// - Throws: `VarveError.Code.usage` for what is no URL of HTTP, `unavailable` when there is no whole answer in time,
  ///   `io` for one that is too long.
  public func send(
    _ request: Request,
    _ body: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0),
    into content: UnsafeMutableRawBufferPointer? = nil,
    largestAnswer: Int
  ) throws -> Answer {
    try send(body, into: content, largestAnswer: largestAnswer) { request }
  }

  /// As `send` of a request that is made when its turn has come, because it says when it was made.
  func send(
    _ body: UnsafeRawBufferPointer, into content: UnsafeMutableRawBufferPointer?,
    largestAnswer: Int, _ request: () throws -> Request
  ) throws -> Answer {
    try turns.take { try exchange(try request(), body, into: content, largestAnswer) }
  }

  private func exchange(
    _ request: Request, _ body: UnsafeRawBufferPointer,
    into content: UnsafeMutableRawBufferPointer?, _ largestAnswer: Int
  ) throws -> Answer {
    let lease = BodyLease(body)
    defer { lease.end() }
    let watch = IdleWatch(
      seconds: options.idleSeconds,
      failure: VarveError(
        .unavailable,
        "\(request.description) does not answer: no byte came or went in \(options.idleSeconds) seconds",
        hint: "check the address and the network"))
    defer { watch.end() }
    var fields = HTTPHeaders(request.headers.map { ($0.name, $0.value) })
    fields.add(name: "user-agent", value: ProgramVersion.program)
    let prepared: HTTPClient.Request
    do {
      prepared = try HTTPClient.Request(
        url: request.url, method: HTTPMethod(rawValue: request.method), headers: fields,
        body: stream(lease, watch))
    } catch {
      throw VarveError(
        .usage, "'\(request.description)' is no URL that can be asked",
        hint: "give one that starts with http:// or https://", cause: error)
    }
    let collector = AnswerCollector(
      content: content, limit: largestAnswer, rate: options.download, watch: watch)
    defer { collector.end() }
    let task = client.execute(
      request: prepared, delegate: collector,
      deadline: options.totalSeconds.map { .now() + .seconds($0) })
    watch.begin(task)
    do {
      return try task.wait()
    } catch let error as VarveError {
      throw error
    } catch let error as AnswerCollector.TooLong {
      throw VarveError(
        .io, "the answer of \(request.description) is longer than it may be", cause: error)
    } catch {
      throw VarveError(
        .unavailable, "\(request.description) does not answer: \(error)",
        hint: "check the address and the network")
    }
  }

  /// Piece by piece, at the rate that is allowed.
  private func stream(_ body: BodyLease, _ watch: IdleWatch) -> HTTPClient.Body? {
    guard body.byteCount > 0 else { return nil }
    let rate = options.upload
    let pieceSize =
      rate.map { min(Self.pieceSize, max(1024, $0.bytesPerSecond / 8)) }
      ?? Self.pieceSize
    return .stream(contentLength: Int64(body.byteCount)) { writer in
      @Sendable func send(from start: Int) -> EventLoopFuture<Void> {
        let piece = body.piece(from: start, count: pieceSize)
        let end = start + piece.readableBytes
        let delay = rate?.reserve(piece.readableBytes) ?? 0
        return writer.write(.byteBuffer(piece)).flatMapWithEventLoop { _, loop in
          watch.touch(pause: delay)
          guard piece.readableBytes > 0, end < body.byteCount else {
            return loop.makeSucceededVoidFuture()
          }
          guard delay > 0 else { return send(from: end) }
          return loop.flatScheduleTask(in: .nanoseconds(delay)) { send(from: end) }
            .futureResult
        }
      }
      return send(from: 0)
    }
  }
}

/// The caller's memory for as long as the caller waits: what is left of a request that has failed may ask for a piece later.
private final class BodyLease: Sendable {
  let byteCount: Int
  private let bytes: Mutex<(base: UInt, count: Int)>

  init(_ body: UnsafeRawBufferPointer) {
    byteCount = body.count
    bytes = Mutex((UInt(bitPattern: body.baseAddress), body.count))
  }

  /// A copy of at most `count` bytes; empty behind the end, and after `end`.
  func piece(from start: Int, count: Int) -> ByteBuffer {
    bytes.withLock { bytes in
      guard start < bytes.count, let base = UnsafeRawPointer(bitPattern: bytes.base) else {
        return ByteBuffer()
      }
      return ByteBuffer(
        bytes: UnsafeRawBufferPointer(start: base + start, count: min(count, bytes.count - start)))
    }
  }

  func end() { bytes.withLock { $0 = (0, 0) } }
}

extension Substring {
  fileprivate var trimmingSpaces: Substring {
    let start = drop { $0 == " " || $0 == "\t" }
    let end = start.lastIndex { $0 != " " && $0 != "\t" }
    return end.map { start[...$0] } ?? start[start.endIndex...]
  }
}
