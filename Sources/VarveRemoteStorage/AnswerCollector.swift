import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization
import VarveStorage

/// Takes in an answer, at the rate that is allowed.
final class AnswerCollector: HTTPClientResponseDelegate {
  struct TooLong: Error {}

  private struct Parts {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
  }

  private let limit: Int
  private let rate: TransferLimit?
  private let parts = Mutex(Parts())

  init(limit: Int, rate: TransferLimit?) {
    self.limit = limit
    self.rate = rate
  }

  func didReceiveHead(
    task: HTTPClient.Task<HTTPExchange.Answer>, _ head: HTTPResponseHead
  ) -> EventLoopFuture<Void> {
    let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    parts.withLock {
      $0.status = Int(head.status.code)
      $0.headers = head.headers.map { (name: $0.name, value: $0.value) }
      // What it announces is believed up to a bound.
      $0.body.reserveCapacity(min(max(length, 0), limit, 64 << 20))
    }
    return task.eventLoop.makeSucceededVoidFuture()
  }

  func didReceiveBodyPart(
    task: HTTPClient.Task<HTTPExchange.Answer>, _ buffer: ByteBuffer
  ) -> EventLoopFuture<Void> {
    let fits = parts.withLock { parts in
      guard parts.body.count + buffer.readableBytes <= limit else { return false }
      parts.body.append(contentsOf: buffer.readableBytesView)
      return true
    }
    guard fits else { return task.eventLoop.makeFailedFuture(TooLong()) }
    let delay = rate?.reserve(buffer.readableBytes) ?? 0
    guard delay > 0 else { return task.eventLoop.makeSucceededVoidFuture() }
    return task.eventLoop.scheduleTask(in: .nanoseconds(delay)) {}.futureResult
  }

  func didFinishRequest(
    task: HTTPClient.Task<HTTPExchange.Answer>
  ) throws -> HTTPExchange.Answer {
    parts.withLock {
      HTTPExchange.Answer(status: $0.status, headers: $0.headers, body: $0.body)
    }
  }
}
