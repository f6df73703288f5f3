import Glibc
import Synchronization

/// An HTTP proxy on loopback that does harm at chosen requests: what stands between a client and a store's server in tests of
/// what happens when the network fails.
///
///     let proxy = FaultProxy(to: server) { number, _ in number == 3 ? .dropAfter : .pass }
///     // … a client of proxy.url
public final class FaultProxy: LoopbackHost {
  public enum Fault: Hashable, Sendable, CustomStringConvertible {
    case pass
    /// The connection ends, and the server has heard nothing.
    case dropBefore
    /// The server does it, and the connection ends without an answer.
    case dropAfter
    /// The server gets it twice; the second answer is passed on.
    case duplicate
    /// Milliseconds, before it is passed on.
    case delay(Int)
    /// The server does it; half of the answer comes, then the connection ends.
    case truncate
    /// The server does it; no answer comes, and the connection stays until the client ends it.
    case stall
    /// A status and error code, in S3's form, and the server has heard nothing.
    case answer(Int, String)

    /// One of each kind that S3's clients have to live with, but `stall`, which takes as long as they wait.
    public static let all: [Fault] = [
      .dropBefore, .dropAfter, .duplicate, .delay(20), .truncate, .answer(500, "InternalError"),
      .answer(503, "SlowDown"), .answer(409, "ConditionalRequestConflict"),
      .answer(412, "PreconditionFailed"), .answer(429, "TooManyRequests"),
    ]

    public var description: String {
      switch self {
      case .pass: "pass"
      case .dropBefore: "drop before"
      case .dropAfter: "drop after"
      case .duplicate: "duplicate"
      case .delay(let milliseconds): "delay \(milliseconds) ms"
      case .truncate: "truncate"
      case .stall: "stall"
      case .answer(let status, let code): "\(status) \(code)"
      }
    }
  }

  /// - Parameters:
  ///   - number: how many requests came before this one.
  public typealias Judge = @Sendable (_ number: Int, _ request: HTTPMessage) -> Fault

  private final class Counter: Sendable {
    let value = Mutex(0)
  }

  private let listener: LoopbackListener
  private let counter: Counter

  /// A proxy of a server of the test.
  public convenience init(to server: any LoopbackHost, _ judge: @escaping Judge) {
    self.init(toPort: server.port) { number, request in
      // It lives as long as the proxy.
      withExtendedLifetime(server) { judge(number, request) }
    }
  }

  /// - Parameter server: port of 127.0.0.1 to which requests are passed on.
  public init(toPort server: UInt16, _ judge: @escaping Judge) {
    let counter = Counter()
    self.counter = counter
    listener = LoopbackListener { client in
      var upstream = Upstream(port: server)
      defer { upstream.end() }
      while let request = client.request() {
        let number = counter.value.withLock { value in
          defer { value += 1 }
          return value
        }
        guard Self.pass(request, judge(number, request), client, &upstream),
          !request.closesConnection
        else { return }
      }
    }
  }

  public var port: UInt16 { listener.port }
  /// Requests so far.
  public var count: Int { counter.value.withLock { $0 } }

  /// - Returns: whether the connection goes on.
  private static func pass(
    _ request: HTTPMessage, _ fault: Fault, _ client: HTTPStream, _ upstream: inout Upstream
  ) -> Bool {
    switch fault {
    case .dropBefore: return false
    case .answer(let status, let code):
      let body = Array("<?xml version=\"1.0\"?><Error><Code>\(code)</Code></Error>".utf8)
      return client.write(
        LoopbackServer.Answer(status, headers: [("content-type", "application/xml")], body: body)
          .encode(answering: request.method))
    case .delay(let milliseconds): usleep(UInt32(milliseconds) * 1000)
    case .duplicate:
      guard upstream.exchange(request) != nil else { return false }
    case .pass, .dropAfter, .truncate, .stall: break
    }
    guard let answer = upstream.exchange(request) else { return false }
    switch fault {
    case .dropAfter: return false
    case .truncate:
      client.write(answer.raw[..<(answer.raw.count - max(1, answer.body.count / 2))])
      return false
    case .stall:
      client.waitForEnd()
      return false
    default: return client.write(answer.raw) && !answer.closesConnection
    }
  }

  /// The connection to the server, made when it is needed.
  private struct Upstream {
    let port: UInt16
    private var stream: HTTPStream?

    init(port: UInt16) { self.port = port }

    mutating func exchange(_ request: HTTPMessage) -> HTTPMessage? {
      // One that was kept may have been closed meanwhile.
      for _ in 0..<2 {
        let isKept = stream != nil
        guard let stream = stream ?? connectLoopback(port) else { return nil }
        self.stream = stream
        if stream.write(request.raw), let answer = stream.answer(to: request.method) {
          if answer.closesConnection { end() }
          return answer
        }
        end()
        guard isKept else { return nil }
      }
      return nil
    }

    mutating func end() {
      if let stream { close(stream.descriptor) }
      stream = nil
    }
  }
}
