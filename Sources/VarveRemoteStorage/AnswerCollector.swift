import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Synchronization
import VarveFormat
import VarveStorage

/// Takes in an answer, at the rate that is allowed.
final class AnswerCollector: HTTPClientResponseDelegate {
  struct TooLong: Error, CustomStringConvertible {
    let limit: Int
    var description: String { "it has more than \(limit) bytes" }
  }

  private struct Parts {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []
    var byteCount = 0
    /// The caller's memory, as long as the caller waits.
    var content: Content?
  }

  private struct Content: @unchecked Sendable {
    let buffer: UnsafeMutableRawBufferPointer
  }

  private let limit: Int
  private let rate: TransferLimit?
  private let watch: IdleWatch
  private let parts: Mutex<Parts>

  /// - Parameter content: where the body of status 206 goes, until `end`.
  init(
    content: UnsafeMutableRawBufferPointer?, limit: Int, rate: TransferLimit?, watch: IdleWatch
  ) {
    self.watch = watch
    self.limit = limit
    self.rate = rate
    parts = Mutex(Parts(content: content.map(Content.init)))
  }

  /// Nothing of what may still come goes to the caller's memory.
  func end() { parts.withLock { $0.content = nil } }

  func didReceiveHead(
    task: HTTPClient.Task<HTTPExchange.Answer>, _ head: HTTPResponseHead
  ) -> EventLoopFuture<Void> {
    watch.touch()
    let length = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
    parts.withLock {
      $0.status = Int(head.status.code)
      $0.headers = head.headers.map { (name: $0.name, value: $0.value) }
      if $0.status != 206 { $0.content = nil }
      guard $0.content == nil else { return }
      // What it announces is believed up to a bound.
      $0.body.reserveCapacity(min(max(length, 0), limit, 64 << 20))
    }
    return task.eventLoop.makeSucceededVoidFuture()
  }

  func didReceiveBodyPart(
    task: HTTPClient.Task<HTTPExchange.Answer>, _ buffer: ByteBuffer
  ) -> EventLoopFuture<Void> {
    let fits = parts.withLock { parts in
      let start = parts.byteCount
      guard start + buffer.readableBytes <= limit else { return false }
      parts.byteCount += buffer.readableBytes
      guard let content = parts.content?.buffer else {
        parts.body.append(contentsOf: buffer.readableBytesView)
        return true
      }
      guard start < content.count else { return true }
      buffer.withUnsafeReadableBytes { bytes in
        UnsafeMutableRawBufferPointer(rebasing: content[start...])
          .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes.prefix(content.count - start)))
      }
      return true
    }
    guard fits else { return task.eventLoop.makeFailedFuture(TooLong(limit: limit)) }
    let delay = rate?.reserve(buffer.readableBytes) ?? 0
    watch.touch(pause: delay)
    guard delay > 0 else { return task.eventLoop.makeSucceededVoidFuture() }
    return task.eventLoop.scheduleTask(in: .nanoseconds(delay)) {}.futureResult
  }

  func didFinishRequest(
    task: HTTPClient.Task<HTTPExchange.Answer>
  ) throws -> HTTPExchange.Answer {
    parts.withLock {
      HTTPExchange.Answer(
        status: $0.status, headers: $0.headers, body: $0.body, bodyByteCount: $0.byteCount)
    }
  }
}

extension VarveError {
  /// Whether an answer had more bytes than it was to have.
  var isTooLongAnswer: Bool { cause is AnswerCollector.TooLong }
}
