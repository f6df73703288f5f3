// Cuts connections that hold a place without getting on:
//
//     head      from the first byte of a request, or from the connection (with the handshake of TLS), to the end of its
//               head: at most `headSeconds`
//     body      in each `bodySeconds` in which the server waits for bytes: at least `bodyBytes`
//     rest      what is left of a body when its answer is out: at most `restBytes`, for at most `restSeconds`
//     answer    a piece of an answer is taken within `answerSeconds`
//     idle      between two requests: at most `idleSeconds`
//     end       when the server has said its last word: at most `idleSeconds`, whatever the client goes on to send
//
// Time in which the server itself does not read, since a disk is slow or no upload slot is free, is not the client's.

import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// How slow a client may be.
public struct PaceLimits: Sendable {
  public var headSeconds: Double = 15
  public var bodySeconds: Double = 30
  public var bodyBytes = 8 << 10
  public var restBytes = 8 << 20
  public var restSeconds: Double = 10
  public var answerSeconds: Double = 60
  /// Between two requests, and after the last one.
  public var idleSeconds: Int64 = 75

  public init() {}
}

/// Tells `ConnectionPace`, which sees whole heads only, that bytes came.
final class ByteArrival: ChannelInboundHandler, RemovableChannelHandler {
  typealias InboundIn = ByteBuffer
  typealias InboundOut = ByteBuffer

  struct Event: Sendable {}

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    context.fireUserInboundEventTriggered(Event())
    context.fireChannelRead(data)
  }
}

final class ConnectionPace: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let limits: PaceLimits
  private var tick: Scheduled<Void>?
  /// Since when a head is awaited.
  private var headStart: Double?
  private var isReadingBody = false
  /// Requests whose answers are not out.
  private var pending = 0
  /// Since when the server waits for bytes of a body.
  private var waitStart: Double?
  private var waited: Double = 0
  private var arrived = 0
  private var restStart: Double?
  private var restCount = 0
  private var stallStart: Double?
  /// Since when all requests are answered and nothing of another has come.
  private var idleStart: Double?
  /// Since when the server has nothing more to say.
  private var endStart: Double?

  init(_ limits: PaceLimits) { self.limits = limits }

  func handlerAdded(context: ChannelHandlerContext) {
    headStart = MonotonicTime.seconds
    schedule(context)
  }

  func handlerRemoved(context: ChannelHandlerContext) { tick?.cancel() }

  func channelInactive(context: ChannelHandlerContext) {
    tick?.cancel()
    context.fireChannelInactive()
  }

  private func schedule(_ context: ChannelHandlerContext) {
    tick = context.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(500)) {
      if self.isTooSlow(at: MonotonicTime.seconds) {
        context.close(promise: nil)
      } else {
        self.schedule(context)
      }
    }
  }

  private func isTooSlow(at now: Double) -> Bool {
    if let headStart, now - headStart > limits.headSeconds { return true }
    if let stallStart, now - stallStart > limits.answerSeconds { return true }
    if let restStart, now - restStart > limits.restSeconds { return true }
    if let start = endStart ?? idleStart, now - start > Double(limits.idleSeconds) { return true }
    guard isReadingBody else { return false }
    if let start = waitStart {
      waited += now - start
      waitStart = now
    }
    guard waited >= limits.bodySeconds else { return false }
    guard arrived >= limits.bodyBytes else { return true }
    waited = 0
    arrived = 0
    return false
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    guard event is ByteArrival.Event else {
      context.fireUserInboundEventTriggered(event)
      return
    }
    if !isReadingBody, pending == 0, headStart == nil {
      headStart = MonotonicTime.seconds
      idleStart = nil
    }
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      headStart = nil
      idleStart = nil
      isReadingBody = true
      pending += 1
      waited = 0
      arrived = 0
      waitStart = nil
      if head.headerFields[.expect]?.lowercased() == "100-continue", pending == 1 {
        let go = HTTPResponse(status: .continue)
        context.writeAndFlush(wrapOutboundOut(.head(go)), promise: nil)
      }
    case .body(let bytes):
      if let start = waitStart { waited += MonotonicTime.seconds - start }
      waitStart = nil
      arrived += bytes.readableBytes
      if restStart != nil { restCount += bytes.readableBytes }
      if restCount > limits.restBytes {
        context.close(promise: nil)
        return
      }
    case .end:
      isReadingBody = false
      waitStart = nil
      restStart = nil
      restCount = 0
      if pending == 0 { idleStart = MonotonicTime.seconds }
    }
    context.fireChannelRead(data)
  }

  func read(context: ChannelHandlerContext) {
    if isReadingBody, waitStart == nil { waitStart = MonotonicTime.seconds }
    context.read()
  }

  func write(
    context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?
  ) {
    if case .end = unwrapOutboundIn(data) {
      pending -= 1
      if pending == 0 {
        if isReadingBody {
          restStart = MonotonicTime.seconds
        } else {
          idleStart = MonotonicTime.seconds
        }
      }
    }
    context.write(data, promise: promise)
  }

  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    if mode == .output, endStart == nil { endStart = MonotonicTime.seconds }
    context.close(mode: mode, promise: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    stallStart = context.channel.isWritable ? nil : MonotonicTime.seconds
    context.fireChannelWritabilityChanged()
  }
}
